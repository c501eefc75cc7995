"""`manage.py deliveries`: look at deliveries, retry or discard them, delete what is done."""

from __future__ import annotations

import json
import re
from argparse import ArgumentTypeError
from collections.abc import Iterator, Sequence
from typing import Any, Final

from django.core.management.base import BaseCommand, CommandError, CommandParser

from caluma_async.conf import settings
from caluma_async.events import outbox
from caluma_async.events.outbox.search import Listed, Wanted, find, reason, states_of
from caluma_async.events.states import KEPT, State

_BATCH: Final = 1_000
_UNITS: Final = {"s": 1, "m": 60, "h": 3_600, "d": 86_400}

DISCARDABLE: Final = (State.WAITING, *KEPT)


def duration(text: str) -> float:
    """Seconds, of a number with a unit: `90s`, `30m`, `12h`, `7d`."""
    found = re.fullmatch(r"(\d+(?:\.\d+)?)([smhd])", text.strip())
    if found is None:
        raise ArgumentTypeError(f"{text!r} is no duration; write a number and s, m, h or d, such as 12h")
    return float(found[1]) * _UNITS[found[2]]


class Command(BaseCommand):
    """What a person does with deliveries."""

    help = "Look at deliveries, retry or discard those that failed or are held, delete what is done."

    def add_arguments(self, parser: CommandParser) -> None:
        """One subcommand each."""
        actions = parser.add_subparsers(dest="action", required=True, metavar="list | retry | discard | prune")
        listing = actions.add_parser(
            "list", help="show deliveries, the oldest first", description="Show deliveries, the oldest first."
        )
        _add_choice(listing)
        listing.add_argument("--limit", type=int, default=50, help="how many at most (default: 50)")
        retrying = actions.add_parser(
            "retry",
            help="let failed and held ones wait again",
            description="Let failed and held deliveries wait again, with all their attempts before them.",
        )
        _add_choice(retrying, KEPT)
        discarding = actions.add_parser(
            "discard",
            help="give deliveries up",
            description="Give deliveries up: failed and held ones, and with --state waiting those that wait.",
        )
        _add_choice(discarding, DISCARDABLE)
        discarding.add_argument("--reason", default="Discarded by hand.", help="what is noted as the reason")
        pruning = actions.add_parser(
            "prune",
            help="delete what was delivered or discarded",
            description="Delete deliveries that were delivered or discarded. Failed and held ones stay.",
        )
        pruning.add_argument(
            "--older-than",
            type=duration,
            metavar="DURATION",
            help=f"finished so long ago, such as 7d (default: EVENT_RETENTION, {settings.EVENT_RETENTION:g} days)",
        )
        for one in (listing, retrying, discarding, pruning):
            one.add_argument("--format", choices=("text", "json"), default="text")

    def handle(self, *, action: str, **options: Any) -> str:
        """Do what is asked, and say how many it concerned."""
        done, text = getattr(self, f"_{action}")(options)
        return json.dumps(done, indent=2, default=str) if options["format"] == "json" else text

    def _list(self, options: dict[str, Any]) -> tuple[Any, str]:
        found = find(_wanted(options), options["limit"])
        lines = [_line(one) for one in found]
        if len(found) == options["limit"]:
            lines.append(f"There may be more; --limit {2 * len(found)} shows them.")
        return [one._asdict() for one in found], "\n".join(lines or ["No delivery."])

    def _retry(self, options: dict[str, Any]) -> tuple[Any, str]:
        moved = [one for ids in _chosen(options, KEPT, "retried") for one in outbox.retry(ids)]
        outbox.announce()
        late = [one.id for one in moved if one.out_of_order]
        text = f"Retried: {len(moved)}."
        if late:
            text += f"\nOut of order, as later ones of their lane were delivered already: {', '.join(map(str, late))}."
        return {"retried": [one.id for one in moved], "out_of_order": late}, text

    def _discard(self, options: dict[str, Any]) -> tuple[Any, str]:
        chosen = _chosen(options, DISCARDABLE, "discarded", KEPT)
        discarded = [one for ids in chosen for one in sorted(outbox.discard(ids, options["reason"]))]
        return {"discarded": discarded}, f"Discarded: {len(discarded)}."

    def _prune(self, options: dict[str, Any]) -> tuple[Any, str]:
        seconds = options["older_than"]
        days = settings.EVENT_RETENTION if seconds is None else seconds / _UNITS["d"]
        number = 0
        while pruned := outbox.prune(days):
            number += pruned
        return {"pruned": number}, f"Pruned: {number}."


def _add_choice(parser: CommandParser, states: Sequence[State] = tuple(State)) -> None:
    parser.add_argument("ids", nargs="*", type=int, metavar="ID", help="these deliveries")
    parser.add_argument(
        "--state", action="append", choices=[str(state) for state in states], help="in this state; may be repeated"
    )
    parser.add_argument("--receiver", action="append", metavar="NAME", help="for this receiver; may be repeated")
    parser.add_argument("--event", action="append", metavar="NAME", help="of events of this type; may be repeated")
    parser.add_argument(
        "--older-than",
        type=duration,
        metavar="DURATION",
        help="of events that were emitted so long ago: 90s, 30m, 12h, 7d",
    )
    if len(states) < len(State):
        parser.add_argument("--all", action="store_true", help="all that there are, without any other choice")


def _wanted(options: dict[str, Any], states: Sequence[State] = ()) -> Wanted:
    return Wanted(
        ids=options["ids"],
        states=options["state"] or states,
        receivers=options["receiver"] or (),
        events=options["event"] or (),
        older_than=options["older_than"],
    )


def _chosen(
    options: dict[str, Any], possible: Sequence[State], verb: str, usual: Sequence[State] = ()
) -> Iterator[list[int]]:
    """The keys of what was chosen, in batches. Keys that were named must exist and be in a state that allows it."""
    chosen_by = ("ids", "state", "receiver", "event", "older_than", "all")
    if not any(options[name] for name in chosen_by):
        raise CommandError("Say which deliveries: by id, by a filter, or --all.")
    if options["ids"]:
        _refuse_unfit(options["ids"], possible, verb)
    wanted = _wanted(options, possible if options["ids"] else usual or possible)
    after = 0
    while ids := list(states_of(wanted, _BATCH, after)):
        yield ids
        after = ids[-1]


def _refuse_unfit(ids: Sequence[int], possible: Sequence[State], verb: str) -> None:
    states = states_of(Wanted(ids=ids), len(ids))
    for key in ids:
        if key not in states:
            raise CommandError(f"There is no delivery {key}. Nothing was {verb}.")
        if states[key] not in possible:
            allowed = " or ".join(possible)
            raise CommandError(
                f"Delivery {key} is {states[key]}; only what is {allowed} can be {verb}. Nothing was {verb}."
            )


def _line(one: Listed) -> str:
    parts = [f"{one.id:>8}", f"{one.state:<9}", f"attempt {one.attempt}", f"{one.emitted_at:%Y-%m-%d %H:%M:%S}"]
    parts += [one.event, one.receiver]
    return "  ".join([*parts, reason(one.error)]).rstrip()
