"""Evaluators of all kinds: each item ends in exactly one verdict for each name, and failures are never low scores."""

import asyncio
import json
import unicodedata
from collections.abc import Mapping
from pathlib import Path

import pytest

from judge.items import GOOD, Bench, all_rubrics, an_item, http, two_rubrics
from judge.virtual_time import run
from llm_exporter.judge.asking import AskFailed, Reply
from llm_exporter.judge.consistency import NAME as CONSISTENCY
from llm_exporter.judge.consistency import SelfConsistency
from llm_exporter.judge.item import Item, Verdict
from llm_exporter.judge.prompt import prompt
from llm_exporter.judge.reference import (
    EXACT,
    FUZZY,
    MAX_COMPARED,
    BadReference,
    ReferenceComparison,
    load_reference,
)
from llm_exporter.pricing import PICO

BOTH = ("judge.relevance", "judge.answers_question")
LOW = GOOD.replace("4", "1").replace("TRUE", "FALSE")


def outcomes(verdicts: Mapping[str, Verdict]) -> dict[str, str]:
    """Return the outcome of each name."""
    return {name: verdict.outcome for name, verdict in verdicts.items()}


def test_one_request_judges_all_rubrics() -> None:
    """Verdicts come from a single reply; its tokens and time are told once, for all of them."""
    bench = Bench(GOOD)
    verdicts = run(bench.judge.evaluate(an_item()))
    assert verdicts == {
        "judge.relevance": Verdict("judged", 4.0, "pass", "r"),
        "judge.answers_question": Verdict("judged", 1.0, "pass", "r"),
    }
    assert len(bench.model.asked) == 1
    ((names, bill, _),) = bench.costs.bills
    assert names == BOTH
    assert len(bill.usages) == 1


def test_rubrics_about_documents_apply_where_there_are_documents() -> None:
    """Without documents faithfulness and grounded are not asked, and are no 5."""
    bench = Bench(GOOD, rubrics=all_rubrics)
    assert "judge.faithfulness" in bench.judge.applies(an_item(documents=("d",)))
    assert {"judge.faithfulness", "judge.grounded"}.isdisjoint(bench.judge.applies(an_item()))


FAILURES = {
    "timeout": ([1000.0], "timeout", "timeout"),
    "rate limit": ([AskFailed("rate_limited", "rate_limit", again=True)], "rate_limited", "rate_limit"),
    "server": ([http()], "http_error", "unavailable"),
    "key": ([AskFailed("http_error", "auth")], "http_error", "auth"),
    "client": ([RuntimeError()], "http_error", "unknown"),
    "filter": ([Reply("", refused=True)], "refused", "refusal"),
    "refusal in words": (["I'm sorry, I can't do that."], "refused", "refusal"),
    "prose": (["It is quite good."], "parse_error", "unknown"),
    "empty": ([""], "parse_error", "unknown"),
    "out of range": ([GOOD.replace("4", "9").replace("TRUE", "PERHAPS")], "parse_error", "unknown"),
    "cut off": ([GOOD[:40]], "parse_error", "unknown"),
}


@pytest.mark.parametrize("failure", FAILURES)
def test_a_failure_is_one_outcome_and_no_score(failure: str) -> None:
    """Whatever goes wrong, every name has exactly one verdict, which has the outcome and neither score nor label."""
    script, outcome, error = FAILURES[failure]
    bench = Bench(*script)
    verdicts = run(bench.judge.evaluate(an_item()))
    assert verdicts == dict.fromkeys(BOTH, Verdict(outcome, error=error))


def test_without_budget_the_outcome_says_so() -> None:
    """No request is sent, and the item is told of all the same."""
    bench = Bench(GOOD, usd=0)
    verdicts = run(bench.judge.evaluate(an_item()))
    assert verdicts == dict.fromkeys(BOTH, Verdict("budget", error="quota"))
    assert bench.model.asked == []


@pytest.mark.parametrize("bad", ["no JSON", GOOD.replace("4", "9"), ""])
def test_a_bad_reply_is_asked_for_again_once(bad: str) -> None:
    """The second request says what was wrong, and what it brings counts; there is no third."""
    bench = Bench(bad, GOOD)
    assert set(outcomes(run(bench.judge.evaluate(an_item()))).values()) == {"judged"}
    first, second = bench.model.asked
    assert second.user.startswith(first.user)
    assert "Reply with that alone" in second.user
    hopeless = Bench(bad)
    run(hopeless.judge.evaluate(an_item()))
    assert len(hopeless.model.asked) == 2


