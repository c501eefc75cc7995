"""What may be written into a field of an input, and what is refused with a sentence that says why."""

from __future__ import annotations

import uuid
from typing import Any

import pytest
from django.utils.translation import override
from hypothesis import given
from hypothesis import strategies as st

from caluma_async.errors import InvalidExpression, InvalidInput
from caluma_async.records import LocalizedText
from caluma_async.verbs import inputs

JSON = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats(allow_nan=False, allow_infinity=False) | st.text("ab\n\"'{"),
    lambda children: st.lists(children) | st.dictionaries(st.text("ab"), children),
)


@pytest.mark.parametrize("value", ["a", "A-b_9", "x" * 127])
def test_a_slug_is_letters_digits_hyphens_and_underscores(value: str) -> None:
    assert inputs.slug("slug", value) == value
    assert inputs.is_slug(value)


@pytest.mark.parametrize("value", ["", "a b", "ä", "a\n", "a\x00", None, 3, "x" * 128])
def test_what_is_no_slug_is_refused(value: Any) -> None:
    assert not inputs.is_slug(value)
    with pytest.raises(InvalidInput, match=r"^slug must be .*\.$"):
        inputs.slug("slug", value)


@given(st.dictionaries(st.text("ab"), JSON))
def test_every_json_object_is_taken_as_it_is(value: dict[str, Any]) -> None:
    assert inputs.json_object("meta", value) == value


def nested(depth: int) -> dict[str, Any]:
    value: dict[str, Any] = {}
    for _ in range(depth):
        value = {"a": value}
    return value


@pytest.mark.parametrize(
    "value",
    [
        [],
        "{}",
        3,
        {1: "key"},
        {"a": float("nan")},
        {"a": [float("inf")]},
        {"a": "nul \x00"},
        {"nul \x00": 1},
        {"a": "half \ud800"},
        {"a": object()},
        {"a": 10**5000},
        nested(inputs.DEEPEST_JSON),
        nested(100_000),
    ],
)
def test_what_no_database_could_store_as_a_json_object_is_refused(value: Any) -> None:
    with pytest.raises(InvalidInput, match=r"^meta must .*\.$|^meta contains .*\.$"):
        inputs.json_object("meta", value)


def test_null_empties_a_json_object() -> None:
    assert inputs.json_object("meta", None) == {}


def test_a_string_counts_for_the_active_language() -> None:
    with override("de"):
        assert inputs.localized("name", "Prüfung") == {"de": "Prüfung"}
    with override("en-gb"):
        assert inputs.localized("name", None) == {"en": None}


def test_python_code_may_give_several_languages() -> None:
    given_text = inputs.localized("name", {"de": "Prüfung", "en": "Review"})
    assert isinstance(given_text, LocalizedText)
    assert given_text == {"de": "Prüfung", "en": "Review"}


@pytest.mark.parametrize("value", [3, ["a"], "nul \x00", {"de": 3}, {3: "a"}])
def test_what_is_no_text_is_refused(value: Any) -> None:
    with pytest.raises(InvalidInput, match=r"^name "):
        inputs.localized("name", value)


def test_a_needed_text_may_not_be_null() -> None:
    assert inputs.needed_localized("name", "a").translate() == "a"
    with pytest.raises(InvalidInput, match="name must be a text"):
        inputs.needed_localized("name", None)


def test_a_flag_is_true_or_false_and_null_is_false() -> None:
    assert [inputs.flag("isArchived", value) for value in (True, False, None)] == [True, False, False]
    for value in ("true", 1, 0, []):
        with pytest.raises(InvalidInput, match="isArchived must be true or false"):
            inputs.flag("isArchived", value)


def test_a_whole_number_fits_its_column() -> None:
    assert [inputs.whole_number("leadTime", value) for value in (0, 2**31 - 1, None)] == [0, 2**31 - 1, None]
    for value in (-1, 2**31, 1.0, "1", True):
        with pytest.raises(InvalidInput, match="leadTime must be a whole number from 0"):
            inputs.whole_number("leadTime", value)


def test_references_are_taken_once_each() -> None:
    assert inputs.references("tasks", ["b", "a", "b"]) == ["b", "a"]
    assert inputs.references("tasks", None) == []
    for value in ("a", ["a b"], [None], [3], {"a": 1}):
        with pytest.raises(InvalidInput, match=r"^tasks must be"):
            inputs.references("tasks", value)


@pytest.mark.parametrize("value", [None, []])
def test_some_references_are_at_least_one(value: Any) -> None:
    assert inputs.some_references("tasks", ("a",)) == ["a"]
    with pytest.raises(InvalidInput, match="tasks must name at least one"):
        inputs.some_references("tasks", value)


def test_a_uuid_may_come_as_text() -> None:
    key = uuid.uuid4()
    assert inputs.uuid("id", key) == inputs.uuid("id", str(key)) == key
    for value in ("a", None, 3):
        with pytest.raises(InvalidInput, match="id must be a uuid"):
            inputs.uuid("id", value)


def test_all_complaints_are_told_at_once_by_field() -> None:
    cleaners = {"lead_time": inputs.whole_number, "is_archived": inputs.flag, "meta": inputs.json_object}
    with pytest.raises(InvalidInput) as caught:
        inputs.clean({"lead_time": -1, "is_archived": 3, "meta": {}, "odd_one": 1}, cleaners, of="Task 'a'")
    assert caught.value.field == "leadTime"
    assert list(caught.value.fields) == ["leadTime", "isArchived", "oddOne"]
    assert caught.value.fields["oddOne"] == "There is no field oddOne."
    assert caught.value.message.startswith("Task 'a': leadTime must be")
    assert not isinstance(caught.value, InvalidExpression)


def test_a_single_wrong_expression_keeps_its_place() -> None:
    def expression(name: str, value: Any) -> Any:
        raise InvalidExpression("It does not parse.", position=7)

    with pytest.raises(InvalidExpression) as caught:
        inputs.clean({"next": "x"}, {"next": expression}, of="Flow")
    assert (caught.value.position, caught.value.field) == (7, "next")
    assert caught.value.fields == {"next": "It does not parse."}


def test_a_key_in_a_message_is_cut_where_it_is_longer_than_any_key() -> None:
    assert inputs.shown("a b") == "'a b'"
    assert len(inputs.shown("x" * 100_000)) < 200
