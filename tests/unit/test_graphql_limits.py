"""What a document may cost, and that a valid one is checked once."""

from __future__ import annotations

import asyncio

import pytest
from graphql import OperationType
from pytest_django import Settings

from caluma_async.graphql import documents
from caluma_async.graphql.documents import Documents, InvalidDocumentError
from caluma_async.graphql.execution import Schema
from tests.door import Query


@pytest.fixture(scope="module")
def schema() -> Schema:
    return Schema(Query)


@pytest.fixture
def cache(schema: Schema) -> Documents:
    return Documents(schema._schema)


async def complaint(cache: Documents, text: str) -> str:
    with pytest.raises(InvalidDocumentError) as caught:
        await cache.prepare(text)
    return str(caught.value)


def nested(levels: int) -> str:
    return "{" + "me {" * (levels - 1) + "hello" + "}" * levels


@pytest.mark.parametrize("levels", [1, 27, 30])
async def test_thirty_levels_are_allowed(cache: Documents, levels: int) -> None:
    assert (await cache.prepare(nested(levels))).kind(None) is OperationType.QUERY


async def test_thirty_one_levels_are_not(cache: Documents) -> None:
    assert await complaint(cache, nested(31)) == "The fields are nested 31 levels deep; 30 are allowed."


async def test_levels_count_through_fragments_and_inline_ones(cache: Documents, settings: Settings) -> None:
    settings.GRAPHQL_MAX_DEPTH = 3
    text = "{ me { ...a } } fragment a on Query { ... on Query { me { ...b } } } fragment b on Query { me { hello } }"
    assert "4 levels deep; 3 are allowed" in await complaint(cache, text)


async def test_a_document_far_too_deep_for_the_parser_is_refused_in_words(cache: Documents) -> None:
    assert "nested too deeply" in await complaint(cache, nested(5000))


async def test_fragments_that_contain_themselves_are_reported(cache: Documents) -> None:
    assert "within itself" in await complaint(cache, "{ ...a } fragment a on Query { me { ...a } }")


async def test_an_unknown_fragment_is_reported(cache: Documents) -> None:
    assert "Unknown fragment 'a'" in await complaint(cache, "{ ...a }")


async def test_a_hundred_aliases_are_allowed_and_one_more_is_not(cache: Documents) -> None:
    aliases = [f"a{number}: hello" for number in range(101)]
    await cache.prepare("{" + " ".join(aliases[:100]) + "}")
    assert await complaint(cache, "{" + " ".join(aliases) + "}") == "The operation has 101 aliases; 100 are allowed."


async def test_aliases_of_a_fragment_count_wherever_it_is_spread(cache: Documents, settings: Settings) -> None:
    settings.GRAPHQL_MAX_ALIASES = 5
    text = "{ ...a me { ...a ... { ...a } } } fragment a on Query { x: hello y: hello }"
    assert "has 6 aliases; 5 are allowed" in await complaint(cache, text)


async def test_exponential_fragments_are_measured_in_no_time(cache: Documents) -> None:
    chain = " ".join(f"fragment f{n} on Query {{ a: me {{ ...f{n + 1} }} b: me {{ ...f{n + 1} }} }}" for n in range(25))
    assert "aliases; 100 are allowed" in await complaint(
        cache, "{ ...f0 } " + chain + " fragment f25 on Query { hello }"
    )


async def test_tokens_are_limited(cache: Documents, settings: Settings) -> None:
    settings.GRAPHQL_MAX_TOKENS = 50
    assert "more than 50 tokens" in await complaint(cache, "{" + "hello " * 60 + "}")


async def test_characters_are_limited(cache: Documents, settings: Settings) -> None:
    settings.GRAPHQL_MAX_DOCUMENT = 200
    assert (
        await complaint(cache, "{ hello }" + " " * 200) == "The document has 209 characters; at most 200 are allowed."
    )


async def test_a_document_too_complex_to_be_checked_is_refused_in_words(cache: Documents) -> None:
    assert "too complex to be checked" in await complaint(cache, "{" + "me { hello } " * 2000 + "}")


