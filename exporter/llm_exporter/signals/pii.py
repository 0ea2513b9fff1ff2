"""Which kinds of personal data and secrets a text holds: only the kinds, never what was found.

Precision comes before recall. What has a checksum must have it right, and what documentation uses as an example
(test cards, example.com, private and reserved addresses, placeholder keys) does not count.
"""

from __future__ import annotations

import ipaddress
import re
from typing import Final

KINDS: Final = ("email", "card", "iban", "ssn", "ip", "secret_key")
MOST: Final = 64
"""Candidates of one kind that are looked at in a text."""

# Texts are first looked through by the shape of their characters: digits as 0, capitals as A, small letters as a.
_SHAPE: Final = bytes(
    0x30 if chr(i).isdigit() else 0x41 if 65 <= i <= 90 else 0x61 if 97 <= i <= 122 else i for i in range(128)
) + bytes(range(128, 256))
# And by where a key may be: everything that keys are made of as one character.
_RUNS: Final = (
    bytes(
        0x78 if chr(i).isalnum() or chr(i) in "-_." else 0x3A if chr(i) == ":" else 0x20 for i in range(128)
    )
    + bytes([0x20]) * 128
)
_RUN: Final = b"x" * 20

_LOCAL = re.compile(r"[A-Za-z0-9][A-Za-z0-9._%+-]{0,63}\Z")
_DOMAIN = re.compile(r"(?:[A-Za-z0-9][A-Za-z0-9-]{0,62}\.){1,6}[A-Za-z]{2,24}(?![A-Za-z0-9_])")
_RESERVED = re.compile(
    r"(?:\A|\.)(?:example|test|invalid|localhost|local)\Z"
    r"|(?:\A|\.)(?:example|yourdomain|yourcompany|domain|company|email|mail)\.(?:com|org|net|edu)\Z"
)
_NOBODY: Final = frozenset({"git", "noreply", "no-reply", "you", "user", "username", "name", "someone"})

_CARD = re.compile(r"(?<![\w.])(?<!\d[ -])\d(?:[ -]?\d){12,18}(?![ -]?\d)")
_CARD_SHAPES: Final = (b"0000 0000", b"0000-0000", b"0000000000000")
# The numbers that payment providers give out for tests.
_TEST_CARDS: Final = frozenset(
    {
        "4111111111111111", "4242424242424242", "4000056655665556", "4012888888881881", "4222222222222",
        "5555555555554444", "5105105105105100", "5200828282828210", "2223003122003222", "378282246310005",
        "371449635398431", "6011111111111117", "6011000990139424", "30569309025904", "38520000023237",
        "3056930009020004", "3566002020360505", "3530111333300000", "4917610000000000",
    }
)  # fmt: skip

_IBAN = re.compile(r"(?<![A-Za-z0-9])[A-Z]{2}\d{2}(?: ?[A-Z0-9]){11,30}")
# Source: the SWIFT registry of IBAN formats; characters of an IBAN by country.
_IBAN_LENGTHS: Final = {
    country: length
    for length, countries in {
        15: "NO", 16: "BE", 18: "DK FI FO GL NL SD FK", 19: "MK SI", 20: "AT BA EE KZ LT LU MN XK", 21: "CH HR LI LV",
        22: "BG BH CR DE GB GE IE ME RS VA", 23: "AE GI IL IQ OM SO TL", 24: "AD CZ ES MD PK RO SA SE SK TN VG",
        25: "LY PT ST", 26: "IS TR", 27: "BI DJ FR GR IT MC MR SM", 28: "AL AZ BY CY DO GT HN HU LB NI PL SV",
        29: "BR EG PS QA UA", 30: "JO KW MU YE", 31: "MT SC", 32: "LC", 33: "RU",
    }.items()
    for country in countries.split()
}  # fmt: skip

_SSN = re.compile(r"(?<![\w-])(?!000|666|9)\d{3}-(?!00)\d{2}-(?!0000)\d{4}(?![\w-])")
# Printed on sample cards and forms; the Social Security Administration lists them as misused.
_SAMPLE_SSNS: Final = frozenset({"078-05-1120", "219-09-9999", "123-45-6789", "111-11-1111", "987-65-4321"})

