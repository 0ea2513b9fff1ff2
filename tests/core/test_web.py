"""The metrics port as an HTTP client sees it: paths, methods, encodings, and pages that show no content."""

import asyncio
import gzip
import json
from collections.abc import Iterator
from typing import Any, NamedTuple

import pytest
from prometheus_client.openmetrics.parser import text_string_to_metric_families as openmetrics_families
from prometheus_client.parser import text_string_to_metric_families

from core.building import Clock, Exporter, a_call, a_span
from llm_exporter import web
from llm_exporter.settings import Problem
from llm_exporter.web import MetricsApp


class Answer(NamedTuple):
    """One response."""

    status: int
    headers: dict[str, str]
    body: bytes


class Site:
    """A MetricsApp over an exporter, asked without a socket."""

    def __init__(self) -> None:
        self.exporter = Exporter()
        self.problems: list[Problem] = []
        self.ready = True
        self.cache_seconds = 0.0
        self.reloads = 0
        addresses = {"OTLP/gRPC": "127.0.0.1:4317"}
        self.app = MetricsApp(
            self.exporter.engine, self._reload, lambda: self.ready, addresses, lambda: self.cache_seconds
        )

    def _reload(self) -> list[Problem]:
        self.reloads += 1
        return self.problems

    def ask(self, path: str, method: str = "GET", **headers: str) -> Answer:
        """Send one request; keyword arguments become headers."""
        return asyncio.run(self._ask(path, method, headers))

    async def _ask(self, path: str, method: str, headers: dict[str, str]) -> Answer:
        sent: list[dict[str, Any]] = []

        async def receive() -> dict[str, Any]:
            return {"type": "http.request", "body": b"", "more_body": False}

        async def send(message: Any) -> None:
            sent.append(message)

        target, _, query = path.partition("?")
        scope: Any = {
            "type": "http",
            "method": method,
            "path": target,
            "query_string": query.encode(),
            "headers": [(name.replace("_", "-").lower().encode(), v.encode()) for name, v in headers.items()],
        }
        await self.app(scope, receive, send)
        answered = {name.decode().lower(): value.decode() for name, value in sent[0]["headers"]}
        return Answer(sent[0]["status"], answered, b"".join(message.get("body", b"") for message in sent[1:]))


@pytest.fixture
def site() -> Iterator[Site]:
    """Return the metrics port of a fresh exporter."""
    site = Site()
    yield site
    site.app.close()


def test_metrics_come_in_the_format_asked_for(site: Site) -> None:
    """The content type names format and version, and caches are told what the answer depends on."""
    site.exporter.send(a_call())
    text = site.ask("/metrics")
    assert (text.status, text.headers["content-type"]) == (200, "text/plain; version=0.0.4; charset=utf-8")
    openmetrics = site.ask("/metrics", accept="application/openmetrics-text")
    assert openmetrics.headers["content-type"] == "application/openmetrics-text; version=1.0.0; charset=utf-8"
    assert openmetrics.body.endswith(b"# EOF\n")
    assert "accept" in text.headers["vary"].lower()


@pytest.mark.parametrize(
    ("accepted", "zipped"),
    [
        ("gzip", True),
        ("deflate, GZIP;q=0.5", True),
        ("*", True),
        ("gzip;q=0", False),
        ("gzip; q=0.0", False),
        ("br", False),
        ("", False),
        ("identity, gzipped", False),
    ],
)
def test_metrics_are_zipped_where_that_is_accepted(site: Site, accepted: str, zipped: bool) -> None:
    """A zipped answer says so and holds the same families."""
    site.exporter.send(a_call())
    answer = site.ask("/metrics", accept_encoding=accepted)
    assert (answer.headers.get("content-encoding") == "gzip") is zipped
    body = gzip.decompress(answer.body) if zipped else answer.body
    names = {family.name for family in text_string_to_metric_families(body.decode())}
    assert {"llm_requests", "llm_tokens", "llm_exporter_spans"} <= names


@pytest.mark.parametrize("path", ["/", "/metrics", "/debug/spans", "/-/healthy", "/-/ready"])
def test_head_answers_as_get_without_a_body(site: Site, path: str) -> None:
    """HEAD has GET's status and type."""
    got, head = site.ask(path), site.ask(path, "HEAD")
    assert (head.status, head.headers["content-type"]) == (200, got.headers["content-type"])
    assert got.body
    assert head.body == b""


@pytest.mark.parametrize(
    ("method", "path", "allowed"),
    [
        ("POST", "/metrics", "GET"),
        ("DELETE", "/", "GET"),
        ("GET", "/-/reload", "POST"),
        ("HEAD", "/-/reload", "POST"),
        ("PUT", "/-/reload", "POST"),
    ],
)
def test_another_method_is_refused(site: Site, method: str, path: str, allowed: str) -> None:
    """405 names the method that is allowed; a GET never reloads."""
    answer = site.ask(path, method)
    assert (answer.status, answer.headers["allow"], site.reloads) == (405, allowed, 0)