def test_a_good_verdict_is_kept_when_another_is_not_of_the_form() -> None:
    """One rubric out of range does not cost the verdict of the other."""
    bench = Bench(GOOD.replace("4", "9"))
    assert outcomes(run(bench.judge.evaluate(an_item()))) == {
        "judge.relevance": "parse_error",
        "judge.answers_question": "judged",
    }


def test_the_second_try_has_to_be_paid_too() -> None:
    """Each request is reserved by itself: when money is left for one only, there is no second."""
    most = Bench("").tariff.most(prompt(two_rubrics(), an_item(), "0" * 16).n_bytes)
    assert most is not None
    bench = Bench(Reply("no JSON, and no usage"), usd=1.5 * most / PICO)
    verdicts = run(bench.judge.evaluate(an_item()))
    assert len(bench.model.asked) == 1
    assert set(outcomes(verdicts).values()) == {"parse_error"}


def test_the_same_again_is_remembered_for_a_day() -> None:
    """The same texts get their verdicts without a request, on another call too; after a day they are judged anew."""
    bench = Bench(GOOD, LOW)

    async def work() -> list[Mapping[str, Verdict]]:
        found = [
            await bench.judge.evaluate(an_item()),
            await bench.judge.evaluate(an_item(span_id=b"\7" * 8)),
        ]
        await asyncio.sleep(86_401)
        return [*found, await bench.judge.evaluate(an_item())]

    first, second, third = run(work())
    assert outcomes(second) == dict.fromkeys(BOTH, "cached")
    assert {name: v.score for name, v in second.items()} == {name: v.score for name, v in first.items()}
    assert {v.explanation for v in second.values()} == {""}
    assert third["judge.relevance"] == Verdict("judged", 1.0, "fail", "r")
    assert len(bench.model.asked) == 2


def test_other_texts_are_not_the_same() -> None:
    """Any of question, answer and documents makes another item; and failures are not remembered."""
    bench = Bench("no JSON", "no JSON", GOOD)

    async def work() -> None:
        for item in (
            an_item(),
            an_item(),
            an_item("other"),
            an_item(question="other"),
            an_item(documents=("d",)),
        ):
            await bench.judge.evaluate(item)

    run(work())
    assert len(bench.model.asked) == 6


def chosen(ratio: float) -> SelfConsistency:
    """Return a judge that is asked three times about a share of items."""
    return SelfConsistency(Bench(GOOD).judge, ratio)


def test_a_share_of_items_is_judged_three_times() -> None:
    """About one item in ten has one name more, and always the same items."""
    judge = chosen(0.1)
    items = [an_item(trace_id=n.to_bytes(16)) for n in range(2000)]
    more = [item for item in items if CONSISTENCY in judge.applies(item)]
    assert 140 < len(more) < 260
    assert more == [item for item in items if CONSISTENCY in chosen(0.1).applies(item)]
    assert CONSISTENCY not in chosen(0).names
    assert all(CONSISTENCY in chosen(1).applies(item) for item in items)


def three(*script: str | Exception) -> Mapping[str, Verdict]:
    """Judge an item three times."""
    bench = Bench(*script, retries=0)
    return run(SelfConsistency(bench.judge, 1).evaluate(an_item(evaluators=(*BOTH, CONSISTENCY))))


def test_three_verdicts_give_the_middle_one_and_their_agreement() -> None:
    """4, 5, 1 is 4; TRUE, TRUE, FALSE is TRUE; of six pairs one is the same."""
    verdicts = three(GOOD, GOOD.replace("4", "5"), LOW)
    assert verdicts["judge.relevance"].score == 4.0
    assert verdicts["judge.answers_question"].score == 1.0
    assert verdicts[CONSISTENCY] == Verdict("judged", 1 / 6)
    assert three(GOOD)[CONSISTENCY] == Verdict("judged", 1.0)


def test_two_of_three_are_enough_and_one_is_not() -> None:
    """A failed run does not count; with one verdict only there is no agreement, but there is the verdict."""
    broken = AskFailed("http_error", "unavailable")
    assert three(GOOD, broken, GOOD)[CONSISTENCY] == Verdict("judged", 1.0)
    alone = three(broken, GOOD, broken)
    assert alone[CONSISTENCY].outcome in ("http_error", "parse_error")
    assert not alone[CONSISTENCY].holds
    assert alone["judge.relevance"].score == 4.0
    assert outcomes(three(broken)) == dict.fromkeys((*BOTH, CONSISTENCY), "http_error")