_DOTTED_SHAPE = re.compile(rb"0\.0{1,3}\.0{1,3}\.0")
_DOTTED = re.compile(r"(?<![\w.-])\d{1,3}\.\d{1,3}\.\d{1,3}\.\d{1,3}(?![\w-]|\.\d)")
_COLONS = re.compile(r"(?<![\w:.])[0-9A-Fa-f:]{6,39}(?![\w:.-])")
_VERSION = re.compile(r"(?:version|release|build|ver\.?|v\.?)[ :=]{0,3}\Z", re.IGNORECASE)

_SECRETS: Final = (
    ("sk-", re.compile(r"(?<![A-Za-z0-9])sk-[A-Za-z0-9_-]{20,200}")),  # OpenAI, Anthropic and many after them
    ("k_live_", re.compile(r"(?<![A-Za-z0-9])[rs]k_live_[A-Za-z0-9]{16,200}")),  # Stripe
    ("AKIA", re.compile(r"(?<![A-Za-z0-9])AKIA[0-9A-Z]{16}(?![A-Za-z0-9])")),  # AWS
    ("ASIA", re.compile(r"(?<![A-Za-z0-9])ASIA[0-9A-Z]{16}(?![A-Za-z0-9])")),
    ("gh", re.compile(r"(?<![A-Za-z0-9])gh[pousr]_[A-Za-z0-9]{36,200}")),  # GitHub
    ("github_pat_", re.compile(r"(?<![A-Za-z0-9])github_pat_[A-Za-z0-9_]{22,200}")),
    ("glpat-", re.compile(r"(?<![A-Za-z0-9])glpat-[A-Za-z0-9_-]{20,200}")),  # GitLab
    ("xox", re.compile(r"(?<![A-Za-z0-9])xox[abeprs]-[A-Za-z0-9-]{16,200}")),  # Slack
    ("AIza", re.compile(r"(?<![A-Za-z0-9])AIza[A-Za-z0-9_-]{35}(?![A-Za-z0-9_-])")),  # Google
    ("hf_", re.compile(r"(?<![A-Za-z0-9])hf_[A-Za-z0-9]{30,200}")),  # Hugging Face
    ("npm_", re.compile(r"(?<![A-Za-z0-9])npm_[A-Za-z0-9]{36}(?![A-Za-z0-9])")),
    ("SG.", re.compile(r"(?<![A-Za-z0-9])SG\.[A-Za-z0-9_-]{16,32}\.[A-Za-z0-9_-]{32,64}")),  # SendGrid
)
_PLACEHOLDER = re.compile(
    r"example|your|xxxx|1234567|abcdefg|placeholder|dummy|0000000|insert|replace", re.IGNORECASE
)
_FEWEST_CHARACTERS: Final = 10
"""Different characters that a real key has at least."""
_PEM = re.compile(
    r"-----BEGIN (?:[A-Z]{2,10} ){0,2}PRIVATE KEY(?: BLOCK)?-----\s{0,4}(?:[A-Za-z0-9+/]{16}|\w{3,20}: )"
)


def kinds(text: str) -> tuple[str, ...]:
    """Return which of `KINDS` a text holds."""
    found: list[str] = []
    if "@" in text and _email(text):
        found.append("email")
    raw = text.encode("utf-8", "replace")
    shape = raw.translate(_SHAPE)
    if b"0000" in shape:
        if any(map(shape.__contains__, _CARD_SHAPES)) and _card(text):
            found.append("card")
        if b"AA00" in shape and _iban(text):
            found.append("iban")
        if b"000-00-0000" in shape and _ssn(text):
            found.append("ssn")
    dotted = b"0.0" in shape and _DOTTED_SHAPE.search(shape) is not None
    runs = raw.translate(_RUNS)
    if (dotted and _ipv4(text)) or (b":" in runs and runs.count(b":x") > 1 and _ipv6(text)):
        found.append("ip")
    if (_RUN in runs and _secret(text)) or ("PRIVATE KEY" in text and _PEM.search(text)):
        found.append("secret_key")
    return tuple(found)


