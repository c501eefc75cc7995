"""The door for those who run the site: one page that shows the engine live. It decides nothing."""
