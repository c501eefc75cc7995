"""The history: what every way of writing leaves in it, and how what was is read from it again."""

from __future__ import annotations

from typing import Any

import pytest
from django.db import connection
from django.db.models import Model
from django.test.utils import CaptureQueriesContext
from django.utils import timezone

from caluma_async.events.emit import emissions
from caluma_async.form.history import triggers
from caluma_async.form.history.entries import as_text, entries_of, newest, parts_of, restored
from caluma_async.form.models import Answer, AnswerDocument, Document, DynamicOption, File, HistoryEntry, Question
from caluma_async.identity import User
from caluma_async.testing.factories import (
    make_answer,
    make_document,
    make_dynamic_option,
    make_file,
    make_form,
    make_option,
    make_question,
    make_table,
)
from caluma_async.verbs import bulk

pytestmark = pytest.mark.django_db

ANNA, BEAT = User("anna"), User("beat")


@pytest.fixture
def plan() -> Document:
    make_question("street", form="plan", label="Street")
    return make_document("plan", user=ANNA)


def told(instance: Model) -> list[tuple[str, str | None]]:
    """Type and user of all entries of an object."""
    return list(entries_of(type(instance), [instance.pk]).order_by("id").values_list("type", "user_id"))


def test_each_save_and_deletion_leaves_an_entry(plan: Document) -> None:
    answer = make_answer(plan, "street", "Main Street", user=ANNA)
    answer.value = "Mill Lane"
    answer.stamp(BEAT)
    answer.save()
    key = answer.pk
    answer.delete()
    found = entries_of(Answer, [key]).order_by("id")
    assert list(found.values_list("type", "user_id", "question_type")) == [
        ("+", "anna", "text"),
        ("~", "beat", "text"),
        ("-", None, "text"),
    ]
    assert [entry.data["value"] for entry in found] == ["Main Street", "Mill Lane", "Mill Lane"]
    assert len({entry.history_id for entry in found}) == 3


def test_writes_in_bulk_are_in_it_at_no_statement_of_its_own(plan: Document) -> None:
    answers = [Answer(document=make_document("plan"), question_id="street", value=number) for number in range(5)]
    with CaptureQueriesContext(connection) as captured:
        bulk.insert(answers)
        Answer.objects.filter(question="street").update(value="all")
    assert len(captured) == 2
    entries = entries_of(Answer, [answer.pk for answer in answers])
    assert sorted(entries.values_list("type", flat=True)) == ["+"] * 5 + ["~"] * 5


def test_the_verbs_deletions_are_signed(plan: Document) -> None:
    answer = make_answer(plan, "street", "x", user=ANNA)
    with emissions(user=BEAT):
        bulk.delete([answer])
    assert told(answer) == [("+", "anna"), ("-", "beat")]


def _everything(plan: Document) -> list[Model]:
    make_question("streets", form="plan", type="table", row_form=make_form("row"))
    make_question("name", form="row")
    make_question("papers", form="plan", type="files")
    make_question("town", form="plan", type="dynamic_choice")
    kind = make_question("kind", form="plan", type="choice")
    option = make_option("old")
    kind.question_options.create(id="kind.old", option=option)
    table = make_table(plan, "streets", [{"name": "Main Street"}])
    file = make_file(make_answer(plan, "papers"), "plan.pdf")
    choice = make_dynamic_option(plan, "town", "bern", "Bern")
    return [
        plan,
        plan.form,
        kind,
        option,
        *kind.question_options.all(),
        *plan.form.form_questions.all(),
        table,
        *AnswerDocument.objects.all(),
        *table.documents.all(),
        file,
        choice,
    ]


def test_every_kind_of_object_has_one_and_comes_back_as_it_was(plan: Document) -> None:
    there = _everything(plan)
    assert {type(instance) for instance in there} == set(triggers.PARENTS)
    for instance in there:
        fresh = type(instance)._default_manager.get(pk=instance.pk)
        was = restored(type(instance), entries_of(type(instance), [instance.pk]).latest("id"))
        for field in type(instance)._meta.concrete_fields:
            assert getattr(was, field.attname) == getattr(fresh, field.attname), (instance, field)


def test_parts_are_found_by_what_they_belong_to(plan: Document) -> None:
    _everything(plan)
    [table, papers] = (plan.answers.get(question=slug) for slug in ("streets", "papers"))
    assert {entry.model for entry in parts_of(Answer, [plan.pk])} == {"answer"}
    assert parts_of(Answer, [plan.pk]).values("object_id").distinct().count() == plan.answers.count()
    assert [entry.data["answer_id"] for entry in parts_of(AnswerDocument, [table.pk])] == [as_text(table.pk)]
    assert [entry.data["name"] for entry in parts_of(File, [papers.pk])] == ["plan.pdf"]
    assert parts_of(DynamicOption, [plan.pk]).count() == 1


def test_the_newest_entry_until_a_time_counts(plan: Document) -> None:
    before = timezone.now()
    answer = make_answer(plan, "street", "first")
    times: list[Any] = []
    for value in ("second", "third"):
        times.append(timezone.now())
        entry = HistoryEntry.objects.latest("id")
        HistoryEntry.objects.filter(pk=entry.pk).update(date=times[-1])
        answer.value = value
        answer.save()
    HistoryEntry.objects.filter(pk=HistoryEntry.objects.latest("id").pk).update(date=timezone.now())
    entries = entries_of(Answer, [answer.pk])
    values = [[entry.data["value"] for entry in newest(entries, time)] for time in (before, *times, timezone.now())]
    assert values == [[], ["first"], ["second"], ["third"]]


def test_triggers_that_are_there_as_they_should_be_stay(plan: Document) -> None:
    with CaptureQueriesContext(connection) as captured:
        triggers.install()
    assert not [query for query in captured.captured_queries if "CREATE" in query["sql"] or "DROP" in query["sql"]]


def test_triggers_that_are_missing_are_made_again(plan: Document) -> None:
    table, on = Question._meta.db_table, "" if connection.vendor == "sqlite" else f" ON {Question._meta.db_table}"
    with connection.cursor() as cursor:
        cursor.execute(f"DROP TRIGGER {table}_history_insert{on}")
    triggers.install()
    assert told(make_question("again")) == [("+", None)]


def test_an_old_trigger_is_replaced(plan: Document) -> None:
    with connection.cursor() as cursor:
        if connection.vendor == "sqlite":
            name = "form_question_history_insert"
            cursor.execute(f"DROP TRIGGER {name}")
            cursor.execute(f"CREATE TRIGGER {name} AFTER INSERT ON form_question BEGIN SELECT 1; END")
        else:
            cursor.execute(
                "CREATE OR REPLACE FUNCTION form_history_kept() RETURNS trigger LANGUAGE plpgsql"
                " AS $$ BEGIN RETURN NULL; END $$"
            )
    triggers.install()
    assert told(make_question("again")) == [("+", None)]


def test_a_file_remembers_the_name_under_which_it_is_kept(plan: Document) -> None:
    make_question("papers", form="plan", type="files")
    file = make_file(make_answer(plan, "papers"), "plan.pdf")
    file.name = "final.pdf"
    file.save()
    file.refresh_from_db()
    assert (file.name, file.blob.name, file.blob.key) == ("final.pdf", "plan.pdf", file.pk)
