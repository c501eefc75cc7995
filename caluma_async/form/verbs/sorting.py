"""The order of questions in a form and of options of a question: the highest sort comes first."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Final

from caluma_async.form.models import FormQuestion, QuestionOption
from caluma_async.identity import User
from caluma_async.verbs import bulk

HIGHEST_SORT: Final = 1_000_000
"""That of the first; those behind it count down."""


def sort(links: Sequence[FormQuestion | QuestionOption], user: User) -> None:
    """Have the rows in this order: those that stand right are not written; new ones are, in one statement."""
    wrong = []
    for place, link in enumerate(links):
        if link.sort != HIGHEST_SORT - place:
            link.sort = HIGHEST_SORT - place
            link.stamp(user)
            wrong.append(link)
    bulk.insert([link for link in wrong if link._state.adding])
    bulk.update_each([link for link in wrong if not link._state.adding], ["sort"])
