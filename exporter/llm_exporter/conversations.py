"""Conversations: what their tasks add up to, and what users show by what they do after an answer.

Of a conversation a few numbers are kept, among them a hash of the last question, and no text. Nobody voted here, so
each sign is only what it says: `docs/feedback.md` has how much it means.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Final, NamedTuple

from llm_exporter import catalogue as c

if TYPE_CHECKING:
    from llm_exporter.store import Store

NANOSECONDS: Final = 10**9
_SENTIMENT: Final = {"regeneration": "negative", "abandonment": "negative", "follow_up": "neutral"}


class Who(NamedTuple):
    """Whose task it is."""

    service_name: str
    environment: str
    team: str
    feature: str


class Habits(NamedTuple):
    """Up to when what a user does next is about the answer before, in seconds; 0 is never."""

    regeneration_seconds: float = 300.0
    follow_up_seconds: float = 120.0


class Turn(NamedTuple):
    """One task of a conversation."""

    who: Who
    cost: int
    """Picodollars."""
    start: int = 0
    """Unix nanoseconds."""
    end: int = 0
    unanswered: bool = False
    """Whether the user was left without an answer."""
    question: int = 0
    """Hash of what the user asked; 0 where nobody read it."""
    regenerated: bool = False
    """Whether the writer says that an answer is to be replaced."""
    times: int = 1
    """How many such tasks it stands for, where the others were sampled away."""


class Conversations:
    """Adds up the tasks of each conversation until none has come for a while. Bounded: the oldest ends early."""

    def __init__(self, store: Store, idle_seconds: float, most: int, habits: Habits | None = None) -> None:
        self._store = store
        self.idle_seconds = idle_seconds
        self.most = most
        habits = habits or Habits()
        self._regeneration_ns = round(habits.regeneration_seconds * NANOSECONDS)
        self._follow_up_ns = round(habits.follow_up_seconds * NANOSECONDS)
        self._open: dict[tuple[str, bytes], _Conversation] = {}
        group = store.groups[c.CONVERSATION_COST.name]
        self._cost = group.instrument(c.CONVERSATION_COST)
        self._turns = group.instrument(c.CONVERSATION_TURNS)
        feedback = store.groups[c.FEEDBACK.name]
        self._signs = {
            kind: feedback.instrument(c.FEEDBACK, kind, said).index for kind, said in _SENTIMENT.items()
        }

    def __len__(self) -> int:
        """How many have not ended."""
        return len(self._open)

    def who(self, key: tuple[str, bytes]) -> Who | None:
        """Return whose the conversation of this service with this encoded id is, None where it is not open."""
        known = self._open.get(key)
        return known.last.who if known is not None else None

    def turn(self, session: bytes, turn: Turn) -> None:
        """Take a task of the conversation of its service with the encoded id `session`."""
        # Taken out and put in again, so that the one that was idle for longest stands first.
        key = (turn.who.service_name, session)
        known = self._open.pop(key, None)
        if known is None:
            if len(self._open) >= self.most:
                self._end(next(iter(self._open)))
            known = _Conversation(turn, 0, 0, 0.0)
            if turn.regenerated:
                # What is replaced was there before anyone looked.
                self._sign("regeneration", turn)
        else:
            self._compare(known.last, turn)
        last = turn if turn.end >= known.last.end else known.last
        self._open[key] = _Conversation(last, known.cost + turn.cost, known.turns + 1, self._store.now)

    def end_idle(self) -> None:
        """Count those in which nothing has happened for so long that they are over."""
        over = self._store.now - self.idle_seconds
        while self._open:
            key = next(iter(self._open))
            if self._open[key].touched > over:
                break
            if self._open[key].last.unanswered:
                self._sign("abandonment", self._open[key].last)
            self._end(key)

    def adopt(self, older: Conversations) -> None:
        """Go on with the conversations of another configuration."""
        self._open = older._open

    def _compare(self, last: Turn, turn: Turn) -> None:
        """Count what a task says of the one before it. What ran side by side says nothing."""
        after = turn.start - last.end
        same = turn.question and turn.question == last.question
        if turn.regenerated or (same and 0 <= after < self._regeneration_ns):
            self._sign("regeneration", last._replace(times=turn.times))
        elif 0 <= after < self._follow_up_ns:
            self._sign("follow_up", last._replace(times=turn.times))

    def _sign(self, kind: str, turn: Turn) -> None:
        self._store.cell(c.FEEDBACK, turn.who).values[self._signs[kind]] += turn.times

    def _end(self, key: tuple[str, bytes]) -> None:
        ended = self._open.pop(key)
        last = ended.last
        cell = self._store.cell(c.CONVERSATION_COST, last.who)
        cell.observe(self._cost, ended.cost, times=last.times)
        cell.observe(self._turns, ended.turns, times=last.times)


class _Conversation(NamedTuple):
    """An open conversation. What is counted of it at its end goes to the task that ended last."""

    last: Turn
    cost: int
    turns: int
    touched: float
    """When a task was last taken, monotonic seconds."""
