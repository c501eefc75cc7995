"""Forms and workflows over GraphQL, with event receivers that never hold a response up."""

__version__ = "0.1.0"
