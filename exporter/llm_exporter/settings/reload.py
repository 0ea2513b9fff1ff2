"""Taking up a changed configuration while running, or keeping the old one."""

import threading
import time
from collections.abc import Callable, Iterator

from llm_exporter.settings.compound import keys
from llm_exporter.settings.problem import Problem, SettingsError
from llm_exporter.settings.schema import Settings


class Reloader:
    """Replaces `current` by what `load` returns, all of it or nothing.

    `apply` puts new settings to use; when that is impossible it raises SettingsError, OSError or ValueError
    and leaves everything as it was. `successful` and `success_timestamp_seconds` (Unix time) are what
    `llm_exporter_config_last_reload_successful` and `…_success_timestamp_seconds` show.
    """

    def __init__(
        self,
        current: Settings,
        load: Callable[[], Settings],
        apply: Callable[[Settings], None],
        now: Callable[[], float] = time.time,
    ) -> None:
        self.current = current
        self.successful = True
        self.success_timestamp_seconds = now()
        self._load, self._apply, self._now = load, apply, now
        self._lock = threading.Lock()

    def reload(self) -> list[Problem]:
        """Reload once; return why the old settings stay, or nothing. May be called from several threads."""
        with self._lock:
            try:
                settings = self._load()
                _refuse_fixed(self.current, settings)
                self._apply(settings)
            except SettingsError as error:
                self.successful = False
                return error.problems
            except (OSError, ValueError) as error:
                self.successful = False
                return [Problem("reload", "", f"the new settings cannot be used: {error}", "")]
            self.current = settings
            self.successful = True
            self.success_timestamp_seconds = self._now()
            return []


def _refuse_fixed(old: Settings, new: Settings) -> None:
    if problems := list(_fixed(old, new)):
        raise SettingsError(problems)


def _fixed(old: Settings, new: Settings) -> Iterator[Problem]:
    for section, key in keys(Settings).items():
        before, after = getattr(old, section), getattr(new, section)
        if not key.restart or before == after:
            continue
        for name in keys(type(before)):
            if getattr(before, name) != getattr(after, name):
                path = f"{section}.{name}"
                yield Problem(
                    "reload", path, "it cannot change at run time", "the old value", "restart to change it"
                )