@pytest.mark.parametrize("path", ["/metric", "/metrics/", "//", "/-/", "/debug", "/v1/traces"])
def test_an_unknown_path_is_told_what_there_is(site: Site, path: str) -> None:
    """404 lists the paths."""
    answer = site.ask(path)
    assert answer.status == 404
    assert b"/metrics" in answer.body


def test_readiness_follows_the_receivers(site: Site) -> None:
    """Not ready is 503 while healthy stays 200: a restart would not help."""
    site.ready = False
    assert site.ask("/-/ready").status == 503
    assert site.ask("/-/healthy").status == 200
    site.ready = True
    assert site.ask("/-/ready").status == 200


def test_a_reload_is_a_post(site: Site) -> None:
    """POST reloads; a refused configuration is 500 with every reason."""
    assert site.ask("/-/reload", "POST").status == 200
    site.problems = [Problem("config.yaml:3", "limits.bindings", "is -1", "1 or more")]
    refused = site.ask("/-/reload", "POST")
    assert (refused.status, site.reloads) == (500, 2)
    assert b"limits.bindings" in refused.body
    assert b"the old one stays" in refused.body


def test_a_rendering_serves_the_scrapes_of_its_cache_time(
    site: Site, clock: Clock, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Within exposition.cache_seconds two Prometheus servers get one rendering, by format and encoding."""
    monkeypatch.setattr(web, "time", clock)
    site.cache_seconds = 1.0
    site.exporter.send(a_call())
    first = site.ask("/metrics").body
    site.exporter.send(a_call())
    clock.advance(0.9)
    assert site.ask("/metrics").body == first
    assert b"# EOF" in site.ask("/metrics", accept="application/openmetrics-text").body
    clock.advance(0.1)
    assert site.ask("/metrics").body != first


def test_the_landing_page_says_what_to_do(site: Site) -> None:
    """Nothing received, nothing about an LLM, calls: each state is told apart, with the addresses."""
    nothing = site.ask("/").body.decode()
    assert "No span has arrived yet" in nothing
    assert "127.0.0.1:4317" in nothing
    site.exporter.send(a_span({"http.route": "/"}))
    assert "none of them is about an LLM" in site.ask("/").body.decode()
    site.exporter.send(a_call(), resource={"service.name": "shop"})
    assert "Counting calls of <code>shop</code>" in site.ask("/").body.decode()


def test_the_last_spans_are_shown_newest_first(site: Site) -> None:
    """/debug/spans tells per span what became of it, as a page and as JSON, filtered by outcome."""
    site.exporter.send(a_call(name="first"), a_span({"http.route": "/"}, name="second"))
    shown = json.loads(site.ask("/debug/spans?format=json").body)
    outcomes = [(span["name"], span["outcome"]) for span in shown]
    assert outcomes == [("second", "not_llm"), ("first", "call")]
    only = json.loads(site.ask("/debug/spans?outcome=call", accept="application/json").body)
    assert [span["name"] for span in only] == ["first"]
    page = site.ask("/debug/spans").body.decode()
    assert page.index("<code>second") < page.index("<code>first")


def test_pages_show_no_content_and_run_nothing(site: Site) -> None:
    """Markup from a sender is text, prompts are nowhere, and scripts are forbidden by policy."""
    nasty = "<script>alert(1)</script>"
    said = {"gen_ai.input.messages": "the secret prompt", "gen_ai.request.model": nasty, nasty: nasty}
    site.exporter.send(
        a_call(said, name=nasty, status="ERROR", message="the secret prompt"),
        scope=nasty,
        resource={"service.name": nasty},
    )
    for path in ("/", "/debug/spans", "/debug/spans?format=json"):
        answer = site.ask(path)
        assert b"<script" not in answer.body
        assert b"secret" not in answer.body
        assert "default-src 'none'" in answer.headers["content-security-policy"]
        assert answer.headers["x-content-type-options"] == "nosniff"


@pytest.mark.parametrize(
    "query", ["outcome=%00%ff", "format=json&format=html", "outcome=" + "x" * 100_000, "&&&=;"]
)
def test_any_query_is_answered(site: Site, query: str) -> None:
    """A strange query shows an empty list, never an error."""
    assert site.ask(f"/debug/spans?{query}").status == 200


@pytest.mark.parametrize("accept", ["text/plain", "application/openmetrics-text; version=1.0.0"])
def test_the_process_is_shown_beside_what_it_counts(site: Site, accept: str) -> None:
    """Memory, CPU and file descriptors of the exporter stand in the same scrape, which both parsers read."""
    body = site.ask("/metrics", Accept=accept).body
    parse = openmetrics_families if "openmetrics" in accept else text_string_to_metric_families
    found = {sample.name: sample.value for family in parse(body.decode()) for sample in family.samples}
    assert found["process_resident_memory_bytes"] > 10_000_000
    assert found["process_cpu_seconds_total"] > 0
    assert found["process_open_fds"] > 0
    assert found["python_info"] == 1
