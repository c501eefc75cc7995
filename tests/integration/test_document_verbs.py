"""Documents made with their defaults, changed, copied and removed."""

from __future__ import annotations

import uuid
from collections.abc import Iterator
from typing import Any

import pytest
from asgiref.sync import async_to_sync

from caluma_async.errors import Busy, InvalidInput, Misconfigured, NotFound, Refused, SignalHandlingError
from caluma_async.events import on
from caluma_async.events.receivers import registry
from caluma_async.form import events
from caluma_async.form import families as verbs_of_families
from caluma_async.form.api import (
    acopy_document,
    aremove_document,
    asave_document,
    copy_document,
    remove_document,
    save_answer,
    save_document,
)
from caluma_async.form.models import Answer, AnswerDocument, Document, DynamicOption, File, Form, Question
from caluma_async.form.verbs import CopyDocument, RemoveDocument, SaveDocument
from caluma_async.testing.factories import (
    make_answer,
    make_case,
    make_document,
    make_form,
    make_question,
    make_task,
    make_work_item,
    make_workflow,
)
from caluma_async.verbs import run
from caluma_async.workflow import StartCase
from tests.integration.documents_stage import (
    ANNA,
    BEN,
    EACH,
    emitted,
    families,
    make_plan,
    make_row,
    statements,
    stored,
    value_of,
)

pytestmark = pytest.mark.django_db


@pytest.fixture(autouse=True)
def _no_receivers_left() -> Iterator[None]:
    with registry.isolated():
        yield


def make_default(question: str, value: Any = None, **fields: Any) -> Answer:
    """The default answer of a question."""
    answer = make_answer(None, question, value, **fields)
    Question.objects.filter(pk=question).update(default_answer=answer)
    return answer


def make_full_document(rows: int = 2) -> Document:
    """A document of the plan with an answer of each kind, and rows that have rows."""
    document = make_document("plan", meta={"a": 1})
    for question, value in EACH.items():
        save_answer(question, document, ANNA, value, meta={"of": question})
    made = [make_document("row", answers={"size": number, "colour": "red"}) for number in range(rows)]
    for row in made:
        save_answer("cells", row, ANNA, [make_document("row", answers={"size": 7})])
    save_answer("table", document, ANNA, made)
    save_answer("files", document, ANNA, [{"name": "a.pdf"}, {"name": "b.pdf"}])
    make_question("source", form="plan", type="dynamic_choice", data_source="Any")
    make_answer(document, "source", "x")
    DynamicOption.objects.create(document=document, question_id="source", slug="x", label={"en": "X"})
    return document


@pytest.fixture
def plan() -> None:
    make_plan()
    make_question("cells", form="row", type="table", row_form_id="row")


def test_a_new_document_has_the_defaults_of_its_form_and_sub_forms(plan: None) -> None:
    make_question("deep", form="deep-sub")
    make_question("to-deep", form="sub", type="form", sub_form_id="deep-sub")
    make_default("text", "a", meta={"a": 1})
    make_default("date", date=EACH["date"])
    make_default("inner", "b")
    make_default("deep", "c")
    make_question("elsewhere", form="other")
    make_default("elsewhere", "d")
    document = save_document("plan", ANNA)
    assert {slug: value_of(document, slug) for slug in ("text", "date", "inner", "deep")} == {
        "text": "a",
        "date": EACH["date"],
        "inner": "b",
        "deep": "c",
    }
    assert document.answers.count() == 4
    answer = document.answers.get(question="text")
    assert (answer.meta, answer.created_by_user) == ({"a": 1}, "anna")


def test_an_answer_without_a_document_that_is_no_default_is_not_copied(plan: None) -> None:
    make_answer(None, "text", "a")
    assert not save_document("plan", ANNA).answers.exists()


