"""The outbox as a plain Python model: where each delivery stands, what may be taken, what each statement changes."""

from __future__ import annotations

from collections.abc import Collection, Iterator, Sequence
from dataclasses import dataclass, field, replace

from caluma_async.events.outbox import MAX_CRASHES, Counts, Fence, Follower
from caluma_async.events.states import KEPT, UNFINISHED, State


@dataclass(frozen=True, kw_only=True)
class Row:
    """A delivery. `begun`: an attempt is under way; `due`: it need not wait; `ended`: its lease ran out."""

    id: int
    event: object
    receiver: str
    lane: str | None
    state: State = State.WAITING
    attempt: int = 0
    claims: int = 0
    crashes: int = 0
    owner: int | None = None
    begun: bool = False
    due: bool = True
    ended: bool = False

    @property
    def fence(self) -> Fence:
        """The latest claim."""
        return Fence(self.id, self.claims)

    def taken(self, owner: int, *, begun: bool) -> Row:
        """In somebody's hand."""
        return replace(
            self,
            state=State.RUNNING,
            attempt=self.attempt + begun,
            claims=self.claims + 1,
            owner=owner,
            begun=begun,
            ended=False,
        )

    def settled(self, state: State, *, due: bool, uncounted: bool) -> Row:
        """In nobody's hand any more; an attempt counts unless none took place."""
        attempt = self.attempt - self.begun + (not uncounted)
        return replace(self, state=state, attempt=attempt, owner=None, begun=False, due=due, ended=False)

    def recovered(self, holding: Collection[str]) -> Row:
        """Taken from a process that is dead."""
        crashes = self.crashes + self.begun
        state = State.WAITING
        if crashes >= MAX_CRASHES:
            state = State.HELD if self.receiver in holding else State.FAILED
        return replace(self, state=state, crashes=crashes, owner=None, begun=False, due=True, ended=False)


@dataclass
class Model:
    """All deliveries, in the order of their keys."""

    can_fetch: bool
    """Whether those behind the first one of a lane come along."""

    rows: dict[int, Row] = field(default_factory=dict)

    def unfinished(self, lane: str | None) -> list[Row]:
        """What stands in a lane, in order."""
        return [row for row in self.rows.values() if row.lane == lane and row.state in UNFINISHED]

    def runs(self, lane: str) -> bool:
        """Whether anything of a lane is in somebody's hand."""
        return any(row.state is State.RUNNING for row in self.unfinished(lane))

    def is_head(self, row: Row) -> bool:
        """Whether nothing stands before it."""
        return row.lane is None or self.unfinished(row.lane)[:1] == [row]

    def may_start(self, row: Row) -> bool:
        """The rule of lanes: due, first, and nothing else of the lane runs."""
        ready = row.state is State.WAITING and row.due
        return ready and (row.lane is None or (self.is_head(row) and not self.runs(row.lane)))

    def startable(self, receivers: Collection[str], *, in_lanes: bool) -> list[int]:
        """What may start."""
        return [
            row.id
            for row in self.rows.values()
            if (row.lane is not None) == in_lanes and row.receiver in receivers and self.may_start(row)
        ]

    def first(self, lanes: Sequence[str]) -> list[int]:
        """The first unfinished one of each lane."""
        return [row.id for lane in lanes for row in self.unfinished(lane)[:1]]

    def record(self, row: Row, start: int | None) -> None:
        """A new delivery, in a hand at once if it may start and its lane is free."""
        starts = start is not None and (row.lane is None or not self.unfinished(row.lane))
        self.put(row.taken(start, begun=True) if starts and start is not None else row)

    def take(self, ids: Collection[int], owner: int, followers: int) -> list[Row]:
        """Those that may start, and behind each of them those that are due."""
        heads = [row for row in self.rows.values() if row.id in ids and self.may_start(row)]
        taken = []
        for head in heads:
            behind = self.unfinished(head.lane)[1 : followers + 1] if head.lane is not None and self.can_fetch else []
            taken.append(self.put(head.taken(owner, begun=True)))
            taken += [self.put(row.taken(owner, begun=False)) for row in _leading(behind)]
        return sorted(taken, key=lambda row: row.id)

    def holds(self, fence: Fence) -> bool:
        """Whether this is the latest claim, and nobody has settled it."""
        row = self.rows.get(fence.id)
        return row is not None and row.state is State.RUNNING and row.claims == fence.claims

    def next_in_hand(self, fence: Fence) -> list[Follower]:
        """What was fetched behind a claim, is next, and has not begun."""
        row = self.rows.get(fence.id)
        behind = self.unfinished(row.lane) if row is not None and row.lane is not None else []
        if not behind or behind[0].id != fence.id:
            return []
        fetched = [other for other in behind[1:2] if other.state is State.RUNNING and not other.begun]
        return [Follower(other.fence, fence.id) for other in fetched]

    def begin(self, key: int) -> None:
        """Its attempt is under way."""
        self.put(replace(self.rows[key], begun=True, attempt=self.rows[key].attempt + 1))

    def recover(self, dead: Collection[int], holding: Collection[str]) -> list[Row]:
        """Free what the dead had in hand, and what leases have ended."""
        lost = [row for row in self.rows.values() if row.state is State.RUNNING and (row.ended or row.owner in dead)]
        return [self.put(row.recovered(holding)) for row in lost]

    def retry(self, ids: Collection[int]) -> list[tuple[int, bool]]:
        """Let failed and held ones wait again; whether later ones of their lane went before them."""
        wanted = [row for row in self.rows.values() if row.id in ids and row.state in KEPT]
        moved = [(row.id, row.state is State.FAILED and self._is_overtaken(row)) for row in wanted]
        for row in wanted:
            self.put(replace(row, state=State.WAITING, attempt=0, crashes=0, due=True))
        return moved

    def _is_overtaken(self, row: Row) -> bool:
        later = [other for other in self.rows.values() if other.lane == row.lane and other.id > row.id]
        return row.lane is not None and any(other.state is not State.WAITING for other in later)

    def discard(self, ids: Collection[int]) -> set[int]:
        """Give up what does not run."""
        may = (State.WAITING, *KEPT)
        given_up = [row for row in self.rows.values() if row.id in ids and row.state in may]
        return {self.put(replace(row, state=State.DISCARDED)).id for row in given_up}

    def prune(self) -> int:
        """Forget what is done."""
        done = [key for key, row in self.rows.items() if row.state in (State.DELIVERED, State.DISCARDED)]
        for key in done:
            del self.rows[key]
        return len(done)

    def in_hand(self, owner: int) -> set[Fence]:
        """What a process has in hand."""
        return {row.fence for row in self.rows.values() if row.state is State.RUNNING and row.owner == owner}

    def counts(self, known: Collection[str]) -> Counts:
        """How many there are."""
        states = [row.state for row in self.rows.values()]
        unknown = sum(row.state is State.WAITING and row.receiver not in known for row in self.rows.values())
        waiting, running, failed, held = map(states.count, (State.WAITING, State.RUNNING, State.FAILED, State.HELD))
        return Counts(waiting=waiting, running=running, failed=failed, held=held, oldest=0, unknown=unknown)

    def put(self, row: Row) -> Row:
        """Let a row stand as it is now."""
        self.rows[row.id] = row
        return row


def _leading(rows: Sequence[Row]) -> Iterator[Row]:
    """Up to the first that is not due."""
    for row in rows:
        if row.state is not State.WAITING or not row.due:
            return
        yield row
