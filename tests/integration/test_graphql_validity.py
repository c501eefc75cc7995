"""Asking whether documents and answers are valid, and what their expressions find around them."""

from __future__ import annotations

import json
from typing import Any

import pytest
from django.db.models import Model, QuerySet

from caluma_async.access import Trusted
from caluma_async.form.models import Answer, Document
from caluma_async.graphql.context import Context
from caluma_async.identity import User
from caluma_async.testing.factories import (
    make_answer,
    make_case,
    make_document,
    make_form,
    make_question,
    make_table,
    make_work_item,
)
from tests.api import ask, gid, nodes, refusal, statements
from tests.integration import listed_classes

pytestmark = pytest.mark.django_db

ERRORS = "{ edges { node { id isValid errors { slug errorMsg errorCode documentId } } } }"
DOCUMENT = f"query ($id: ID!, $asked: JSONString) {{ documentValidity(id: $id, dataSourceContext: $asked) {ERRORS} }}"
ANSWER = f"query ($id: ID!, $asked: JSONString) {{ answerValidity(id: $id, dataSourceContext: $asked) {ERRORS} }}"


@pytest.fixture
def document() -> Document:
    make_question("name", form="plan", is_required="true")
    make_question("mail", form="plan", format_validators=["email"])
    make_question("rows", form="plan", type="table", row_form=make_form("row"))
    make_question("size", form="row", type="integer", configuration={"max_value": 3})
    document = make_document("plan", answers={"mail": "anna"})
    make_table(document, "rows", [{"size": 3}, {"size": 4}])
    return document


def validity(query: str, instance: Any, **variables: Any) -> Any:
    (result,) = nodes(next(iter(ask(query, id=str(instance.pk), **variables).values())))
    return result


def test_a_document_is_told_with_all_that_is_wrong(document: Document) -> None:
    row = Answer.objects.get(value=4).document
    assert row is not None
    assert validity(DOCUMENT, document) == {
        "id": str(document.pk),
        "isValid": False,
        "errors": [
            {
                "slug": "name",
                "errorMsg": "An answer is required.",
                "errorCode": "invalid",
                "documentId": str(document.pk),
            },
            {
                "slug": "mail",
                "errorMsg": "This is no e-mail address.",
                "errorCode": "format_validation_failed",
                "documentId": str(document.pk),
            },
            {
                "slug": "size",
                "errorMsg": "The value must be 3 or less, not 4.",
                "errorCode": "invalid",
                "documentId": str(row.pk),
            },
        ],
    }
    of_row = validity(DOCUMENT, row)
    assert (of_row["id"], len(of_row["errors"])) == (str(row.pk), 3)


def test_a_valid_document_has_no_errors() -> None:
    make_question("name", form="plan")
    document = make_document("plan")
    expected = {"id": str(document.pk), "isValid": True, "errors": []}
    assert validity(DOCUMENT, document) == expected
    assert nodes(ask(DOCUMENT, id=gid(document))["documentValidity"]) == [expected]


def test_an_answer_is_told_by_itself(document: Document) -> None:
    answers = {answer.question_id: answer for answer in document.answers.all()}
    wrong = validity(ANSWER, answers["mail"])
    assert (wrong["id"], wrong["isValid"]) == (str(answers["mail"].pk), False)
    assert [error["slug"] for error in wrong["errors"]] == ["mail"]
    assert validity(ANSWER, answers["rows"]) == {"id": str(answers["rows"].pk), "isValid": True, "errors": []}


def test_a_default_answer_is_valid(document: Document) -> None:
    assert validity(ANSWER, make_answer(None, "mail", "x"))["isValid"] is True


@pytest.mark.parametrize("context", [json.dumps({"even": True}), {"even": True}])
def test_data_sources_get_the_context(context: Any, settings: Any) -> None:
    settings.DATA_SOURCE_CLASSES = [f"{listed_classes.__name__}.OddNumbers"]
    make_question("n", form="plan", type="dynamic_choice", data_source="OddNumbers")
    document = make_document("plan", answers={"n": "2"})
    assert validity(DOCUMENT, document)["isValid"] is False
    assert validity(DOCUMENT, document, asked=context)["isValid"] is True
    assert validity(ANSWER, document.answers.get(), asked=context)["isValid"] is True


PAGE = "{ totalCount pageInfo { hasNextPage } edges { cursor } }"


@pytest.mark.parametrize(
    ("arguments", "shown"), [("first: 1", 1), ("first: 0", 0), ('after: ""', 1), ("last: 1", 1), ("last: 0", 0)]
)
def test_the_result_is_a_page_of_one(document: Document, arguments: str, shown: int) -> None:
    found = ask(f'{{ documentValidity(id: "{document.pk}", {arguments}) {PAGE} }}')["documentValidity"]
    assert (len(found["edges"]), found["totalCount"], found["pageInfo"]["hasNextPage"]) == (shown, 1, False)


class Unseen(Trusted):
    """Sees nothing."""

    def visible(self, queryset: QuerySet[Any], user: User, **kwargs: Any) -> QuerySet[Any]:
        return queryset.none()

    def restricts(self, model: type[Model], **kwargs: Any) -> bool:
        return True


def test_what_one_may_not_see_is_not_found(document: Document) -> None:
    answer = document.answers.get(question="mail")
    info = "query ($id: ID!) { documentGlobalJexlContext(id: $id) }"
    for query, instance in ((DOCUMENT, document), (ANSWER, answer), (info, document)):
        error = refusal(query, id=str(instance.pk), context=Context(access=Unseen()))
        assert error["extensions"]["code"] == "not_found"


@pytest.mark.parametrize(
    ("variables", "complaint"),
    [
        ({"id": "nonsense"}, "neither the global id nor the uuid"),
        ({"id": "00000000-0000-0000-0000-000000000000"}, "There is no document"),
        ({"asked": "{"}, "this is not JSON"),
    ],
)
def test_wrong_input_is_refused(document: Document, variables: dict[str, Any], complaint: str) -> None:
    assert complaint in refusal(DOCUMENT, **{"id": str(document.pk), **variables})["message"]


def test_an_expression_that_fails_is_told_with_its_question(document: Document) -> None:
    make_question("odd", form="plan", is_hidden="'nowhere'|answer")
    error = refusal(DOCUMENT, id=str(document.pk))
    assert "Question 'odd', isHidden: There is no question 'nowhere' here, at character 11" in error["message"]
    assert error["extensions"] == {"code": "invalid", "field": "odd"}


def test_what_expressions_find_around_is_told() -> None:
    make_form("plan")
    query = "query ($id: ID!) { documentGlobalJexlContext(id: $id) }"
    document = make_document("plan")
    assert ask(query, id=str(document.pk)) == {"documentGlobalJexlContext": {"info": {"case": None, "workItem": None}}}
    make_work_item(make_case("building", meta={"a": 1}), "fill", document=document, meta={"b": 2})
    case = {"form": None, "workflow": "building", "meta": {"a": 1}}
    expected = {"case": {**case, "root": case}, "workItem": {"task": "fill", "meta": {"b": 2}}}
    row = make_document("plan", family=document)
    for asked in (document, row):
        assert ask(query, id=str(asked.pk)) == {"documentGlobalJexlContext": {"info": expected}}


def test_what_it_costs(document: Document) -> None:
    ask(DOCUMENT, id=str(document.pk))
    assert statements(DOCUMENT, id=str(document.pk)) == 1 + 3 + 2
