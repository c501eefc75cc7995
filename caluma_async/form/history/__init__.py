"""The history of the form domain: who writes it, and how what was is read from it."""
