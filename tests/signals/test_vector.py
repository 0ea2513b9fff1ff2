"""A text becomes a unit vector of hashed tokens, the same everywhere and for ever."""

import math
import re
import subprocess
import sys
import zlib
from collections import Counter
from itertools import pairwise

import pytest
from hypothesis import given
from hypothesis import strategies as st

from llm_exporter.catalogue import Unit
from llm_exporter.signals import vector as subject
from llm_exporter.signals.vector import BUCKETS, CHARACTERS, vector

ONE = Unit.WEIGHT.scale
UNSPACED = re.compile(
    r"[\u0e00-\u0eff\u1000-\u109f\u1780-\u17ff\u1100-\u11ff\u3040-\u30ff\u3130-\u318f\u31f0-\u31ff"
    r"\u3400-\u4dbf\u4e00-\u9fff\ua960-\ua97f\uac00-\ud7ff\uf900-\ufaff\uff66-\uffdc\U00020000-\U0003ffff]+"
)
SCRIPTS = st.text(
    st.sampled_from(
        "abcXYZ019_ \n\t\x1c\x85\u00a0.,!?'*-\u2019\u201c\u2014\u2022\u20acéÉßİ\u24b6ж中文日本어한ไทย\U0001f600\ud800"
    )
)


def straightforward(text: str) -> list[float]:
    """Return the vector by one regular expression over the lower-cased text."""
    lowered = text[:CHARACTERS].lower()
    tokens: list[str] = []
    place = 0
    for run in UNSPACED.finditer(lowered):
        tokens += re.findall(r"\w+|[^\w\s]", lowered[place : run.start()])
        found = run.group()
        tokens += [a + b for a, b in pairwise(found)] or [found]
        place = run.end()
    tokens += re.findall(r"\w+|[^\w\s]", lowered[place:])
    weights = [0.0] * BUCKETS
    for token, times in Counter(tokens).items():
        weights[zlib.crc32(token.encode("utf-8", "surrogatepass")) % BUCKETS] += math.sqrt(times)
    length = math.sqrt(sum(weight * weight for weight in weights))
    return [weight / length for weight in weights] if tokens else []


@pytest.mark.parametrize(
    ("text", "tokens"),
    [
        ("Hello, world!", ["hello", ",", "world", "!"]),
        ("HELLO hello", ["hello", "hello"]),
        ("don\u2019t \u2014 wait \U0001f600", ["don", "\u2019", "t", "\u2014", "wait", "\U0001f600"]),
        ("Müßiger Straßenbau\u00a0\u20ac", ["müßiger", "straßenbau", "\u20ac"]),
        ("ПРИВЕТ мир", ["привет", "мир"]),
        ("東京都 ok", ["東京", "京都", "ok"]),
        ("あ。", ["あ", "。"]),
        ("서울시", ["서울", "울시"]),
        ("gpt4中文", ["gpt4", "中文"]),
        ("x_1 == 2", ["x_1", "=", "=", "2"]),
    ],
)
def test_tokens(text: str, tokens: list[str]) -> None:
    """Words are lower-cased, marks stand alone, and scripts without spaces go by pairs of characters."""
    weights = [0.0] * BUCKETS
    for token, times in Counter(tokens).items():
        weights[zlib.crc32(token.encode()) % BUCKETS] += math.sqrt(times)
    length = math.hypot(*weights)
    assert list(vector(text)) == pytest.approx([weight / length * ONE for weight in weights], abs=1)


@given(SCRIPTS | st.text())
def test_the_fast_way_is_the_straightforward_way(text: str) -> None:
    """Whatever the text, each bucket has what one regular expression gives, to the last unit."""
    assert list(vector(text)) == pytest.approx([weight * ONE for weight in straightforward(text)], abs=1)


@given(SCRIPTS)
def test_length_is_one(text: str) -> None:
    """Weights are whole and not negative, and their squares add up to 1 but for the rounding."""
    weights = vector(text)
    if weights:
        assert len(weights) == BUCKETS
        assert all(isinstance(weight, int) and weight >= 0 for weight in weights)
        assert sum((weight / ONE) ** 2 for weight in weights) == pytest.approx(1, abs=1e-9)


@pytest.mark.parametrize("text", ["", " \n\t\u00a0\u2003"])
def test_no_token_is_no_sample(text: str) -> None:
    """A text of nothing, or of white space alone, has no vector."""
    assert len(vector(text)) == 0


def test_only_the_beginning_is_read() -> None:
    """What comes after the first 4,000 characters changes nothing."""
    beginning = ("alpha beta. " * 400)[:CHARACTERS]
    assert vector(beginning + " gamma delta") == vector(beginning)
    assert vector(beginning[:-6] + " gamma") != vector(beginning)


def test_a_repeated_word_counts_its_root() -> None:
    """A word said four times weighs twice one said once."""
    one, four = (zlib.crc32(word) % BUCKETS for word in (b"once", b"again"))
    weights = vector("again once again again again")
    assert one != four
    assert weights[four] == pytest.approx(2 * weights[one], abs=2)


def test_another_process_gives_the_same() -> None:
    """The hash is not salted by the process: a week's reference outlives restarts."""
    text = "The parcel is on its way; 東京 \u2014 déjà vu."
    program = f"from llm_exporter.signals.vector import vector; print(list(vector({text!r})))"
    told = subprocess.run([sys.executable, "-c", program], capture_output=True, text=True, check=True)
    assert told.stdout.strip() == str(list(vector(text)))


def test_the_memo_is_bounded(monkeypatch: pytest.MonkeyPatch) -> None:
    """Novel words never make it longer than its limit, long words are not kept, and results stay the same."""
    monkeypatch.setattr(subject, "MAX_REMEMBERED", 100)
    subject._MEMO.clear()
    before = vector("stable words here")
    for place in range(300):
        vector(f"novel{place} another{place} {'z' * 100}{place}")
        assert len(subject._MEMO) <= 100
    assert not [word for word in subject._MEMO if len(word) > subject.MAX_REMEMBERED_BYTES]
    assert vector("stable words here") == before
