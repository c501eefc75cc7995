"""Documents and answers over GraphQL: every kind made, changed, emptied, copied and removed; pages, filters, cost."""

from __future__ import annotations

from typing import Any

import pytest

from caluma_async.form.models import Answer, AnswerDocument, Document, DynamicOption, File
from caluma_async.graphql.relay import encode
from caluma_async.testing.factories import make_answer, make_case, make_document, make_question, make_work_item
from tests.api import ask, gid, nodes, refusal, statements
from tests.integration.documents_stage import ANNA, BEN, make_plan, make_row, stored, value_of

pytestmark = pytest.mark.django_db

SAVE = """
mutation ($input: SaveDocument%(kind)sAnswerInput!) {
  saveDocument%(kind)sAnswer(input: $input) {
    clientMutationId
    answer { __typename id meta createdByUser question { slug }
      ... on StringAnswer { string: value selectedOption { slug label } }
      ... on IntegerAnswer { integer: value }
      ... on FloatAnswer { float: value }
      ... on DateAnswer { date: value day: date }
      ... on ListAnswer { list: value selectedOptions { totalCount edges { node { slug label } } } }
      ... on TableAnswer { document { id }
        table: value { id answers { edges { node { ... on IntegerAnswer { value } } } } } }
      ... on FilesAnswer { files: value { id name answer { id } } }
    }
  }
}
"""

READ = """
query ($id: ID!) { node(id: $id) { ... on Document {
  answers(order: [{attribute: QUESTION}]) { totalCount edges { node { __typename id question { slug }
    ... on StringAnswer { string: value selectedOption { slug label } }
    ... on ListAnswer { list: value selectedOptions { edges { node { slug label } } } }
    ... on TableAnswer { table: value { id form { slug } } }
    ... on FilesAnswer { files: value { name } } } } } } } }
"""


@pytest.fixture
def document() -> Document:
    make_plan()
    return make_document("plan")


def save(kind: str, document: Document, question: str, **given: Any) -> Any:
    """The answer that a mutation gives."""
    given = {"document": gid(document), "question": question, "clientMutationId": "m", **given}
    payload = ask(SAVE % {"kind": kind}, input=given)[f"saveDocument{kind}Answer"]
    assert payload["clientMutationId"] == "m"
    return payload["answer"]


KINDS = [
    ("String", "text", " a ", {"string": " a ", "selectedOption": None}, {"string": None}),
    ("String", "textarea", "", {"string": ""}, {"string": None}),
    (
        "String",
        "choice",
        "red",
        {"string": "red", "selectedOption": {"slug": "red", "label": "red"}},
        {"string": None, "selectedOption": None},
    ),
    ("Integer", "integer", -3, {"integer": -3}, {"integer": None}),
    ("Float", "float", 2, {"float": 2.0}, {"float": None}),
    ("Date", "date", "2030-01-31", {"date": "2030-01-31", "day": "2030-01-31"}, {"date": None, "day": None}),
    (
        "List",
        "multiple_choice",
        ["blue", "red"],
        {
            "list": ["blue", "red"],
            "selectedOptions": {
                "totalCount": 2,
                "edges": [{"node": {"slug": "blue", "label": "blue"}}, {"node": {"slug": "red", "label": "red"}}],
            },
        },
        {"list": None, "selectedOptions": {"totalCount": 0, "edges": []}},
    ),
]


@pytest.mark.parametrize(("kind", "question", "value", "shown", "empty"), KINDS)
def test_an_answer_is_made_changed_emptied_copied_and_removed(
    document: Document, kind: str, question: str, value: Any, shown: dict[str, Any], empty: dict[str, Any]
) -> None:
    made = save(kind, document, question, value=value, meta='{"a": 1}')
    assert made.items() >= shown.items()
    assert (made["__typename"], made["question"], made["meta"]) == (f"{kind}Answer", {"slug": question}, {"a": 1})
    copy = ask(
        "mutation ($id: ID!) { copyDocument(input: {source: $id}) { document { id answers { totalCount } } } }",
        id=gid(document),
    )["copyDocument"]["document"]
    assert copy["answers"] == {"totalCount": 1}
    emptied = save(kind, document, question)
    assert emptied.items() >= empty.items()
    assert (emptied["id"], emptied["meta"]) == (made["id"], {"a": 1})
    removed = ask(
        "mutation ($id: ID!) { removeAnswer(input: {answer: $id}) { answer { id question { slug } } } }", id=made["id"]
    )["removeAnswer"]["answer"]
    assert removed == {"id": made["id"], "question": {"slug": question}}
    assert [answer.document_id for answer in Answer.objects.all()] != [document.pk]


