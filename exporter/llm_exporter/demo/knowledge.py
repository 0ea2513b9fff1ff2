"""The help centre of an invented web shop, and a retriever over it that counts shared words."""

from __future__ import annotations

import re
from dataclasses import dataclass
from typing import Final


@dataclass(frozen=True, slots=True)
class Document:
    """One article of the help centre."""

    id: str
    title: str
    text: str


HELP_CENTRE: Final = tuple(
    Document(f"kb-{number:02d}", title, text)
    for number, (title, text) in enumerate(
        (
            (
                "Track a parcel",
                "The tracking link is in the shipping e-mail. It works from the evening of dispatch on.",
            ),
            (
                "Delivery times",
                "Parcels arrive within two to four working days; bulky goods are booked by phone.",
            ),
            (
                "Delivery address",
                "An address can be changed until the parcel leaves the warehouse, under My orders.",
            ),
            (
                "Missing parcel",
                "When tracking says delivered and nothing came, ask neighbours, then open a search.",
            ),
            ("Damaged goods", "Send a photo within fourteen days. We replace the item or refund its price."),
            (
                "Return an item",
                "Print the label in My orders and drop the parcel at any depot within thirty days.",
            ),
            (
                "Return costs",
                "Returns are free from an order value of forty euros; below, the label costs four.",
            ),
            ("Refund time", "Refunds are booked within five working days after the return has been checked."),
            (
                "Refund to voucher",
                "A refund can be paid out as a voucher at once; vouchers are valid for three years.",
            ),
            (
                "Payment methods",
                "We accept cards, bank transfer and invoice. Invoice needs a first paid order.",
            ),
            (
                "Late invoice",
                "A reminder is free, the second one costs five euros. Plans can be agreed by chat.",
            ),
            (
                "Change the payment plan",
                "Plans of three, six or twelve months can be changed once before a rate is due.",
            ),
            ("Cancel an order", "Orders can be cancelled until they are packed; the button is in My orders."),
            (
                "Reset the password",
                "The link in the reset e-mail is valid for one hour and can be used once.",
            ),
            (
                "Delete the account",
                "Accounts are deleted within thirty days; invoices are kept as the law requires.",
            ),
            ("Two-factor sign-in", "Use any authenticator app. Keep the ten backup codes somewhere safe."),
            (
                "Business customers",
                "Net prices and payment on account are enabled after the tax number is checked.",
            ),
            ("Gift cards", "Gift cards can be split over orders and cannot be paid out in cash."),
            ("Warranty", "Two years from delivery. Batteries are covered for twelve months."),
            (
                "Opening hours",
                "Chat answers from seven to twenty-two o'clock, the phone on working days only.",
            ),
        ),
        start=1,
    )
)

_WORD = re.compile(r"[a-z]{3,}")


class Retriever:
    """Ranks the articles for a question by shared words, a title's counting double; scores are 0-1."""

    def __init__(self, documents: tuple[Document, ...] = HELP_CENTRE) -> None:
        self._index = [(document, _words(document.title), _words(document.text)) for document in documents]

    def search(self, question: str, top_k: int = 3) -> list[tuple[Document, float]]:
        """The best articles with their scores, best first; none when no word is shared."""
        asked = _words(question)
        if not asked:
            return []
        ranked = [
            (document, (2 * len(asked & title) + len(asked & text)) / (3 * len(asked)))
            for document, title, text in self._index
        ]
        ranked = [pair for pair in ranked if pair[1] > 0]
        return sorted(ranked, key=lambda pair: -pair[1])[:top_k]


def _words(text: str) -> frozenset[str]:
    return frozenset(word.removesuffix("s") for word in _WORD.findall(text.lower()))
