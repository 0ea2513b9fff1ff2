"""The benchmark of the signals has every one of them at work, and the table of their accuracy counts right."""

import csv
import json
from pathlib import Path

from bench import accuracy, signals
from llm_exporter.exposition import render
from llm_exporter.signals.answers import Answers, Switches
from llm_exporter.store import Store


def test_every_signal_works() -> None:
    """The made-up calls have something for each detector to find, or to look at, and most have nothing to find."""
    store = Store(first_sample_hold_seconds=0)
    listener = Answers(store, Switches(samples_per_second=1e6), lambda call: call.response_model)
    calls = signals.told(400)
    for number, one in enumerate(calls):
        store.now = 1000.0 + number
        listener.answered(one.call, one.content, one.documents, b"", b"", one.finish, 1)
    store.promote(store.now)
    lines = b"".join(render(store, "text", store.now)).decode().splitlines()
    totals: dict[str, float] = {}
    for line in lines:
        if not line.startswith("#"):
            name, _, value = line.rpartition(" ")
            key = name.partition("{")[0] + "".join(
                f" {flag}" for flag in ("refusal", "flag") if f'"{flag}"' in name
            )
            totals[key] = totals.get(key, 0.0) + float(value)
    assert totals["llm_answers_read_total"] == 400
    assert 0 < totals["llm_answer_flags_total refusal"] < 100
    assert 0 < totals["llm_guardrail_checks_total flag"] < 100
    assert totals["llm_answer_characters_count"] == 400
    assert 0 < totals["llm_answer_context_overlap_ratio_count"] < 400
    assert totals["llm_output_languages_total"] == 400
    assert totals["llm_content_samples_total"] == 800


def test_table_of_costs() -> None:
    """There is a row for each switch, and one for all of them."""
    table = signals.measure(60, 1)
    names = [row[0] for row in table.rows]
    assert {name for name in Switches._fields if name != "samples_per_second"} < set(names)
    assert signals.ALL in names
    assert all(float(row[-1]) > 0 for row in table.rows)


def test_table_of_refusals(tmp_path: Path) -> None:
    """Precision, recall and false alarms are of full and partial refusals, and those held out are added up."""
    refuses, complies = "I'm sorry, but I can't help with that.", "The train leaves at noon from platform 4."
    completions = {
        "gpt4": [(refuses, "2_full_refusal"), (complies, "1_full_compliance")],
        "one": [(refuses, "2_full_refusal"), (refuses, "1_full_compliance"), (complies, "1_full_compliance")],
        "two": [(complies, "3_partial_refusal"), (refuses, "3_partial_refusal")],
    }
    for model, rows in completions.items():
        with (tmp_path / f"xstest_v2_completions_{model}.csv").open("w", newline="") as file:
            writer = csv.writer(file)
            writer.writerow(("completion", "final_label"))
            writer.writerows(rows)
    found = {row[0]: row[1:] for row in accuracy.refusals(tmp_path).rows}
    assert found == {
        "gpt4": ("developed on", 2, 1, 1, 1, 0),
        "one": ("held out", 3, 1, 0.5, 1, 0.5),
        "two": ("held out", 2, 2, 1, 0.5, 0),
        "all held out": ("held out", 5, 3, 2 / 3, 2 / 3, 0.5),
    }


def test_table_of_ordinary_answers(tmp_path: Path) -> None:
    """Each finding is a share of all answers."""
    answers = [
        "The train leaves at noon.",
        "I'm sorry, but I can't help with that.",
        "Ask j.doe@acme-shop.dev.",
        "na " * 99,
    ]
    path = tmp_path / "answers.json"
    path.write_text("".join(json.dumps({"chatgpt_response": answer}) + "\n" for answer in answers))
    assert {row[0]: row[1:] for row in accuracy.ordinary(path).rows} == {
        "none": (3, 0.75), "refusal": (1, 0.25), "pii_email": (1, 0.25), "repetitive": (1, 0.25),
    }  # fmt: skip


def test_table_of_personal_data(tmp_path: Path) -> None:
    """A text is right or wrong for each kind, and kinds that no detector is for do not count."""
    texts = [
        {
            "full_text": "Ask j.doe@acme-shop.dev.",
            "spans": [{"entity_type": "EMAIL_ADDRESS"}, {"entity_type": "PERSON"}],
        },
        {"full_text": "Ask j.doe@acme-shop.dev.", "spans": []},
        {"full_text": "Ask 630427373398.", "spans": [{"entity_type": "CREDIT_CARD"}]},
    ]
    path = tmp_path / "texts.json"
    path.write_text(json.dumps(texts))
    found = {row[0]: row[1:] for row in accuracy.personal_data(path).rows}
    assert (found["email"], found["card"], found["ssn"]) == ((1, 1, 0), (0, 0, 1), (0, 0, 0))


def test_table_of_languages(tmp_path: Path) -> None:
    """Sentences are read by fours, and those of other languages are to be undetermined."""
    (tmp_path / "en.txt").write_text("The train is at the station and you can take it.\n" * 9)
    (tmp_path / "de.txt").write_text("qwertz\n" * 4)
    (tmp_path / "xx.txt").write_text(
        "The train is at the station and you can take it.\n" * 4 + "qwertz\n" * 4
    )
    table = accuracy.languages(tmp_path)
    assert table.rows == [("all", 2, 2 / 3, 1 / 3, 0)]
    assert "de 0.00, en 1.00" in table.note
    assert "1 of 2 are und" in table.note