def test_a_table_is_filled_sorted_and_emptied(document: Document) -> None:
    rows = [make_row(size=number) for number in (1, 2)]
    made = save("Table", document, "table", value=[gid(rows[1]), str(rows[0].pk)])
    assert made["document"] == {"id": gid(document)}
    assert [row["id"] for row in made["table"]] == [gid(rows[1]), gid(rows[0])]
    assert [nodes(row["answers"])[-1] for row in made["table"]] == [{"value": 2}, {"value": 1}]
    again = save("Table", document, "table", value=[gid(row) for row in rows], knownRows=[gid(rows[0])])
    assert [row["id"] for row in again["table"]] == [gid(row) for row in rows]
    assert save("Table", document, "table")["table"] == []
    assert Document.objects.filter(family=document).count() == 1


def test_files_are_named_renamed_and_removed(document: Document) -> None:
    made = save("Files", document, "files", value=[{"name": "a"}, {"name": "b"}])
    assert [file["name"] for file in made["files"]] == ["a", "b"]
    assert made["files"][0]["answer"] == {"id": made["id"]}
    renamed = save("Files", document, "files", value=[{"id": made["files"][0]["id"], "name": "A"}])
    assert renamed["files"] == [{**made["files"][0], "name": "A"}]
    assert save("Files", document, "files", value=[])["files"] == []


def test_dynamic_choices_show_the_label_that_was_recorded(document: Document) -> None:
    make_question("street", form="plan", type="dynamic_choice", data_source="Streets")
    make_question("streets", form="plan", type="dynamic_multiple_choice", data_source="Streets")
    make_answer(document, "street", "main")
    make_answer(document, "streets", ["side", "main"])
    for question, slug in (("street", "main"), ("streets", "side"), ("streets", "main")):
        label = {"en": f"{slug} of {question}"}
        DynamicOption.objects.create(document=document, question_id=question, slug=slug, label=label)
    single, several = nodes(ask(READ, id=gid(document))["node"]["answers"])
    assert single["selectedOption"] == {"slug": "main", "label": "main of street"}
    assert nodes(several["selectedOptions"]) == [
        {"slug": "side", "label": "side of streets"},
        {"slug": "main", "label": "main of streets"},
    ]


@pytest.mark.parametrize(
    ("arguments", "slugs", "has_next", "has_previous"),
    [
        ("first: 1", ["red"], True, False),
        ("last: 1", ["green"], False, True),
        ("first: 2, after: $cursor", ["blue", "green"], False, True),
        ("before: $cursor", [], False, False),
    ],
)
def test_chosen_options_come_in_pages(
    document: Document, arguments: str, slugs: list[str], has_next: bool, has_previous: bool
) -> None:
    answer = make_answer(document, "multiple_choice", ["red", "blue", "green"])
    page = "totalCount pageInfo { hasNextPage hasPreviousPage } edges { cursor node { slug } }"
    query = "query ($id: ID!%s) { node(id: $id) { ... on ListAnswer { selectedOptions%s { %s } } } }"
    first = ask(query % ("", "", page), id=gid(answer, "ListAnswer"))["node"]["selectedOptions"]["edges"][0]["cursor"]
    declared = ", $cursor: String" if "$cursor" in arguments else ""
    more = {"cursor": first} if declared else {}
    found = ask(query % (declared, f"({arguments})", page), id=gid(answer, "ListAnswer"), **more)
    options = found["node"]["selectedOptions"]
    assert [node["slug"] for node in nodes(options)] == slugs
    assert options["totalCount"] == 3
    if slugs:
        assert options["pageInfo"] == {"hasNextPage": has_next, "hasPreviousPage": has_previous}


def test_a_document_is_made_changed_copied_and_removed() -> None:
    make_plan()
    made = ask('mutation { saveDocument(input: {form: "plan", meta: "{}"}) { document { id meta form { slug } } } }')
    document = made["saveDocument"]["document"]
    assert (document["meta"], document["form"]) == ({}, {"slug": "plan"})
    changed = ask(
        'mutation ($id: String!) { saveDocument(input: {id: $id, form: "plan", meta: {a: 1}}) '
        "{ document { id meta } } }",
        id=document["id"],
    )["saveDocument"]["document"]
    assert changed == {"id": document["id"], "meta": {"a": 1}}
    copied = ask(
        "mutation ($id: ID!) { copyDocument(input: {source: $id}) { document { id meta source { id } } } }",
        id=document["id"],
    )["copyDocument"]["document"]
    assert (copied["meta"], copied["source"]) == ({"a": 1}, {"id": document["id"]})
    removed = ask(
        "mutation ($id: ID!) { removeDocument(input: {document: $id}) { document { id form { slug } } } }",
        id=document["id"],
    )["removeDocument"]["document"]
    assert removed == {"id": document["id"], "form": {"slug": "plan"}}
    assert ask("{ allDocuments { edges { node { id source { id } } } } }")["allDocuments"]["edges"] == [
        {"node": {"id": copied["id"], "source": None}}
    ]


