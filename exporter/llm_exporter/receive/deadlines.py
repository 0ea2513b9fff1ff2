"""A deadline for clients that send slowly: one thread watches all of them."""

import threading
import time
from collections import OrderedDict
from collections.abc import Callable, Iterator
from contextlib import contextmanager


class Watch:
    """One thing that is watched; `expired` once its time is up."""

    def __init__(self, deadline: float, expire: Callable[[], object]) -> None:
        self.deadline = deadline
        self.expired = False
        self._expire = expire

    def end(self) -> None:
        """Call back."""
        self.expired = True
        self._expire()


class ReadDeadlines:
    """Calls back when something watched has lasted `timeout_seconds`, at most a quarter of that late."""

    def __init__(self, timeout_seconds: float) -> None:
        self._timeout = timeout_seconds
        # One timeout for all: the order of arrival is the order of expiry.
        self._pending: OrderedDict[int, Watch] = OrderedDict()
        self._lock = threading.Lock()
        self._closed = threading.Event()
        threading.Thread(target=self._run, name="read-deadlines", daemon=True).start()

    @contextmanager
    def watch(self, expire: Callable[[], object]) -> Iterator[Watch]:
        """Call `expire` from another thread if the body of the `with` statement lasts too long."""
        with self._lock:
            watch = Watch(time.monotonic() + self._timeout, expire)
            self._pending[id(watch)] = watch
        try:
            yield watch
        finally:
            with self._lock:
                self._pending.pop(id(watch), None)

    def close(self) -> None:
        """Stop watching."""
        self._closed.set()

    def _run(self) -> None:
        while not self._closed.wait(min(1.0, self._timeout / 4)):
            for watch in self._take_expired():
                watch.end()

    def _take_expired(self) -> list[Watch]:
        expired: list[Watch] = []
        now = time.monotonic()
        with self._lock:
            while self._pending:
                key, watch = next(iter(self._pending.items()))
                if watch.deadline > now:
                    break
                del self._pending[key]
                expired.append(watch)
        return expired
