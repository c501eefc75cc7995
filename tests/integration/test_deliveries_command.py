"""`manage.py deliveries`: what it shows, moves and deletes, and what it says to wrong input."""

from __future__ import annotations

import json
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from io import StringIO
from typing import Any

import pytest
from django.core.management import call_command
from django.core.management.base import CommandError

from caluma_async.events.models import Delivery, EventRecord, State
from caluma_async.testing.plugin import Deliver
from tests.integration.delivery_stage import Stage, stage

pytestmark = pytest.mark.django_db(transaction=True)


@pytest.fixture
def post() -> Iterator[Stage]:
    with stage() as built:
        yield built


def deliveries(*arguments: str) -> str:
    output = StringIO()
    call_command("deliveries", *arguments, stdout=output)
    return output.getvalue().strip()


def as_json(*arguments: str) -> Any:
    return json.loads(deliveries(*arguments, "--format", "json"))


def states() -> list[str]:
    return list(Delivery.objects.order_by("id").values_list("state", flat=True))


def ids() -> list[int]:
    return list(Delivery.objects.order_by("id").values_list("id", flat=True))


def test_the_list_shows_who_what_and_why(post: Stage, deliver: Deliver) -> None:
    post.failing = {2}
    post.send(1, 2)
    deliver()
    delivered, failed = deliveries("list").splitlines()
    assert delivered.split()[:4] == [str(ids()[0]), "delivered", "attempt", "1"]
    assert failed.endswith("post_parcel  porter  ValueError: parcel 2 is torn")


def test_an_empty_list_says_so() -> None:
    assert deliveries("list") == "No delivery."


def test_a_list_that_is_cut_says_how_to_see_more(post: Stage) -> None:
    post.send(1, 2, 3)
    assert deliveries("list", "--limit", "2").splitlines()[2:] == ["There may be more; --limit 4 shows them."]


def test_the_list_as_json_has_everything_of_a_row(post: Stage) -> None:
    post.send(1)
    [one] = as_json("list")
    event = EventRecord.objects.get()
    assert (one["id"], one["state"], one["receiver"]) == (ids()[0], "waiting", "porter")
    assert (one["event"], one["event_id"], one["lane"]) == ("post_parcel", str(event.pk), "porter|Elm Street")


@pytest.mark.parametrize(
    ("filters", "found"),
    [
        (["--state", "failed"], [2]),
        (["--state", "failed", "--state", "delivered"], [1, 2]),
        (["--receiver", "porter"], [1, 2]),
        (["--receiver", "nobody"], []),
        (["--event", "post_parcel"], [1, 2]),
        (["--event", "post_letter"], []),
        (["--older-than", "1h"], [1]),
        (["--older-than", "1h", "--state", "failed"], []),
        (["--older-than", "2d"], []),
    ],
)
def test_filters_narrow_the_list_down(filters: list[str], found: list[int], post: Stage, deliver: Deliver) -> None:
    post.failing = {2}
    post.send(1, 2)
    deliver()
    first = EventRecord.objects.earliest("id")
    EventRecord.objects.filter(pk=first.pk).update(emitted_at=datetime.now(UTC) - timedelta(hours=2))
    assert [one["id"] for one in as_json("list", *filters)] == [ids()[number - 1] for number in found]


def test_what_failed_is_retried_and_delivered(post: Stage, deliver: Deliver) -> None:
    post.failing = {1}
    post.send(1)
    deliver()
    post.failing = set()
    assert deliveries("retry", str(ids()[0])) == "Retried: 1."
    deliver()
    assert (states(), post.seen) == ([State.DELIVERED], [1, 1])


def test_a_retry_says_when_it_runs_out_of_order(post: Stage, deliver: Deliver) -> None:
    post.failing = {1}
    post.send(1, 2)
    deliver()
    first, _ = ids()
    assert deliveries("retry", "--all").splitlines() == [
        "Retried: 1.",
        f"Out of order, as later ones of their lane were delivered already: {first}.",
    ]


