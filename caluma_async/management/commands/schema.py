"""Prints the GraphQL schema."""

from __future__ import annotations

from typing import Any

from django.core.management.base import BaseCommand

from caluma_async.graphql.schema import schema


class Command(BaseCommand):
    """`manage.py schema`: the schema in GraphQL's schema definition language."""

    help = "Print the GraphQL schema in its definition language."

    def handle(self, *args: Any, **options: Any) -> None:
        """Called by Django."""
        self.stdout.write(schema.as_str())
