"""Queries that are compiled once."""

from __future__ import annotations

import pytest
from django.db.models import QuerySet

from caluma_async.compiled import Compiled
from caluma_async.workflow.models import Task


def test_a_value_that_is_not_among_the_parameters_is_a_mistake_of_the_query() -> None:
    def build(slug: str) -> QuerySet[Task]:
        return Task.objects.filter(pk=slug + "-x")

    with pytest.raises(AssertionError, match="a value of a compiled query is not among its parameters"):
        Compiled(build)("a")