def test_a_held_delivery_is_retried_in_its_order(deliver: Deliver) -> None:
    with stage(on_exhausted="hold") as post:
        post.failing = {1}
        post.send(1, 2)
        deliver()
        assert states() == [State.HELD, State.WAITING]
        post.failing = set()
        assert as_json("retry", "--state", "held") == {"retried": ids()[:1], "out_of_order": []}
        deliver()
        assert post.seen == [1, 1, 2]


def test_a_filter_chooses_what_is_retried(post: Stage, deliver: Deliver) -> None:
    post.failing = {1, 2}
    post.send(1, street="Elm Street")
    post.send(2, street="Oak Street")
    deliver()
    assert deliveries("retry", "--receiver", "nobody") == "Retried: 0."
    assert deliveries("retry", "--receiver", "porter", "--event", "post_parcel") == "Retried: 2."


def test_more_than_a_batch_is_retried(post: Stage, deliver: Deliver, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("caluma_async.events.management.commands.deliveries._BATCH", 2)
    post.failing = set(range(5))
    for number in range(5):
        post.send(number, street=f"street {number}")
    deliver()
    assert deliveries("retry", "--all") == "Retried: 5."
    assert set(states()) == {State.WAITING}


def test_discarding_notes_the_reason(post: Stage, deliver: Deliver) -> None:
    post.failing = {1}
    post.send(1)
    deliver()
    assert deliveries("discard", "--all", "--reason", "The street is gone.") == "Discarded: 1."
    row = Delivery.objects.get()
    assert (row.state, row.error) == (State.DISCARDED, "The street is gone.")


def test_what_waits_is_discarded_only_if_it_is_asked_for(post: Stage) -> None:
    post.send(1, 2)
    assert deliveries("discard", "--all") == "Discarded: 0."
    assert as_json("discard", "--state", "waiting", "--receiver", "porter") == {"discarded": ids()}


def test_pruning_deletes_what_is_done_for_so_long(post: Stage, deliver: Deliver) -> None:
    post.failing = {2}
    post.send(1, 2, 3)
    deliver()
    assert deliveries("prune") == "Pruned: 0."
    assert deliveries("prune", "--older-than", "0s") == "Pruned: 2."
    assert (states(), EventRecord.objects.count()) == ([State.FAILED], 1)


@pytest.mark.parametrize("action", ["retry", "discard"])
def test_nothing_is_done_without_a_choice(action: str) -> None:
    with pytest.raises(CommandError, match="Say which deliveries: by id, by a filter, or --all"):
        deliveries(action)


def test_a_key_that_does_not_exist_is_named_and_nothing_is_done(post: Stage, deliver: Deliver) -> None:
    post.failing = {1}
    post.send(1)
    deliver()
    with pytest.raises(CommandError, match=r"There is no delivery 987654321\. Nothing was retried\."):
        deliveries("retry", str(ids()[0]), "987654321")
    assert states() == [State.FAILED]


@pytest.mark.parametrize(("action", "allowed"), [("retry", "failed or held"), ("discard", "waiting or failed or held")])
def test_a_state_that_does_not_allow_it_is_named(action: str, allowed: str, post: Stage, deliver: Deliver) -> None:
    post.send(1)
    deliver()
    with pytest.raises(CommandError, match=f"Delivery {ids()[0]} is delivered; only what is {allowed} can be"):
        deliveries(action, str(ids()[0]))


@pytest.mark.parametrize(
    ("arguments", "complaint"),
    [
        (["retry", "seven"], "invalid int value: 'seven'"),
        (["list", "--older-than", "soon"], "'soon' is no duration; write a number and s, m, h or d, such as 12h"),
        (["list", "--state", "lost"], "invalid choice: 'lost'"),
        (["forget"], "invalid choice: 'forget'"),
        ([], "the following arguments are required"),
    ],
)
def test_wrong_input_is_answered_with_what_is_wrong(arguments: list[str], complaint: str) -> None:
    with pytest.raises(CommandError, match=complaint):
        deliveries(*arguments)


def test_every_action_explains_itself(capsys: pytest.CaptureFixture[str]) -> None:
    for action in ("list", "retry", "discard", "prune"):
        with pytest.raises(SystemExit) as ended:
            deliveries(action, "--help")
        assert ended.value.code == 0
        assert "--older-than DURATION" in capsys.readouterr().out
