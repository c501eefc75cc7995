"""The `filter` argument of connections: its input types say what each key means, and one function applies them."""

from caluma_async.graphql.filters.conditions import Condition, filtered

__all__ = ["Condition", "filtered"]