@pytest.mark.parametrize("text", ["\\u0000", "\\uD800"])
async def test_text_that_no_database_takes_is_refused(cache: Documents, text: str) -> None:
    document = f'{{ hello(name: "{text}") }}'
    assert "stored" in await complaint(cache, document) or "Unicode" in await complaint(cache, document)


async def test_introspection_can_be_turned_off(schema: Schema, settings: Settings) -> None:
    question = "{ __schema { queryType { name } } }"
    settings.GRAPHQL_INTROSPECTION = True
    await Documents(schema._schema).prepare(question)
    settings.GRAPHQL_INTROSPECTION = False
    cache = Documents(schema._schema)
    assert "Introspection is turned off" in await complaint(cache, question)
    assert "Introspection is turned off" in await complaint(cache, '{ __type(name: "Query") { name } }')
    await cache.prepare("{ __typename }")


async def test_without_introspection_no_names_are_suggested(cache: Documents, settings: Settings) -> None:
    settings.GRAPHQL_INTROSPECTION = True
    assert "Did you mean 'hello'" in await complaint(cache, "{ helo }")
    settings.GRAPHQL_INTROSPECTION = False
    assert "Did you mean" not in await complaint(cache, "{ helo }")


async def test_a_repeated_document_is_parsed_and_validated_once(
    cache: Documents, monkeypatch: pytest.MonkeyPatch
) -> None:
    calls: list[str] = []
    parse, validate = documents.parse, documents.validate
    monkeypatch.setattr(documents, "parse", lambda *a, **k: calls.append("parse") or parse(*a, **k))
    monkeypatch.setattr(documents, "validate", lambda *a, **k: calls.append("validate") or validate(*a, **k))
    first = await cache.prepare("query a { hello } query b { me { hello } }")
    assert await cache.prepare("query a { hello } query b { me { hello } }") is first
    # the limits, then the rules of GraphQL
    assert calls == ["parse", "validate", "validate"]


async def test_the_cache_keeps_what_was_used_last(cache: Documents, settings: Settings) -> None:
    settings.GRAPHQL_DOCUMENT_CACHE = 2
    first = await cache.prepare("{ hello }")
    second = await cache.prepare("{ me { hello } }")
    assert await cache.prepare("{ hello }") is first
    await cache.prepare("{ __typename }")
    assert len(cache) == 2
    assert await cache.prepare("{ hello }") is first
    assert await cache.prepare("{ me { hello } }") is not second


async def test_the_cache_is_bounded_by_characters_too(cache: Documents, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(documents, "CACHED_CHARACTERS", 25)
    await cache.prepare("{ hello }")
    await cache.prepare("{ me { hello } }")
    assert len(cache) == 2
    await cache.prepare("{ a: hello }")
    assert len(cache) == 1


async def test_nothing_is_kept_without_a_cache(cache: Documents, settings: Settings) -> None:
    settings.GRAPHQL_DOCUMENT_CACHE = 0
    await cache.prepare("{ hello }")
    assert len(cache) == 0


async def test_a_long_document_is_prepared_like_a_short_one(cache: Documents) -> None:
    text = "{ hello }" + " " * documents.LONG
    first, second = await asyncio.gather(cache.prepare(text), cache.prepare(text))
    assert len(cache) == 1
    assert await cache.prepare(text) in (first, second)


async def test_wrong_documents_are_not_kept(cache: Documents) -> None:
    await complaint(cache, "{ unknown }")
    assert len(cache) == 0


async def test_an_operation_must_be_chosen_among_several(cache: Documents) -> None:
    document = await cache.prepare("query a { hello } query b { hello }")
    assert document.kind("a") is OperationType.QUERY
    with pytest.raises(InvalidDocumentError, match="operationName must choose one"):
        document.kind(None)
    with pytest.raises(InvalidDocumentError, match="no operation named 'c'"):
        document.kind("c")


async def test_fragments_alone_are_no_document(cache: Documents) -> None:
    assert await complaint(cache, "fragment a on Query { hello }")