REFUSED = [
    ("Integer", {"question": "text", "value": 3}, "invalid", "question"),
    ("String", {"question": "size", "value": "a"}, "invalid", "question"),
    ("String", {"question": "form", "value": "a"}, "invalid", "question"),
    ("String", {"question": "choice", "value": "purple"}, "invalid", "value"),
    ("List", {"question": "multiple_choice", "value": ["red", "purple"]}, "invalid", "value"),
    ("List", {"question": "multiple_choice", "value": ["red", None]}, "invalid", "value"),
    ("Date", {"question": "date", "value": "31.1.2030"}, "invalid", "value"),
    ("Date", {"question": "date", "value": 3}, "invalid", "value"),
    ("Table", {"question": "table", "value": [None]}, "invalid", "value"),
    ("Table", {"question": "table", "value": ["nonsense"]}, "invalid", "value"),
    ("Table", {"question": "table", "value": ["01a21574-0000-7000-8000-000000000000"]}, "not_found", "value"),
    ("Files", {"question": "files", "value": [None]}, "invalid", "value"),
    ("Files", {"question": "files", "value": [{}]}, "invalid", "value"),
    ("Files", {"question": "files", "value": [{"name": "a", "id": "nonsense"}]}, "invalid", "value"),
    ("String", {"question": "nowhere", "value": "a"}, "not_found", "question"),
    ("String", {"question": "text", "meta": "[]"}, "invalid", "meta"),
    ("String", {"question": "text", "dataSourceContext": "{"}, "invalid", "dataSourceContext"),
    ("String", {"document": encode("Form", "plan"), "question": "text"}, "invalid", "document"),
    ("String", {"document": "01a21574-0000-7000-8000-000000000000", "question": "text"}, "not_found", "document"),
]


@pytest.mark.parametrize(("kind", "given", "code", "field"), REFUSED)
def test_what_is_wrong_is_refused_with_its_field(
    document: Document, kind: str, given: dict[str, Any], code: str, field: str
) -> None:
    before = stored()
    error = refusal(SAVE % {"kind": kind}, input={"document": gid(document), **given})
    assert (error["extensions"]["code"], error["extensions"]["field"]) == (code, field), error
    assert stored() == before


def test_what_a_case_has_is_not_removed(document: Document) -> None:
    make_case(document=document)
    error = refusal(
        "mutation ($id: ID!) { removeDocument(input: {document: $id}) { document { id } } }", id=gid(document)
    )
    assert error["extensions"]["code"] == "refused"


def test_answers_are_nodes_of_their_kind(document: Document) -> None:
    for question, name in (("text", "StringAnswer"), ("date", "DateAnswer"), ("table", "TableAnswer")):
        answer = make_answer(document, question)
        for key in (gid(answer, name), str(answer.pk)):
            found = ask("query ($id: ID!) { node(id: $id) { id __typename } }", id=key)["node"]
            assert found == {"id": gid(answer, name), "__typename": name}
    assert ask("query ($id: ID!) { node(id: $id) { id } }", id=gid(answer, "ListAnswer"))["node"] is None


def test_answers_are_reached_from_cases_and_work_items(document: Document) -> None:
    make_answer(document, "text", "a")
    of_item = make_document("plan", answers={"text": "b"})
    case = make_case(document=document)
    item = make_work_item(case, document=of_item)
    answers = "document { answers { edges { node { ... on StringAnswer { value } } } } }"
    query = "query ($id: ID!) { node(id: $id) { ... on Case { %s } ... on WorkItem { %s } } }" % (answers, answers)  # noqa: UP031
    for instance, value in ((case, "a"), (item, "b")):
        assert nodes(ask(query, id=gid(instance))["node"]["document"]["answers"]) == [{"value": value}]


@pytest.mark.parametrize(
    ("where", "found"),
    [
        ('[{form: "row"}]', {"row"}),
        ('[{forms: ["plan", "sub"]}]', {"plan", "sub"}),
        ('[{form: "row", invert: true}]', {"plan", "sub"}),
        ('[{metaHasKey: "a"}]', {"sub"}),
        ("[{rootDocument: $root}]", {"plan", "row"}),
        ("[{id: $root}]", {"plan"}),
        ("[]", {"plan", "row", "sub"}),
    ],
)
def test_documents_are_filtered(document: Document, where: str, found: set[str]) -> None:
    make_row(document)
    make_document("sub", meta={"a": 1})
    declared, more = ("($root: ID!)", {"root": gid(document)}) if "$root" in where else ("", {})
    query = f"query {declared} {{ allDocuments(filter: {where}) {{ edges {{ node {{ form {{ slug }} }} }} }} }}"
    assert {node["form"]["slug"] for node in nodes(ask(query, **more)["allDocuments"])} == found


