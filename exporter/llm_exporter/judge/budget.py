"""What the judge may spend: in no 60 minutes and in no 24 hours more than was allowed.

The most that a request can cost is reserved before it is sent, and settled when its usage is known; what stays
unknown, as after a timeout, stays spent. Spending is remembered by the minute and by the quarter of an hour and
forgotten a whole slice too late rather than too early, so the limits hold for every hour and every day, wherever they
begin. A small file of numbers lets a new process go on where the last one ended; what is reserved is written to it
before the request is sent, so that a crash forgets nothing. Amounts are whole picodollars.
"""

from __future__ import annotations

import fcntl
import json
import logging
import os
import threading
from typing import IO, TYPE_CHECKING, Final, NamedTuple

from llm_exporter.pricing import PICO

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping
    from pathlib import Path

_log = logging.getLogger("llm_exporter.judge")
_MAX_STATE_BYTES: Final = 1 << 20
_FORMAT: Final = 1


class Period(NamedTuple):
    """A span of time that a limit is for, and the slices in which its spending is remembered."""

    name: str
    seconds: int
    slice_seconds: int


PERIODS: Final = (Period("hour", 3600, 60), Period("day", 86_400, 900))


class CannotKeepBudget(Exception):  # noqa: N818
    """What was spent before cannot be read, or another process spends from the same file."""


class Reservation:
    """Money set aside for one request."""

    __slots__ = ("amount", "open")

    def __init__(self, amount: int) -> None:
        self.amount = amount
        self.open = True


class Budget:
    """The limits and what was spent. Safe to use from several threads.

    Args:
        limits: Picodollars by the name of the period, one for each of `PERIODS`.
        now: Unix seconds.
        state: File that outlives the process; None forgets with the process what was spent.

    Raises:
        CannotKeepBudget: see there.
    """

    def __init__(
        self, limits: Mapping[str, int], now: Callable[[], float], state: Path | None = None
    ) -> None:
        self._limits = {period: limits[period.name] for period in PERIODS}
        self._now = now
        self._state = state
        self._spent: dict[Period, dict[int, int]] = {period: {} for period in PERIODS}
        self._reserved = 0
        self._lock = threading.Lock()
        self._guard: IO[str] | None = None
        self.overrun = False
        """Whether a request cost more than the most that it could cost. Nothing is reserved any more: how much
        requests cost is not known."""
        if state is not None:
            self._guard = _alone(state)
            try:
                self._load(state)
                self._save()
            except OSError as error:
                self.close()
                raise CannotKeepBudget(f"{state}: writing it failed: {error.strerror or error}") from None
            except CannotKeepBudget:
                self.close()
                raise

    def close(self) -> None:
        """Let another process go on from the file."""
        if self._guard is not None:
            self._guard.close()
            self._guard = None

    def limit(self, name: str) -> int:
        """Return the limit of a period."""
        return next(limit for period, limit in self._limits.items() if period.name == name)

    def spent(self, name: str) -> int:
        """Return what was spent or reserved in a period up to now."""
        with self._lock:
            period = next(period for period in PERIODS if period.name == name)
            return self._total(period)

    def reserve(self, amount: int) -> Reservation | None:
        """Set aside the most that a request can cost, or return None: then it must not be sent."""
        with self._lock:
            if self.overrun or any(
                self._total(period) + amount > limit for period, limit in self._limits.items()
            ):
                return None
            self._reserved += amount
            if not self._save_or_say():
                # What cannot be remembered must not be spent.
                self._reserved -= amount
                return None
            return Reservation(amount)

    def settle(self, reservation: Reservation, actual: int | None) -> None:
        """Replace what was reserved by what it cost; None is unknown, and then all of it is spent."""
        with self._lock:
            if not reservation.open:
                return
            reservation.open = False
            self._reserved -= reservation.amount
            cost = reservation.amount if actual is None else actual
            self._add(cost)
            if cost > reservation.amount and not self.overrun:
                self.overrun = True
                _log.error(
                    "a request of the judge cost %.6f USD where it could not cost more than %.6f: the judge"
                    " stops asking; check judge.price and judge.max_tokens_field, then restart it",
                    cost / PICO,
                    reservation.amount / PICO,
                )
            self._save_or_say()

    def _add(self, cost: int) -> None:
        now = self._now()
        for period, slices in self._spent.items():
            place = int(now // period.slice_seconds)
            slices[place] = slices.get(place, 0) + cost

    def _total(self, period: Period) -> int:
        slices = self._spent[period]
        first = int((self._now() - period.seconds) // period.slice_seconds)
        for place in [place for place in slices if place < first]:
            del slices[place]
        # Slices of the future are of a clock that was set back since: spent all the same.
        return sum(slices.values()) + self._reserved

    def _save_or_say(self) -> bool:
        try:
            self._save()
        except OSError as error:
            _log.error("writing the judge's state file failed: %s", error.strerror or error)
            return False
        return True

    def _save(self) -> None:
        if self._state is None:
            return
        written: dict[str, object] = {"format": _FORMAT, "reserved": self._reserved}
        for period, slices in self._spent.items():
            self._total(period)
            written[period.name] = {str(place): amount for place, amount in sorted(slices.items())}
        fresh = self._state.with_name(self._state.name + ".new")
        with fresh.open("w") as file:
            json.dump(written, file)
            file.flush()
            os.fsync(file.fileno())
        fresh.replace(self._state)

    def _load(self, state: Path) -> None:
        try:
            with state.open("rb") as file:
                content = file.read(_MAX_STATE_BYTES + 1)
        except FileNotFoundError:
            return
        except OSError as error:
            raise CannotKeepBudget(f"{state}: reading it failed: {error.strerror or error}") from None
        found = _read(content)
        if found is None:
            raise CannotKeepBudget(
                f"{state}: this is not a state file of the judge; what it spent before is not known. Remove the"
                " file to begin with nothing spent"
            )
        self._spent, reserved = found
        # What was under way was billed at some moment up to now.
        self._add(reserved)


def _read(content: bytes) -> tuple[dict[Period, dict[int, int]], int] | None:
    """Return what was spent by period and slice and what was reserved; None where the content does not say it."""
    try:
        said = json.loads(content)
        spent = {p: {int(place): amount for place, amount in said[p.name].items()} for p in PERIODS}
        version, reserved = said["format"], said["reserved"]
    except (ValueError, KeyError, TypeError, AttributeError, RecursionError):
        return None
    amounts = [reserved, *(amount for slices in spent.values() for amount in slices.values())]
    sound = version == _FORMAT and all(type(amount) is int and amount >= 0 for amount in amounts)
    return (spent, reserved) if sound else None


def _alone(state: Path) -> IO[str]:
    """Return the open file whose lock says that this process alone spends from `state`."""
    beside = state.with_name(state.name + ".lock")
    try:
        guard = beside.open("a")
    except OSError as error:
        raise CannotKeepBudget(f"{beside}: opening it failed: {error.strerror or error}") from None
    try:
        fcntl.flock(guard, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except OSError:
        guard.close()
        raise CannotKeepBudget(
            f"{state}: another judge uses this file; give each one a file of its own"
        ) from None
    return guard
