"""The log of events, and deliveries, as GraphQL shows them to those who run the site."""