def _email(text: str) -> bool:
    at = text.find("@")
    for _ in range(MOST):
        if at < 0:
            return False
        local = _LOCAL.search(text, max(0, at - 64), at)
        domain = _DOMAIN.match(text, at + 1)
        if local is not None and domain is not None:
            before = text[local.start() - 1 : local.start()]
            # A user in an URL, or the key of a package: no mailbox.
            if before not in ("/", ":", "=") or text[max(0, local.start() - 7) : local.start()] == "mailto:":
                name = domain[0].lower()
                mailbox = local[0].lower()
                if not (mailbox in _NOBODY or mailbox.startswith("your") or _RESERVED.search(name)):
                    return True
        at = text.find("@", at + 1)
    return False


def _candidates(pattern: re.Pattern[str], text: str) -> list[str]:
    found = []
    for match in pattern.finditer(text):
        found.append(match[0])
        if len(found) == MOST:
            break
    return found


def _card(text: str) -> bool:
    return any(map(_is_card, _candidates(_CARD, text)))


def _is_card(written: str) -> bool:
    digits = written.replace(" ", "").replace("-", "")
    if digits in _TEST_CARDS or len(set(digits)) < 4 or not _of_network(digits):
        return False
    odd, even = digits[-1::-2], digits[-2::-2]
    return (sum(map(int, odd)) + sum(sum(divmod(2 * int(digit), 10)) for digit in even)) % 10 == 0


def _of_network(digits: str) -> bool:
    """Return whether a card network gives out numbers that begin like this and are as long."""
    size, two, three, four = len(digits), int(digits[:2]), int(digits[:3]), int(digits[:4])
    if digits[0] == "4":
        return size in (13, 16, 19)
    if 51 <= two <= 55 or 2221 <= four <= 2720:
        return size == 16
    if two in (34, 37):
        return size == 15
    if four == 6011 or two == 65 or 644 <= three <= 649 or 3528 <= four <= 3589 or two == 62:
        return 16 <= size <= 19
    if 300 <= three <= 305 or two in (36, 38, 39):
        return 14 <= size <= 19
    return (two == 50 or 56 <= two <= 69) and size <= 19


def _iban(text: str) -> bool:
    return any(map(_is_iban, _candidates(_IBAN, text)))


def _is_iban(written: str) -> bool:
    """Return whether a number, which may have words in capitals behind it, is right."""
    size = _IBAN_LENGTHS.get(written[:2], 0)
    plain = written.replace(" ", "")
    if not size or len(plain) < size or int(plain[2:4]) < 2:
        return False
    at = seen = 0
    while seen < size:
        seen += written[at] != " "
        at += 1
    if written[at : at + 1] not in ("", " "):
        return False
    turned = plain[4:size] + plain[:4]
    return int("".join(str(int(character, 36)) for character in turned)) % 97 == 1


def _ssn(text: str) -> bool:
    return any(found not in _SAMPLE_SSNS for found in _candidates(_SSN, text))


def _ipv4(text: str) -> bool:
    for count, match in enumerate(_DOTTED.finditer(text)):
        if count == MOST:
            break
        if _is_public(match[0]) and not _VERSION.search(text, max(0, match.start() - 12), match.start()):
            return True
    return False


def _ipv6(text: str) -> bool:
    for found in _candidates(_COLONS, text):
        # `a::b` is code in many languages, and `12:30:45` a time.
        groups = [group for group in found.split(":") if group]
        if len(groups) >= 3 and any(map(str.isdigit, found)) and _is_public(found):
            return True
    return False


def _is_public(written: str) -> bool:
    try:
        return ipaddress.ip_address(written).is_global
    except ValueError:
        return False


def _secret(text: str) -> bool:
    return any(
        _looks_real(found.removeprefix(prefix))
        for prefix, pattern in _SECRETS
        if prefix in text
        for found in _candidates(pattern, text)
    )


def _looks_real(rest: str) -> bool:
    return (
        len(set(rest)) >= _FEWEST_CHARACTERS and any(map(str.isdigit, rest)) and not _PLACEHOLDER.search(rest)
    )
