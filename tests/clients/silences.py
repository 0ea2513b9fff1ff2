"""What the spans of an SDK do not say: nobody can count it, so it is taken out of the provider's books.

Each is a fact about one version of one SDK, seen in what it sent. An exporter must never make up for it: what
is not said is missing, and shows as such.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Callable

    from clients.books import Books, Silence


def no_stream_flag(*models: str) -> Silence:
    """Streamed calls look like any other; without models, those of all."""

    def apply(books: Books) -> None:
        _forget_stream(books, lambda model, _: not models or model in models)

    return apply


def some_stream_flags(model: str, *, missing: int) -> Silence:
    """So many streamed calls of a model look like any other."""

    def apply(books: Books) -> None:
        books["requests"][model, "chat", "ok", "true"] -= missing
        books["requests"][model, "chat", "ok", "false"] += missing

    return apply


def no_stream_flag_on_errors(books: Books) -> None:
    """That a call is streamed shows only once the first chunk is there."""
    _forget_stream(books, lambda _, status: status == "error")


def no_usage(model: str, calls: int = 1) -> Silence:
    """No token counts in the calls of a model, which the exporter must report as missing."""

    def apply(books: Books) -> None:
        for key in [key for key in books["tokens"] if key[0] == model]:
            del books["tokens"][key]
        books["anomalies"]["missing_usage",] += calls

    return apply


def own_estimate(model: str, **tokens: int) -> Silence:
    """Where the provider sent no usage, the SDK gives an estimate of its own as if it were the provider's."""

    def apply(books: Books) -> None:
        for key in [key for key in books["tokens"] if key[0] == model]:
            del books["tokens"][key]
        for token_type, count in tokens.items():
            books["tokens"][model, token_type] = count

    return apply


def told_twice(*models: str) -> Silence:
    """Streamed calls of a model have two spans side by side, one over before the other begins: nothing ties them.

    Both count, until something in them says that they are one.
    """

    def apply(books: Books) -> None:
        for name in ("requests", "tokens", "finish_reasons"):
            for key in books[name]:
                if key[0] in models and (name != "requests" or key[3] == "true"):
                    books[name][key] *= 2

    return apply


def miscounted(model: str, token_type: str, more: int) -> Silence:
    """The SDK adds up wrongly: it tells more tokens than the provider did."""

    def apply(books: Books) -> None:
        books["tokens"][model, token_type] += more

    return apply


def anomalous(kind: str, calls: int) -> Silence:
    """What the SDK says of so many calls cannot be, and the exporter must report that."""

    def apply(books: Books) -> None:
        books["anomalies"][kind,] += calls

    return apply


def guarded(*checks: tuple[str, str]) -> Silence:
    """What the provider knows nothing of: the application checked its answers, each with a guardrail and an action."""

    def apply(books: Books) -> None:
        books["guardrail_checks"].update(checks)

    return apply


def no_part(part: str, whole: str, *models: str) -> Silence:
    """A type of tokens is not told apart from another; without models, in those of all."""

    def apply(books: Books) -> None:
        tokens = books["tokens"]
        for model, token_type in list(tokens):
            if token_type == part and (not models or model in models):
                tokens[model, whole] += tokens.pop((model, token_type))

    return apply


def no_finish_reasons(*models: str, calls: int | None = None) -> Silence:
    """No finish reason, in so many calls of each model; without a number in none of its calls."""

    def apply(books: Books) -> None:
        reasons = books["finish_reasons"]
        for model, reason in list(reasons):
            if not models or model in models:
                reasons[model, reason] -= reasons[model, reason] if calls is None else calls

    return apply


def another_finish_reason(model: str, given: str, told: str, calls: int = 1) -> Silence:
    """The SDK says another finish reason than the provider gave."""

    def apply(books: Books) -> None:
        books["finish_reasons"][model, given] -= calls
        books["finish_reasons"][model, told] += calls

    return apply


def no_model_of_errors(model: str) -> Silence:
    """A failed call does not say which model it was for."""

    def apply(books: Books) -> None:
        for name in ("requests", "errors"):
            for key in [
                key for key in books[name] if key[0] == model and (name == "errors" or "error" in key)
            ]:
                books[name]["", *key[1:]] += books[name].pop(key)

    return apply


def no_tools(books: Books) -> None:
    """The application runs its tools itself, where nothing traces them."""
    books["tool_calls"].clear()


def no_embeddings(books: Books) -> None:
    """Embeddings have no span."""
    for name in ("requests", "tokens"):
        for key in [key for key in books[name] if key[0].startswith("text-embedding")]:
            del books[name][key]


def _forget_stream(books: Books, forgotten: Callable[[str, str], bool]) -> None:
    requests = books["requests"]
    for model, operation, status, stream in list(requests):
        if stream == "true" and forgotten(model, status):
            requests[model, operation, status, "false"] += requests.pop((model, operation, status, stream))
