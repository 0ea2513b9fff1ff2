"""Only kinds of personal data are found, and hardly ever what is none."""

import random
from itertools import pairwise

import pytest

from llm_exporter.signals.pii import KINDS, kinds


def luhn(digits: str) -> str:
    """Return digits with their check digit, worked out from the left."""
    doubled = [int(digit) * (2 if place % 2 else 1) for place, digit in enumerate(reversed(digits), 1)]
    total = sum(number - 9 if number > 9 else number for number in doubled)
    return digits + str(-total % 10)


def parted(digits: str, *places: int, by: str = " ") -> str:
    """Return digits in groups that begin at these places."""
    return by.join(digits[start:end] for start, end in pairwise((0, *places, len(digits))))


def iban(country: str, account: str) -> str:
    """Return an IBAN with its check digits."""
    number = int("".join(str(int(character, 36)) for character in account + country + "00"))
    return f"{country}{98 - number % 97:02d}{account}"


def key(prefix: str, length: int) -> str:
    """Return a made-up key of so many letters and digits, put together here so that no scanner takes it for a leak."""
    draw = random.Random(length)
    letters = "abcdefghijkmnpqrstuvwxyzABCDEFGHJKLMNPQRSTUVWXYZ"
    return prefix + "".join(draw.choice(letters) + draw.choice("2579") for _ in range(length))[:length]


def aws_key() -> str:
    """Return a made-up AWS access key."""
    draw = random.Random(3)
    return "AKIA" + "".join(draw.choice("ABCDEFGHJKLMNPQRSTUVWXYZ234567") for _ in range(15)) + "7"


FOUND = {
    "email": (
        "Write to jane.doe+orders@mailbox.acme-shop.co.uk before noon.",
        "Her address is <mailto:r.miller@acme-shop.dev>.",
        "(m_weber@firma.de)",
    ),
    "card": (
        f"The card {luhn('492912345678901')} was charged.",
        f"Card: {parted(luhn('541333345678901'), 4, 8, 12, by='-')}",
        f"Amex {parted(luhn('37828224637281'), 4, 10)}, expired",
    ),
    "iban": (
        f"Pay to {iban('DE', '370400440532013012')}.",
        f"Account {parted(iban('GB', 'NWBK60161331926818'), 4, 8, 12, 16, 20)} AT NATWEST",
        f"{iban('NL', 'ABNA0417164301')}",
    ),
    "ssn": ("Her social security number is 512-34-8871.", "SSN:001-01-0001"),
    "ip": (
        "The login came from 84.23.101.7 at noon.",
        "Host 2a02:908:1c6:b520::7 did not answer.",
        "Blocked: [2a02:0908:01c6:b520:0000:0000:0000:0007]",
    ),
    "secret_key": (
        f"export OPENAI_API_KEY={key('sk-proj-', 40)}",
        f"The key is {key('sk-ant-api03-', 60)}.",
        aws_key(),
        f"token: {key('ghp_', 36)}",
        key("github_pat_", 60),
        f"slack {key('xoxb-', 40)}",
        key("AIza", 35),
        key("hf_", 34),
        key("sk_live_", 24),
        key("glpat-", 20),
        "-----BEGIN RSA PRIVATE KEY-----\nMIIEpAIBAAKCAQEA7bq\n-----END RSA PRIVATE KEY-----",
    ),
}
CLEAN = (
    "",
    "Nothing to see here.",
    "Use the decorator @dataclass, or mention @team in the thread.",
    "Install left-pad@1.3.0 and pin react@18.",
    "git clone git@forge.acme-shop.dev:team/app.git",
    "Send a test mail to user@example.com or to your.name@yourdomain.com.",
    "smtp_username = 'your_email@acme-shop.dev'",
    "postgres://app:secret@db.acme-shop.dev/main",
    f"Order {luhn('492912345678901')[:-1]}0 is on its way." if luhn("492912345678901")[-1] != "0" else "",
    "Use the test card 4242 4242 4242 4242.",
    "The invoice 1234567890123456 has no check digit.",
    f"The id {luhn('892912345678901')} begins like no card.",
    "0000 0000 0000 0000",
    "DE00 3704 0044 0532 0130 00 is no IBAN.",
    "GB82 WEST 1234 5698 7654 33",
    "The sample number 123-45-6789, or 000-12-3456, or 912-34-5678.",
    "Part 512-34-88712 and call 512-34-887.",
    "Listen on 127.0.0.1:8080, or 0.0.0.0, or 192.168.1.20, or 10.0.0.5, mask 255.255.255.0.",
    "Upgrade to version 8.8.4.4 or v9.9.9.9 of the driver.",
    "Section 3.2.1.4.5 says 999.1.1.1.",
    "std::vector<int> at 12:30:45, a::b::c, fe80::1, and 00:1A:2B:3C:4D:5E.",
    "export OPENAI_API_KEY=sk-your-key-goes-in-here-please",
    "sk-xxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxx",
    "AKIAIOSFODNN7EXAMPLE",
    "The task-of-the-day-is-number-42-and-nothing-else is done.",
    "-----BEGIN PUBLIC KEY-----\nMIIEpAIBAAKCAQEA7bq",
    "Paste it between -----BEGIN PRIVATE KEY----- and -----END PRIVATE KEY-----.",
    "\ud800 lone surrogates are text too",
)


@pytest.mark.parametrize(("kind", "text"), [(kind, text) for kind, texts in FOUND.items() for text in texts])
def test_found(kind: str, text: str) -> None:
    """Each form of a kind is found as that kind and as no other, in a sentence too."""
    assert kinds(text) == (kind,)
    assert kinds(f"\u4f60\u597d {text}\nThat is all.") == (kind,)


@pytest.mark.parametrize("text", CLEAN)
def test_clean(text: str) -> None:
    """Examples, placeholders and what only looks alike are not personal data."""
    assert kinds(text) == ()


def test_every_kind_at_once() -> None:
    """A text with everything in it has every kind, in the order in which they are declared."""
    assert kinds("\n".join(texts[0] for texts in FOUND.values())) == KINDS
    assert tuple(FOUND) == KINDS


@pytest.mark.parametrize("place", range(15))
def test_a_wrong_digit_is_no_card(place: int) -> None:
    """Whichever digit is wrong, the checksum sees it."""
    digits = luhn("492912345678901")
    wrong = digits[:place] + str((int(digits[place]) + 1) % 10) + digits[place + 1 :]
    assert kinds(f"card {digits}") == ("card",)
    assert kinds(f"card {wrong}") == ()


def test_a_number_inside_a_longer_one_is_no_card() -> None:
    """Digits right before or behind make it another number."""
    digits = luhn("492912345678901")
    assert kinds(f"7{digits}") == kinds(f"{digits}7") == kinds(f"{digits} 7") == kinds(f"7-{digits}") == ()
