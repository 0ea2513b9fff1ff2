"""What spans take over from the spans above them: labels, the prompt, the agent that acts."""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

if TYPE_CHECKING:
    from llm_exporter.record import Context, Record

_LABELS: Final = ("team", "feature", "environment", "user_tier", "customer", "agent")
_PROMPT: Final = ("prompt_name", "prompt_version")
_CALLER: Final = ("service_name", "environment", "team", "feature", "user_tier", "customer")
MAX_KNOWN: Final = 4096


class Inherited:
    """What a span and the spans above it say; compared by identity: there is one for each set of values.

    Made by `Inheritance`. `prompt_version` belongs to `prompt_name` and is never taken without it.
    """

    __slots__ = (
        "agent", "agent_only", "below", "customer", "environment", "feature", "prompt_name", "prompt_version",
        "team", "user_tier",
    )  # fmt: skip

    def __init__(self, values: tuple[str, ...]) -> None:
        for name, value in zip((*_LABELS, *_PROMPT), values, strict=True):
            setattr(self, name, value)
        self.below: dict[Inherited, Inherited] = {}
        self.agent_only = sum(map(bool, values)) == bool(self.agent)
        """Whether it says no more than who acts, which concerns tools alone."""

    team: str
    feature: str
    environment: str
    user_tier: str
    customer: str
    agent: str
    prompt_name: str
    prompt_version: str

    def values(self) -> tuple[str, ...]:
        """Return the values in the order in which they are given to the constructor."""
        return tuple(getattr(self, name) for name in (*_LABELS, *_PROMPT))


class Inheritance:
    """Keeps one `Inherited` for each set of values, at most `MAX_KNOWN`; then it begins anew."""

    def __init__(self) -> None:
        self._known: dict[tuple[str, ...], Inherited] = {}

    def of(self, said: Record) -> Inherited | None:
        """Return what a span itself hands down, None where that is nothing. `said` is without its resource."""
        # Only the span of an agent's own run says who acts below it.
        agent = said.agent if said.kind.value == "agent" else ""
        values = (
            said.team, said.feature, said.environment, said.user_tier, said.customer, agent,
            said.prompt_name, said.prompt_version,
        )  # fmt: skip
        return self._one(values) if any(values) else None

    def under(self, nearer: Inherited | None, farther: Inherited | None) -> Inherited | None:
        """Return what both say; where both say something, the nearer one counts."""
        if nearer is None or farther is None or nearer is farther:
            return nearer or farther
        both = farther.below.get(nearer)
        if both is None:
            labels = tuple(getattr(nearer, name) or getattr(farther, name) for name in _LABELS)
            prompt = nearer if nearer.prompt_name or nearer.prompt_version else farther
            both = self._one((*labels, prompt.prompt_name, prompt.prompt_version))
            if len(farther.below) >= MAX_KNOWN:
                farther.below.clear()
            farther.below[nearer] = both
        return both

    def _one(self, values: tuple[str, ...]) -> Inherited:
        found = self._known.get(values)
        if found is None:
            if len(self._known) >= MAX_KNOWN:
                self._known.clear()
            found = self._known[values] = Inherited(values)
        return found


def filled(
    said: Record, context: Context, inherited: Inherited | None, beyond: Context | None, caller: Record | None
) -> Record:
    """Return a span's record with everything that it leaves open.

    Args:
        said: What the span itself says.
        context: Its resource, which comes after the spans above it: those are about this one request.
        inherited: What the spans above it say.
        beyond: Resource of the outermost span above it, if that is another one: where a call goes through a
            gateway, the application's resource knows the team.
        caller: Record of the outermost span for the same call, which knows on whose behalf it was made; a
            gateway below it only passes the call on.
    """
    record = said
    if inherited is not None:
        gaps = {name: getattr(said, name) or getattr(inherited, name) for name in _LABELS[:-1]}
        if not (said.prompt_name or said.prompt_version):
            gaps |= {name: getattr(inherited, name) for name in _PROMPT}
        if said.kind.value == "tool":
            gaps["agent"] = said.agent or inherited.agent
        record = said._replace(**gaps)
    record = record.within(context)
    if beyond is not None:
        record = record._replace(
            **{name: getattr(record, name) or getattr(beyond, name) for name in _LABELS[:-1]}
        )
    if caller is not None:
        record = record._replace(**{name: getattr(caller, name) or getattr(record, name) for name in _CALLER})
    return record
