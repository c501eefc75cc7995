"""Requests that are small to send and meant to be dear to answer, by name."""

from __future__ import annotations

import json
from collections.abc import Iterable, Mapping
from typing import Any, Final

TASK: Final = "mutation ($input: SaveSimpleTaskInput!) { saveSimpleTask(input: $input) { task { meta } } }"
CASES: Final = "query ($filter: [CaseFilterSetType]) { allCases(filter: $filter) { totalCount } }"
ITEMS: Final = "query ($filter: [WorkItemFilterSetType]) { allWorkItems(filter: $filter) { totalCount } }"


def repeated(text: str, times: int) -> str:
    """The text again and again, with its number wherever it says `#`."""
    return " ".join(text.replace("#", str(number)) for number in range(times))


def chain(spread: str, times: int) -> str:
    """Fragments each of which spreads the next one."""
    links = [f"fragment f{n} on Query {{ {spread.replace('#', str(n + 1))} }}" for n in range(times)]
    return " ".join([*links, f"fragment f{times} on Query {{ __typename }}"])


def everyone_spreads(spread: Iterable[tuple[int, Iterable[int]]]) -> str:
    """Fragments that spread many others."""
    return " ".join(
        f"fragment f{n} on Query {{ __typename {' '.join(f'...f{other}' for other in others)} }}"
        for n, others in spread
    )


def deep(levels: int) -> Any:
    """An object in an object in an object."""
    value: Any = 1
    for _ in range(levels):
        value = {"a": value}
    return value


NODES: Final = ("Case", "WorkItem", "Workflow", "SimpleTask", "Form", "Document", "Flow")
BACK: Final = "workItems { edges { node { case { "

DOCUMENTS: Final[Mapping[str, str]] = {
    "one field again and again": f"{{ allCases {{ edges {{ node {{ {repeated('id', 9_000)} }} }} }} }}",
    "fields to merge": f"{{ {repeated('allCases { totalCount }', 2_300)} }}",
    "deeper fields to merge": "{"
    + repeated("allCases { edges { node { workItems { edges { node { id } } } } } }", 500)
    + "}",
    "long arguments to merge": "{"
    + repeated('allCases(filter: [{createdByUser: "a"}], first: 1) { totalCount }', 400)
    + "}",
    "arguments that differ": "query ("
    + repeated("$v#: ID!", 450)
    + ") {"
    + repeated("node(id: $v#) { id }", 450)
    + "}",
    "types to merge": "{ node(id: 1) {" + "".join(f"... on {kind} {{ id }}" for kind in NODES * 200) + "} }",
    "fragments to merge": "{"
    + repeated("...f#", 600)
    + "}"
    + repeated("fragment f# on Query { allCases { totalCount } }", 600),
    "wide fragments to merge": "{"
    + repeated("...f#", 80)
    + "}"
    + repeated("fragment f# on Query {" + "allCases { totalCount } " * 20 + "}", 80),
    "one fragment again and again": f"{{ {repeated('...f', 4_000)} }} fragment f on Query {{ __typename }}",
    "a chain of fragments": "{ ...f0 }" + chain("__typename ...f#", 900),
    "fragments that double": "{ ...f0 }" + chain("a: node(id: 1) { id } ...f# ...f#", 60),
    "a tower of fragments": "{ ...f0 }" + everyone_spreads((n, range(n + 1, 70)) for n in range(70)),
    "circular fragments": "{ ...f0 }" + everyone_spreads((n, range(80)) for n in range(80)),
    "a long circle": "{ ...f0 }" + everyone_spreads((n, [(n + 1) % 900]) for n in range(900)),
    "many operations": repeated("query q# { ...f0 }", 500) + chain("...f#", 500),
    "variables in many operations": repeated("query q#($v: ID!) { ...f }", 400)
    + "fragment f on Query {"
    + repeated("node(id: $v) { id }", 200)
    + "}",
    "unused variables": "query (" + repeated("$v#: ID", 2_000) + ") { __typename }",
    "unused fragments": "{ __typename }" + repeated("fragment f# on Query { __typename }", 1_400),
    "one fragment many times over": "{ ...f }" + "fragment f on Query { __typename } " * 1_400,
    "unknown fields": f"{{ {repeated('x#', 9_900)} }}",
    "unknown arguments": f"{{ allCases({repeated('x#: 1', 3_000)}) {{ totalCount }} }}",
    "unknown types": f"{{ {repeated('... on X# { id }', 1_600)} }}",
    "unknown directives": f"{{ __typename {repeated('@x#', 4_900)} }}",
    "unknown words": f"{{ allCases(order: [{repeated('{attribute: X#}', 1_900)}]) {{ totalCount }} }}",
    "one input field many times": 'mutation { saveCase(input: {workflow: "a"'
    + ', workflow: "a"' * 3_000
    + "}) { clientMutationId } }",
    "a long list": '{ allCases(filter: [{ids: ["' + '","'.join("a" * 9_000) + '"]}]) { totalCount } }',
    "a list of filters": "{ allCases(filter: [" + '{createdByUser: "a"}' * 1_900 + "]) { totalCount } }",
    "a deep value": "{ allCases(filter: [" + "{metaValue: [" * 5_000 + "]}" * 5_000 + "]) { totalCount } }",
    "deep fields": "{" + "node(id: 1) {" * 3_000 + "id" + "}" * 3_001,
    "deep inline fragments": "{" + "... {" * 4_000 + "__typename" + "}" * 4_001,
    "aliases": f"{{ {repeated('a#: allCases { totalCount }', 1_900)} }}",
    "a long text": '{ node(id: "' + "a" * 99_000 + '") { id } }',
    "a long block of text": '{ node(id: """' + "\n a" * 32_000 + '""") { id } }',
    "a long number": "{ allCases(first: " + "9" * 99_000 + ") { totalCount } }",
    "comments": "{ __typename }" + "#\n" * 49_000,
    "commas": "{ __typename " + "," * 99_000 + "}",
    "many types, many levels": "{ allQuestions { edges { node { " + "source { id label " * 24 + "}" * 24 + " } } } }",
    "round and round": "{ allCases { edges { node {" + BACK * 5 + "id" + "} } } }" * 5 + "} } } }",
}
"""Documents without variables."""