def test_the_rows_of_default_tables_are_copied_as_they_are(plan: None) -> None:
    table = make_default("table")
    rows = [make_document("row", answers={"size": number}) for number in (1, 2)]
    save_answer("cells", rows[1], ANNA, [make_document("row", answers={"size": 3})])
    for sort, row in enumerate(rows):
        AnswerDocument.objects.create(answer=table, document=row, sort=2 - sort)
    documents = [save_document("plan", ANNA), save_document("plan", ANNA)]
    for document in documents:
        copies = value_of(document, "table")
        assert [value_of(copy, "size") for copy in copies] == [1, 2]
        [inner] = value_of(copies[1], "cells")
        assert value_of(inner, "size") == 3
        assert {families()[key] for key in (*copies, inner)} == {document.pk}
    assert Document.objects.count() == 3 + 2 * 4


def test_the_cost_of_a_new_document_does_not_grow(plan: None) -> None:
    table = make_default("table")
    make_default("text", "a")
    save_document("plan", ANNA)  # reads the forms too
    costs = []
    for _ in range(2):
        for _ in range(10):
            row = make_document("row", answers={"size": 1, "colour": "x"})
            AnswerDocument.objects.create(answer=table, document=row)
        costs.append(statements(lambda: save_document("plan", ANNA)))
    assert costs[0] == costs[1]


def test_a_document_that_is_changed_gets_no_defaults(plan: None) -> None:
    document = save_document("plan", ANNA)
    make_default("text", "a")
    save_document(None, BEN, document, meta={"b": 2})
    document.refresh_from_db()
    assert (document.meta, document.modified_by_user, document.answers.count()) == ({"b": 2}, "ben", 0)


def test_the_form_of_a_row_cannot_be_changed(plan: None) -> None:
    row = make_row(make_document("plan"))
    with pytest.raises(InvalidInput, match="is a row of a table"):
        save_document("sub", ANNA, row)
    save_document("row", ANNA, row, meta={"a": 1})
    row.refresh_from_db()
    assert (row.form_id, row.meta) == ("row", {"a": 1})


def test_receivers_may_change_a_new_document(plan: None) -> None:
    @on(events.pre_create_document)
    def change(sender: Any, validated_data: Any, **_: Any) -> None:
        validated_data["meta"]["from"] = "receiver"

    assert save_document("plan", ANNA, meta={"a": 1}).meta == {"a": 1, "from": "receiver"}


def test_what_a_receiver_puts_into_a_document_must_be_known(plan: None) -> None:
    @on(events.pre_create_document)
    def spoil(sender: Any, validated_data: Any, **_: Any) -> None:
        validated_data["odd"] = 1

    with pytest.raises(Misconfigured, match="'odd'"):
        save_document("plan", ANNA)


@pytest.mark.parametrize(
    ("odd", "complaint"),
    [
        ({"form": "nowhere"}, "There is no form 'nowhere'"),
        ({"form": None}, "form must be made of letters"),
        ({"meta": 1}, "meta must be a JSON object"),
    ],
)
def test_what_a_receiver_puts_into_a_new_document_must_fit(plan: None, odd: dict[str, Any], complaint: str) -> None:
    @on(events.pre_create_document)
    def spoil(sender: Any, validated_data: Any, **_: Any) -> None:
        validated_data.update(odd)

    with pytest.raises(InvalidInput, match=complaint):
        save_document("plan", ANNA)
    assert not Document.objects.exists()


def test_a_receiver_may_put_another_form_into_a_new_document(plan: None) -> None:
    @on(events.pre_create_document)
    def change(sender: Any, validated_data: Any, **_: Any) -> None:
        validated_data["form"] = Form.objects.get(pk="sub")
        del validated_data["meta"]

    document = save_document("plan", ANNA)
    document.refresh_from_db()
    assert (document.form_id, document.meta) == ("sub", {})


def test_a_receiver_cannot_put_in_a_form_that_there_is_not(plan: None) -> None:
    @on(events.pre_save_document)
    def spoil(sender: Any, validated_data: Any, **_: Any) -> None:
        validated_data["form"] = "nowhere"

    with pytest.raises(InvalidInput, match="There is no form 'nowhere'"):
        save_document(None, ANNA, make_document("plan"), meta={})