def test_runs_are_not_answered_from_memory() -> None:
    """Three times is three requests."""
    bench = Bench(GOOD)
    run(SelfConsistency(bench.judge, 1).evaluate(an_item(evaluators=(*BOTH, CONSISTENCY))))
    assert len(bench.model.asked) == 3


def compared(answer: str, tmp_path: Path, right: str = "Within 14 days.") -> dict[str, float | None]:
    """Compare an answer with a right one."""
    file = tmp_path / "golden.jsonl"
    lines = [{"question": "When?", "answer": right}, {"question": "Who?", "answer": "We"}]
    file.write_text("\n\n".join(map(json.dumps, lines)))
    reference = load_reference(file)
    item = an_item(answer, question="  when?\n", evaluators=(EXACT, FUZZY))
    assert reference.applies(item) == (EXACT, FUZZY)
    return {name: verdict.score for name, verdict in run(reference.evaluate(item)).items()}


@pytest.mark.parametrize(
    "answer", ["Within 14 days.", " WITHIN\n14  days. ", "\uff37ithin 14 days.", "within 14 days."]
)
def test_case_width_and_spaces_make_no_difference(answer: str, tmp_path: Path) -> None:
    """Such answers are exactly right, and then as near as can be."""
    assert compared(answer, tmp_path) == {EXACT: 1.0, FUZZY: 1.0}


def test_composition_makes_no_difference(tmp_path: Path) -> None:
    """An accent may be a character of its own."""
    assert compared(unicodedata.normalize("NFD", "Café"), tmp_path, "Café") == {EXACT: 1.0, FUZZY: 1.0}


def test_other_words_come_more_or_less_near(tmp_path: Path) -> None:
    """The order of words does not matter, other words do."""
    assert compared("days. 14 within", tmp_path) == {EXACT: 0.0, FUZZY: 1.0}
    near = compared("Within 15 days.", tmp_path)
    far = compared("I do not know.", tmp_path)
    assert near[EXACT] == far[EXACT] == 0.0
    assert 1.0 > (near[FUZZY] or 0) > 0.8 > 0.6 > (far[FUZZY] or 0)


def test_of_several_right_answers_the_nearest_counts(tmp_path: Path) -> None:
    """A question may stand in the file more than once; what is not in it is not compared."""
    file = tmp_path / "golden.jsonl"
    file.write_text('{"question": "When?", "answer": "soon"}\n{"question": "when?", "answer": "now"}\n')
    reference = load_reference(file)
    item = an_item("Now", question="When?", evaluators=(EXACT, FUZZY))
    assert run(reference.evaluate(item))[EXACT] == Verdict("judged", 1.0, "pass")
    assert reference.applies(an_item("Now", question="Why?")) == ()


def test_long_texts_are_compared_up_to_a_limit() -> None:
    """What stands beyond it makes no difference, and takes no time."""
    start = " ".join(["word"] * (MAX_COMPARED // 5 + 10))[:MAX_COMPARED]
    from llm_exporter.judge.reference import question_key

    reference = ReferenceComparison({question_key("q"): (start + "x" * 1_000_000,)})
    item = an_item(start + "y" * 1_000_000, question="q", evaluators=(EXACT, FUZZY))
    verdicts = run(reference.evaluate(item))
    assert verdicts[EXACT].score == 0.0
    assert (verdicts[FUZZY].score or 0) == 1.0


@pytest.mark.parametrize(
    "line", ["[]", "{}", "nope", '{"question": "q"}', '{"question": "", "answer": "a"}', "[" * 99_999]
)
def test_a_file_of_another_form_is_refused(line: str, tmp_path: Path) -> None:
    """The message names the line."""
    file = tmp_path / "golden.jsonl"
    file.write_text('{"question": "q", "answer": "a"}\n' + line + "\n")
    with pytest.raises(BadReference, match=r"golden\.jsonl:2: not an object with the texts"):
        load_reference(file)


def test_evaluators_have_one_shape() -> None:
    """Every evaluator says its names, what of them applies, and gives exactly those verdicts."""
    bench = Bench(GOOD, rubrics=all_rubrics)
    from llm_exporter.judge.reference import question_key

    reference = ReferenceComparison({question_key("When is the money back?"): ("soon",)})
    for evaluator in (bench.judge, SelfConsistency(bench.judge, 1), reference):
        item: Item = an_item(documents=("d",))
        item = item._replace(evaluators=evaluator.applies(item))
        assert set(item.evaluators) == set(evaluator.names)
        assert set(run(evaluator.evaluate(item))) == set(evaluator.names)
