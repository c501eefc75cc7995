"""The workflow domain as GraphQL shows it."""