def test_receivers_may_change_what_is_saved(plan: None) -> None:
    @on(events.pre_save_document)
    def change(sender: Any, validated_data: Any, **_: Any) -> None:
        validated_data["meta"] = {"from": "receiver"}

    document = make_document("plan")
    assert save_document(None, ANNA, document, meta={}).meta == {"from": "receiver"}


def test_a_copy_has_all_that_its_original_has(plan: None) -> None:
    original = make_full_document()
    before = stored()
    copy = copy_document(original, BEN)
    assert (copy.form_id, copy.meta, copy.source_id, copy.family_id) == ("plan", {"a": 1}, original.pk, copy.pk)
    for question, value in EACH.items():
        assert value_of(copy, question) == value
        assert copy.answers.get(question=question).meta == {"of": question}
    assert value_of(copy, "files") == ["a.pdf", "b.pdf"]
    option = DynamicOption.objects.get(document=copy)
    assert (option.slug, option.question_id, str(option.label)) == ("x", "source", "X")
    rows = value_of(copy, "table")
    assert [value_of(row, "size") for row in rows] == [0, 1]
    assert [Document.objects.get(pk=row).source_id for row in rows] == value_of(original, "table")
    [inner] = value_of(rows[0], "cells")
    assert value_of(inner, "size") == 7
    assert {families()[key] for key in (*rows, inner)} == {copy.pk}
    assert set(Document.objects.filter(family=copy).values_list("created_by_user", flat=True)) == {"ben"}
    after = stored()
    assert all(set(rows) <= set(after[table]) for table, rows in before.items())


def test_a_choice_that_is_kept_without_an_answer_is_copied_too(plan: None) -> None:
    original = make_full_document()
    Answer.objects.filter(document=original, question="source").delete()
    copy = copy_document(original, ANNA)
    assert DynamicOption.objects.get(document=copy).slug == "x"


def test_a_row_is_copied_as_a_root(plan: None) -> None:
    original = make_full_document()
    row = value_of(original, "table")[0]
    copy = copy_document(row, ANNA)
    assert (copy.source_id, copy.family_id, copy.form_id) == (row, copy.pk, "row")
    assert len(value_of(copy, "cells")) == 1
    assert Document.objects.filter(family=copy).count() == 2


@pytest.mark.parametrize("verb", [CopyDocument, RemoveDocument, SaveDocument])
@pytest.mark.parametrize("key", ["nonsense", uuid.uuid4()])
def test_an_unknown_document_is_not_found(verb: Any, key: Any) -> None:
    name = {CopyDocument: "source", RemoveDocument: "document", SaveDocument: "id"}[verb]
    with pytest.raises(NotFound) as caught:
        run(verb(ANNA, **{name: key}))
    assert caught.value.field == name


@pytest.mark.parametrize("verb", [CopyDocument, RemoveDocument])
def test_a_document_must_be_named(verb: Any) -> None:
    with pytest.raises(InvalidInput, match="is needed"):
        run(verb(ANNA))


def test_a_document_goes_with_all_that_it_has(plan: None) -> None:
    kept, original = make_document("plan", answers={"text": "kept"}), make_full_document()
    copy = copy_document(original, ANNA)
    make_answer(original, "inner", "x")
    removed = remove_document(original, ANNA)
    assert removed.pk == original.pk
    remove_document(copy, ANNA)
    assert list(Document.objects.all()) == [kept]
    assert value_of(kept, "text") == "kept"
    assert Answer.objects.count() == 1
    assert not AnswerDocument.objects.exists()
    assert not File.objects.exists()
    assert not DynamicOption.objects.exists()


def test_copies_stay_when_their_original_goes(plan: None) -> None:
    original = make_full_document()
    copy = copy_document(original, ANNA)
    remove_document(original, ANNA)
    assert set(Document.objects.values_list("source", flat=True)) == {None}
    assert len(value_of(copy, "table")) == 2


def test_a_removed_row_leaves_its_table(plan: None) -> None:
    document = make_document("plan")
    first, second = make_row(document), make_row(document)
    remove_document(first, ANNA)
    assert value_of(document, "table") == [second.pk]


