"""The form domain as GraphQL shows it."""
