"""The verbs that say which questions a form has, and in which order."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator
from typing import Final

from django.db.models import Model

from caluma_async.errors import NotFound
from caluma_async.form import families
from caluma_async.form.circles import refuse_circles_around
from caluma_async.form.copies import Copies, Original
from caluma_async.form.events import (
    post_add_form_question,
    post_remove_form_question,
    post_reorder_form_questions,
    pre_add_form_question,
    pre_remove_form_question,
    pre_reorder_form_questions,
)
from caluma_async.form.models import Document, Form, FormQuestion, Question
from caluma_async.form.recalculation import schedule
from caluma_async.form.verbs.forms import tie
from caluma_async.form.verbs.sorting import HIGHEST_SORT, sort
from caluma_async.verbs import Verb, bulk, inputs

BATCH: Final = 500
"""Documents that get a default answer in one statement."""


class _OnForm(Verb[Form]):
    """Something with the questions of a form."""

    form: Form
    links: list[FormQuestion]

    def load(self) -> Model | None:
        """Lock the form: its questions are changed one verb at a time."""
        wanted = inputs.key_of(self.data.get("form"))
        visible = self.access.visible(Form.objects.all(), self.user)
        rows = Form.objects.select_for_update(no_key=True)
        if self.access.restricts(Form):
            rows = rows.filter(pk__in=visible.values("pk"))
        found = rows.filter(pk=wanted).first() if inputs.is_slug(wanted) else None
        if found is None:
            raise NotFound(f"There is no form {inputs.shown(wanted)}.", field="form")
        self.form = found
        self.links = list(found.form_questions.order_by("-sort", "pk"))
        return found

    def question(self) -> Question:
        """The question that the input names."""
        wanted = inputs.key_of(self.data.get("question"))
        visible = self.access.visible(Question.objects.all(), self.user)
        found = visible.filter(pk=wanted).first() if inputs.is_slug(wanted) else None
        if found is None:
            raise NotFound(f"There is no question {inputs.shown(wanted)}.", field="question")
        return found

    def link_to(self, question: Question) -> FormQuestion | None:
        """How the form has the question, if it does."""
        return next((link for link in self.links if link.question_id == question.pk), None)


class AddFormQuestion(_OnForm):
    """Put a `question` at the end of a `form`; nothing, where it is in there already."""

    async_twin = "aadd_form_question"

    def write(self) -> Form:
        """Tie them."""
        question = self.question()
        if self.link_to(question) is None:
            self.emit(pre_add_form_question, form=self.form, question=question)
            link = tie(self.form.pk, question.pk, self._last_sort())
            link.stamp(self.user)
            link.save(force_insert=True)
            refuse_circles_around([self.form.pk])
            self._answer_from_default(question)
            schedule(self.user, forms=[self.form.pk])
            self.emit(post_add_form_question, form=self.form, question=question)
        return self.form

    def _answer_from_default(self, question: Question) -> None:
        """Give the documents of exactly this form the question's default answer, where they have none."""
        if question.default_answer_id is None:
            return
        original = Original.of_defaults([question.pk])
        lacking = Document.objects.filter(form=self.form).exclude(answers__question=question)
        families.lock(lacking)
        for documents in _shares(list(lacking.order_by("pk"))):
            copies = Copies(self.user)
            for document in documents:
                copies.add(original, None, document, sourced=False)
            copies.write()

    def _last_sort(self) -> int:
        lowest = min((link.sort for link in self.links), default=HIGHEST_SORT + 1)
        if lowest == 0:  # rows that were not written by verbs
            sort(self.links, self.user)
            lowest = HIGHEST_SORT + 1 - len(self.links)
        return lowest - 1


class RemoveFormQuestion(_OnForm):
    """Take a `question` out of a `form`: answers to it stay. Nothing, where it is not in there."""

    async_twin = "aremove_form_question"

    def write(self) -> Form:
        """Untie them."""
        question = self.question()
        link = self.link_to(question)
        if link is not None:
            self.emit(pre_remove_form_question, form=self.form, question=question)
            bulk.delete([link])
            schedule(self.user, forms=[self.form.pk])
            self.emit(post_remove_form_question, form=self.form, question=question)
        return self.form


class ReorderFormQuestions(_OnForm):
    """Put the questions of a `form` into another order: `questions` are exactly those of the form, once each.

    Questions that the user may not see are not among them; each keeps its place.
    """

    async_twin = "areorder_form_questions"
    order: list[str]

    def check(self) -> None:
        """None may be missing, unknown or named twice."""
        subject = f"Form '{self.form.pk}'"
        given = self.data.get("questions")
        if not isinstance(given, list | tuple):
            raise inputs.refusal("questions", "questions must be a list.", of=subject)
        self.order = [str(inputs.key_of(each)) for each in given]
        there = self._seen()
        named = Counter(self.order)
        for message, slugs in (
            ("is named twice", [slug for slug, times in named.items() if times > 1]),
            ("is no question of this form", [slug for slug in named if slug not in there]),
            ("is missing", [slug for slug in there if slug not in named]),
        ):
            if slugs:
                raise inputs.refusal("questions", f"{inputs.shown(slugs[0])} {message}.", of=subject)

    def _seen(self) -> dict[str, None]:
        """The questions that the user sees in the form, in their order."""
        slugs = [link.question_id for link in self.links]
        if not self.access.restricts(Question):
            return dict.fromkeys(slugs)
        visible = set(
            self.access.visible(Question.objects.filter(pk__in=slugs), self.user).values_list("pk", flat=True)
        )
        return dict.fromkeys(slug for slug in slugs if slug in visible)

    def write(self) -> Form:
        """Number them anew."""
        self.emit(pre_reorder_form_questions, form=self.form, questions=self.order)
        by_question = {link.question_id: link for link in self.links}
        following = iter(self.order)
        named = set(self.order)
        sort([by_question[next(following)] if slug in named else link for slug, link in by_question.items()], self.user)
        self.emit(post_reorder_form_questions, form=self.form, questions=self.order)
        return self.form


def _shares(documents: list[Document]) -> Iterator[list[Document]]:
    """The documents, so many at a time."""
    for start in range(0, len(documents), BATCH):
        yield documents[start : start + BATCH]