VARIABLES: Final[Mapping[str, tuple[str, Mapping[str, Any]]]] = {
    "deep meta": (TASK, {"input": {"slug": "a", "name": "a", "meta": json.dumps(deep(800))}}),
    "deeper meta": (TASK, {"input": {"slug": "a", "name": "a", "meta": '{"a":' * 100_000 + "1" + "}" * 100_000}}),
    "deep meta as an object": (TASK, {"input": {"slug": "a", "name": "a", "meta": deep(400)}}),
    "wide meta": (TASK, {"input": {"slug": "a", "name": "a", "meta": json.dumps({f"k{n}": n for n in range(90_000)})}}),
    "a huge number in meta": (TASK, {"input": {"slug": "a", "name": "a", "meta": '{"a": ' + "9" * 100_000 + "}"}}),
    "a number beyond all others in meta": (TASK, {"input": {"slug": "a", "name": "a", "meta": '{"a": 1e999}'}}),
    "a long expression": (TASK, {"input": {"slug": "a", "name": "a", "addressGroups": "'a'|groups + " * 50_000}}),
    "a deep expression": (TASK, {"input": {"slug": "a", "name": "a", "addressGroups": "(" * 50_000}}),
    "a deep list in an expression": (
        TASK,
        {"input": {"slug": "a", "name": "a", "addressGroups": "[" * 900 + "]" * 900}},
    ),
    "many ids": (CASES, {"filter": [{"ids": [f"a{n}" for n in range(100_000)]}]}),
    "many tasks": (ITEMS, {"filter": [{"tasks": [f"a{n}" for n in range(100_000)]}]}),
    "many filters": (CASES, {"filter": [{"createdByUser": f"a{n}"} for n in range(50_000)]}),
    "a deep meta filter": (CASES, {"filter": [{"metaValue": [{"key": "a", "value": deep(500)}]}]}),
    "many meta filters": (CASES, {"filter": [{"metaValue": [{"key": "a", "value": n} for n in range(20_000)]}]}),
    "a long search": (CASES, {"filter": [{"metaHasKey": "a" * 1_000_000}]}),
    "variables nobody asked for": ("{ __typename }", {f"v{n}": deep(20) for n in range(5_000)}),
}
"""Documents with variables."""


def bodies() -> dict[str, bytes]:
    """All of them as bodies of requests, and some that are no documents at all."""
    made = {name: {"query": text} for name, text in DOCUMENTS.items()}
    asked = {name: {"query": text, "variables": variables} for name, (text, variables) in VARIABLES.items()}
    return {
        **{name: json.dumps(body).encode() for name, body in {**made, **asked}.items()},
        "a deep body": b"[" * 1_000_000,
        "a deep body of objects": b'{"a":' * 400_000,
        "a long number as body": b'{"query": ' + b"9" * 2_000_000 + b"}",
        "many keys": json.dumps({"query": "{ __typename }", **{f"k{n}": n for n in range(100_000)}}).encode(),
        "too much": b" " * 3_000_000,
    }