def test_documents_are_sorted(document: Document) -> None:
    make_document("row")
    make_document("sub")
    query = "{ allDocuments(order: [{attribute: FORM, direction: DESC}]) { edges { node { form { slug } } } } }"
    assert [node["form"]["slug"] for node in nodes(ask(query)["allDocuments"])] == ["sub", "row", "plan"]


def test_answers_are_filtered_and_sorted(document: Document) -> None:
    for question, value in (("text", "b"), ("textarea", "a"), ("integer", 3)):
        make_answer(document, question, value)
    query = """query ($id: ID!) { node(id: $id) { ... on Document {
        one: answers(filter: [{question: "text"}]) { edges { node { question { slug } } } }
        some: answers(filter: [{questions: ["text", "textarea"]}], order: [{attribute: VALUE}]) {
            edges { node { question { slug } } } }
        rest: answers(filter: [{question: "text", invert: true}], order: [{attribute: QUESTION, direction: DESC}]) {
            edges { node { question { slug } } } } } } }"""
    found = {
        name: [node["question"]["slug"] for node in nodes(answers)]
        for name, answers in ask(query, id=gid(document))["node"].items()
    }
    assert found == {"one": ["text"], "some": ["textarea", "text"], "rest": ["textarea", "integer"]}


def test_the_content_of_a_root_is_as_new_as_its_newest_answer(document: Document) -> None:
    make_question("fee", form="plan", type="calculated_float", calc_expression="1")
    content = "modifiedContentAt modifiedContentByUser modifiedContentByGroup"
    query = f"query ($id: ID!) {{ node(id: $id) {{ ... on Document {{ {content} }} }} }}"
    assert set(ask(query, id=gid(document))["node"].values()) == {None}
    make_answer(document, "text", "a", user=ANNA)
    row = make_row(document)
    newest = make_answer(row, "size", 3, user=BEN)
    make_answer(document, "fee", 1.0)
    for shown in (document, row):
        found = ask(query, id=gid(shown))["node"]
        assert found["modifiedContentAt"] == newest.modified_at.isoformat()
        assert (found["modifiedContentByUser"], found["modifiedContentByGroup"]) == ("ben", "council")
    make_answer(document, "integer", 3, user=ANNA)
    assert ask(query, id=gid(row))["node"]["modifiedContentByUser"] == "ben"
    assert ask(query, id=gid(document))["node"]["modifiedContentByUser"] == "anna"


FLAT = """
{ allDocuments(first: 20) { totalCount edges { node { id form { slug } modifiedContentAt
  few: answers(first: 2) { edges { node { id } } }
  answers { edges { node { id question { slug label }
    ... on StringAnswer { value selectedOption { label } }
    ... on ListAnswer { selectedOptions { edges { node { label } } } }
    ... on TableAnswer { rows: value { id answers { edges { node { id ... on IntegerAnswer { value } } } } } }
    ... on FilesAnswer { files: value { name } } } } } } } } }
"""


def test_the_cost_does_not_grow_with_rows(document: Document) -> None:
    costs = []
    for number in (2, 10):
        for _ in range(number):
            each = make_document("plan", answers={"choice": "red", "multiple_choice": ["red", "blue"]})
            for size in range(number):
                make_answer(make_row(each), "size", size)
            File.objects.create(answer=make_answer(each, "files"), name="a")
        costs.append(statements(FLAT))
    assert costs[0] == costs[1]


def test_a_list_of_documents_with_their_answers_costs_little(document: Document) -> None:
    for number in range(20):
        make_document("plan", answers={"text": "a", "integer": number})
    query = """{ allDocuments(first: 20) { edges { node { id form { slug name } answers { edges { node {
        id question { slug label } ... on StringAnswer { value } ... on IntegerAnswer { number: value } } } } } } } }"""
    assert statements(query) == 2


def test_a_table_is_read_in_order(document: Document) -> None:
    rows = [make_row(document) for _ in range(3)]
    [answer] = nodes(ask(READ, id=gid(document))["node"]["answers"])
    assert answer["table"] == [{"id": gid(row), "form": {"slug": "row"}} for row in rows]
    AnswerDocument.objects.filter(document=rows[0]).update(sort=0)
    [answer] = nodes(ask(READ, id=gid(document))["node"]["answers"])
    assert [row["id"] for row in answer["table"]] == [gid(rows[1]), gid(rows[2]), gid(rows[0])]
    assert value_of(document, "table") == [rows[1].pk, rows[2].pk, rows[0].pk]
