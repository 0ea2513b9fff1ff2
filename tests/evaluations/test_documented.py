"""docs/evaluations.md: its tables and examples are those of the code."""

import json
import re
from pathlib import Path

from core.building import REGENERATE
from evaluations.building import SPAN, TRACE
from llm_exporter.evaluations.evaluation import Evaluation
from llm_exporter.evaluations.feedback import NAMES
from llm_exporter.evaluations.scales import BY_TOOL, Scale, canonical
from llm_exporter.evaluations.scores import MAX_LANGFUSE_SCORES, MAX_SCORES, of_body
from llm_exporter.settings import load

FILE = Path(__file__).parents[2] / "docs/evaluations.md"
PAGE = FILE.read_text()
REGION = re.compile(r"(<!-- scales: [^\n]* -->\n)(.*?)(<!-- /scales -->)", re.DOTALL)


def described(scale: Scale) -> str:
    """Return a scale in the words of the table."""
    passes = "" if scale.pass_at is None else f", passes {'from' if scale.up else 'up to'} {scale.pass_at:g}"
    return f"{scale.low:g} to {scale.high:g}, {'up' if scale.up else 'down'}{passes}"


def table() -> str:
    """Return the table of scales."""
    lines = ["| tool | scale, and what is good | evaluators |", "| --- | --- | --- |"]
    for tool, scales in BY_TOOL.items():
        for scale, metrics in scales:
            names = [
                "every other" if name == "*" else f"`{name}`" for name in sorted(metrics.split(), key=_last)
            ]
            said = "not known: versions disagree, or neither is good" if scale is None else described(scale)
            lines.append(f"| `{tool}` | {said} | {', '.join(names)} |")
    return "\n".join(["", *lines, "", ""])


def _last(name: str) -> tuple[bool, str]:
    return name == "*", name


def test_the_table_of_scales_is_that_of_the_code() -> None:
    """Every tool, scale and evaluator."""
    found = REGION.search(PAGE)
    assert found is not None
    if REGENERATE:
        FILE.write_text(PAGE[: found.start(2)] + table() + PAGE[found.end(2) :])
    else:
        assert found[2] == table(), "run with REGENERATE=1, and review what changed"


def test_every_name_of_a_vote_is_there() -> None:
    """The known names are those of the code, but for spellings of one."""
    (said,) = re.findall(r"as well: (.*?), and those in", PAGE, re.DOTALL)
    names = set(re.findall(r"`([^`]+)`", said))
    assert names <= NAMES
    assert NAMES - names == {"userfeedback", "thumb", "thumbs_up_down", "net_promoter_score"}


def test_the_example_of_a_score_is_one() -> None:
    """As curl sends it."""
    (body,) = re.findall(r"-d '\s*(\{.*?\})'", PAGE, re.DOTALL)
    (result,) = of_body(body.encode(), langfuse=False)
    assert result._replace(key=b"") == Evaluation(
        "ragas.faithfulness", 0.92, source="judge", trace_id=TRACE, span_id=SPAN
    )
    assert len(json.loads(body)) == 6


def test_the_scales_that_it_shows_are_accepted(tmp_path: Path) -> None:
    """The configuration of one's own."""
    (shown,) = re.findall(r"```yaml\n(.*?)```", PAGE, re.DOTALL)
    file = tmp_path / "config.yaml"
    file.write_text(shown)
    assert load(str(file), {}, {}).evaluations.rules().scales == {
        "faithfulness": Scale(1, 5, up=True, pass_at=4),
        "word_error_rate": Scale(0, 1, up=False, pass_at=0.1),
    }


def test_the_bounds_are_those_of_the_code() -> None:
    """How many scores a request may hold."""
    assert f"a list of up to {MAX_SCORES}, 8 KiB at most" in PAGE
    assert (
        f"a list 1 MiB and {MAX_LANGFUSE_SCORES:,}\nscores, a batch 3 MiB and {MAX_LANGFUSE_SCORES:,} events"
        in PAGE
    )


def test_names_in_the_table_are_in_the_form_that_is_compared() -> None:
    """Otherwise nothing would ever match them."""
    for scales in BY_TOOL.values():
        for _, metrics in scales:
            for name in metrics.split():
                assert name == canonical(name)
