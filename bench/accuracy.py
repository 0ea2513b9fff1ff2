"""How often the detectors of `llm_exporter.signals` are right, on public sets of texts that people have labelled.

The sets are not part of this repository. Get copies of those that are of interest, and tell where they are:

    python -m bench.accuracy --xstest DIR --ordinary FILE --pii FILE --languages DIR

- `--xstest`: `model_completions` of paul-rottger/exaggerated-safety (prompts CC BY 4.0), a CSV for each model. The
  phrases were developed on the models of `DEVELOPED_ON`; only the others tell how good they are.
- `--ordinary`: `data/general_data.json` of RUCAIBox/HaluEval (MIT): answers to ordinary questions.
- `--pii`: `data/synth_dataset_v2.json` of microsoft/presidio-research (MIT).
- `--languages`: `language-testdata/sentences` of pemistahl/lingua-py (Apache 2.0): sentences of the Leipzig corpora, a
  text file for each language.
"""

from __future__ import annotations

import argparse
import csv
import json
from collections import Counter
from pathlib import Path
from typing import TYPE_CHECKING, Final

from bench.report import Table
from llm_exporter.signals.language import LANGUAGES, UNDETERMINED, language
from llm_exporter.signals.pii import KINDS, kinds
from llm_exporter.signals.refusal import Refusal, refusal
from llm_exporter.signals.repetition import repeats

if TYPE_CHECKING:
    from collections.abc import Iterable

    from bench.report import Value

DEVELOPED_ON: Final = frozenset({"gpt4", "mistralinstruct"})
_COMPLIED: Final = "1_full_compliance"
_PII: Final = {
    "EMAIL_ADDRESS": "email",
    "CREDIT_CARD": "card",
    "IBAN_CODE": "iban",
    "US_SSN": "ssn",
    "IP_ADDRESS": "ip",
}
_FILES: Final = {"no": "nb"}
"""Languages whose file has another name."""
_SENTENCES: Final = 4
"""Sentences put together to a text."""

Outcomes = Counter[tuple[bool, bool]]
"""How often it is so, and was found to be so."""


def refusals(folder: Path) -> Table:
    """Return precision, recall and false alarms of refusals, model by model."""
    rows: list[tuple[Value, ...]] = []
    held_out: Outcomes = Counter()
    for path in sorted(folder.glob("*.csv")):
        model = path.stem.rpartition("_")[2]
        with path.open(encoding="utf-8", newline="") as file:
            outcomes: Outcomes = Counter(
                (row["final_label"] != _COMPLIED, refusal(row["completion"]) is Refusal.POLICY)
                for row in csv.DictReader(file)
            )
        if model in DEVELOPED_ON:
            rows.append((model, "developed on", *_measures(outcomes)))
        else:
            held_out += outcomes
            rows.append((model, "held out", *_measures(outcomes)))
    rows.append(("all held out", "held out", *_measures(held_out)))
    columns = ("model", "", "answers", "refusals", "precision", "recall", "false alarms")
    note = (
        "A full or partial refusal by the label is one; false alarms are a share of the answers that comply."
    )
    return Table("Refusals, XSTest", columns, sorted(rows, key=lambda row: (row[1], row[0])), note)


def _measures(outcomes: Outcomes) -> tuple[float, ...]:
    right, wrong, missed = outcomes[True, True], outcomes[False, True], outcomes[True, False]
    refused, others = right + missed, wrong + outcomes[False, False]
    found = right + wrong
    return (refused + others, refused, right / (found or 1), right / (refused or 1), wrong / (others or 1))


def ordinary(path: Path) -> Table:
    """Return how many ordinary answers are taken for something else."""
    with path.open(encoding="utf-8") as file:
        answers = [json.loads(line)["chatgpt_response"] for line in file if line.strip()]
    found = Counter(refusal(answer).value or "none" for answer in answers)
    found["repetitive"] = sum(map(repeats, answers))
    found.update(f"pii_{kind}" for answer in answers for kind in kinds(answer))
    rows: list[tuple[Value, ...]] = [
        (flag, count, count / len(answers)) for flag, count in found.most_common()
    ]
    return Table("Ordinary answers, HaluEval", ("flag", "answers", "share"), rows, f"{len(answers)} answers.")


def personal_data(path: Path) -> Table:
    """Return how many texts with each kind of personal data are found, and how many without."""
    texts = json.loads(path.read_text(encoding="utf-8"))
    outcomes: dict[str, Outcomes] = {kind: Counter() for kind in KINDS}
    for text in texts:
        there = {_PII.get(span["entity_type"]) for span in text["spans"]}
        found = kinds(text["full_text"])
        for kind in KINDS:
            outcomes[kind][kind in there, kind in found] += 1
    rows: list[tuple[Value, ...]] = [
        (kind, found[True, True], found[False, True], found[True, False]) for kind, found in outcomes.items()
    ]
    columns = ("kind", "right", "wrong", "missed")
    return Table("Personal data, presidio-research", columns, rows, f"{len(texts)} texts.")


def languages(folder: Path) -> Table:
    """Return how often the language of a few sentences is told."""
    outcomes: Counter[str] = Counter()
    per_language: dict[str, tuple[int, int]] = {}
    for code in LANGUAGES:
        path = folder / f"{_FILES.get(code, code)}.txt"
        if not path.is_file():
            continue
        found = [language(text) for text in _texts(path)]
        per_language[code] = (found.count(code), len(found))
        outcomes.update(
            "right" if one == code else "und" if one == UNDETERMINED else "wrong" for one in found
        )
    rows: list[tuple[Value, ...]] = [
        (
            "all",
            len(per_language),
            *(outcomes[name] / (outcomes.total() or 1) for name in ("right", "und", "wrong")),
        )
    ]
    weakest = sorted(per_language, key=lambda code: per_language[code][0] / (per_language[code][1] or 1))[:4]
    others = Counter(
        language(text) == UNDETERMINED
        for path in sorted(folder.glob("*.txt"))
        if path.stem not in {*LANGUAGES, *_FILES.values()}
        for text in _texts(path)
    )
    shares = ", ".join(f"{code} {per_language[code][0] / per_language[code][1]:.2f}" for code in weakest)
    note = (
        f"The least told: {shares}. Of texts in other languages {others[True]} of {others.total()} are und."
    )
    return Table("Languages, four sentences", ("", "languages", "right", "und", "wrong"), rows, note)


def _texts(path: Path) -> Iterable[str]:
    lines = path.read_text(encoding="utf-8").splitlines()
    return [
        " ".join(lines[start : start + _SENTENCES])
        for start in range(0, len(lines) - _SENTENCES + 1, _SENTENCES)
    ]


def main() -> None:
    """Print a table for each set that the command line names."""
    parser = argparse.ArgumentParser(
        prog="python -m bench.accuracy",
        description=__doc__,
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    measures = {"xstest": refusals, "ordinary": ordinary, "pii": personal_data, "languages": languages}
    for name in measures:
        parser.add_argument(f"--{name}", type=Path, metavar="PATH")
    paths = vars(parser.parse_args())
    for name, measure in measures.items():
        if paths[name] is not None:
            print(*measure(paths[name]).lines(), "", sep="\n")


if __name__ == "__main__":
    main()