def test_what_a_case_or_work_item_has_is_not_removed(plan: None) -> None:
    of_case, of_item = make_document("plan"), make_document("plan")
    case = make_case(document=of_case)
    make_work_item(case, document=of_item)
    before = stored()
    for document in (of_case, of_item):
        with pytest.raises(Refused, match="belongs to a case or a work item"):
            remove_document(document, ANNA)
    assert stored() == before


def test_events_tell_of_documents(plan: None) -> None:
    with emitted() as seen:
        document = save_document("plan", ANNA)
        save_document(None, ANNA, document, meta={"a": 1})
        copy = copy_document(document, ANNA)
        remove_document(document, ANNA)
    assert [(event.name, event.sender) for event in seen] == [
        ("pre_create_document", SaveDocument),
        ("post_create_document", SaveDocument),
        ("pre_save_document", SaveDocument),
        ("post_save_document", SaveDocument),
        ("pre_copy_document", CopyDocument),
        ("post_copy_document", CopyDocument),
        ("pre_remove_document", RemoveDocument),
        ("post_remove_document", RemoveDocument),
    ]
    assert seen[5].arguments == {"document": copy, "source": document}
    assert seen[7].arguments == {
        "document_id": document.pk,
        "form_id": "plan",
        "family_id": document.pk,
        "meta": {"a": 1},
    }


def test_each_function_has_an_async_twin(plan: None) -> None:
    document = async_to_sync(asave_document)("plan", ANNA)
    copy = async_to_sync(acopy_document)(document, ANNA)
    async_to_sync(aremove_document)(copy, ANNA)
    assert list(Document.objects.all()) == [document]


def test_documents_of_cases_and_work_items_have_defaults(plan: None) -> None:
    make_default("text", "a")
    make_task("fill", type="complete_task_form", form="plan")
    make_workflow("approval", start=["fill"], allow_forms=["plan"])
    with emitted() as seen:
        case = run(StartCase(ANNA, workflow="approval", form="plan"))
    for document in (case.document, case.work_items.get().document):
        assert document is not None
        assert value_of(document, "text") == "a"
    created = [event for event in seen if event.name == "post_create_document"]
    assert {event.sender for event in created} == {StartCase}
    assert {event.type.lane(event.arguments) for event in created if event.type.lane} == {f"case:{case.pk}"}


def test_documents_of_cases_have_the_lane_of_the_case(plan: None) -> None:
    make_task("fill", type="complete_task_form", form="plan")
    make_workflow("approval", start=["fill"], allow_forms=["plan"])
    case = run(StartCase(ANNA, workflow="approval", form="plan"))
    lanes = set()
    with emitted() as seen:
        for document in (case.document, case.work_items.get().document):
            row = make_row(document)
            save_answer("size", row, ANNA, 1)
            lanes |= {event.type.lane(event.arguments) for event in seen if event.type.lane}
    assert lanes == {f"case:{case.pk}"}


def test_nothing_of_a_failed_document_is_left(plan: None) -> None:
    @on(events.post_create_document, raise_exception=True)
    def refuse(sender: Any, **_: Any) -> None:
        raise Refused("No.")

    make_form("other")
    with pytest.raises(SignalHandlingError):
        save_document("other", ANNA)
    assert not Document.objects.exists()


def test_a_document_of_another_form_is_calculated_anew(plan: None) -> None:
    make_question("fee", form="bill", type="calculated_float", calc_expression="'text'|answer(1) + 1")
    document = make_document("plan")
    save_document("bill", ANNA, document)
    assert value_of(document, "fee") == 2


def test_a_document_that_is_moved_all_the_time_is_given_up(plan: None, monkeypatch: pytest.MonkeyPatch) -> None:
    document = make_document("plan")
    monkeypatch.setattr(verbs_of_families, "lock_family_of", lambda _: [])
    with pytest.raises(Busy, match="being moved"):
        save_document(None, ANNA, document, meta={})
