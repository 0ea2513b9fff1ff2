"""An event loop whose time passes only when everything waits for it: an hour of waiting takes no time."""

import asyncio
import selectors
from collections.abc import Coroutine
from typing import Any, TypeVar

_T = TypeVar("_T")


class _Selector(selectors.SelectSelector):
    loop: "_Loop"

    def select(self, timeout: float | None = None) -> list[Any]:
        """Let the time pass that would have been waited for."""
        if timeout is None:
            raise RuntimeError("everything waits for something that no timer ends")
        self.loop.now += max(timeout, 0.0)
        return super().select(0)


class _Loop(asyncio.SelectorEventLoop):
    def __init__(self) -> None:
        self.now = 0.0
        selector = _Selector()
        selector.loop = self
        super().__init__(selector)

    def time(self) -> float:
        """Return how much time has passed."""
        return self.now


def run(work: Coroutine[Any, Any, _T]) -> _T:
    """Run a coroutine that waits for nothing but time."""
    with asyncio.Runner(loop_factory=_Loop) as runner:
        return runner.run(work)
