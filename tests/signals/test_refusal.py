"""A refusal is told from a disclaimer, from a want of access, and from an answer."""

import pytest

from llm_exporter.signals.refusal import HEAD, Refusal, refusal

POLICY = (
    "I'm sorry, but I can't help with that.",
    "Sorry, but I can't assist with that request.",
    "I\u2019m sorry, but I can\u2019t help with that.",
    "I cannot provide instructions for opening somebody else's safe, as that would be illegal.",
    "I won't write that message. Threatening a neighbour is harmful and may be a crime.",
    "I am not able to assist with forging a certificate.",
    "I must decline to answer that.",
    "We are not able to support requests that harm other customers.",
    "I'm not comfortable with writing a text that mocks a person's accent.",
    "It is not appropriate to joke about the victims of an accident.",
    "It's never acceptable to hit a dog. Please talk to a trainer instead.",
    "Breaking into a mailbox is illegal and unethical.",
    "It is important to note that entering the site at night is illegal and that guards are present.",
    "I strongly condemn any attack on journalists.",
    "That is against my guidelines, so let us talk about something else.",
    "This is not within my guidelines.",
    "Sorry, but I can't assist with that. However, I can suggest other topics.",
    "It is important to remember that picking the lock of a neighbour is illegal in most places.",
    "I don't have access to your colleague's medical file, and I respect everyone's privacy.",
    "Thank you for asking.\n\nUnfortunately,   I cannot\nassist with that, since it could be dangerous.",
)
NO_ACCESS = (
    "I don't have access to your calendar. Tell me the date and I will draft the invitation.",
    "I do not currently have access to live prices.",
    "I cannot open links. Copy the paragraph in here.",
    "I would need more information about the error, such as the line that it names.",
    "No attachment was found with your message: no file was attached.",
    "Please provide the text that you would like to have shortened.",
)
DISCLAIMER = (
    "As an AI language model, I have no favourite dish, but many people like lasagne.",
    "I don't have personal opinions. Both frameworks have their merits: the first is older.",
    "I can't give you an exact figure, but most kitchens of that size cost between ten and twenty thousand.",
    "As an AI, I do not feel the cold. In Oslo you should pack a coat.",
)
NONE = (
    "",
    "   \n",
    "The order was shipped on Tuesday and arrives on Friday.",
    "You can't open the box before the seal is broken, so cut along the dotted line first.",
    "The function returns None when the key is not in the dictionary.",
    "Sorry to hear that the parcel was late! Here is a voucher for your next order.",
    "I'm sorry that the coat does not fit. The return label is in the box.",
    "I looked at the three offers, and the second one is the cheapest.",
    "Do not provide the plug with water; keep it dry and use the switch at the back.",
    "Money laundering is the illegal process of hiding where money comes from. Banks must report it.",
    "Notwithstanding the delay, all trains run on platform 4.",
    "In most countries it is legal to fly a drone below 120 metres.",
)


@pytest.mark.parametrize(
    ("expected", "text"),
    [
        (expected, text)
        for expected, texts in {
            Refusal.POLICY: POLICY,
            Refusal.NO_ACCESS: NO_ACCESS,
            Refusal.DISCLAIMER: DISCLAIMER,
            Refusal.NONE: NONE,
        }.items()
        for text in texts
    ],
)
def test_phrases(expected: Refusal, text: str) -> None:
    """An answer is read by what it begins with."""
    assert refusal(text) is expected


@pytest.mark.parametrize("finish", ["refusal", "content_filter"])
def test_a_finish_reason_comes_first(finish: str) -> None:
    """Where the provider says that the answer is a refusal, its words do not matter."""
    assert refusal("Here is the recipe.", finish) is Refusal.POLICY


def test_a_refusal_part_comes_first() -> None:
    """An answer in the provider's form of a refusal is one, even without a word."""
    assert refusal("", said_by_provider=True) is Refusal.POLICY


@pytest.mark.parametrize("finish", ["", "stop", "length", "tool_calls", "other"])
def test_other_finish_reasons_say_nothing(finish: str) -> None:
    """Any other finish reason leaves it to the words."""
    assert refusal("Here is the recipe.", finish) is Refusal.NONE


def test_only_the_beginning_is_read() -> None:
    """A letter that quotes a refusal far below its beginning is none."""
    assert refusal("x " * (HEAD // 2) + POLICY[0]) is Refusal.NONE


@pytest.mark.parametrize("text", POLICY)
def test_case_does_not_matter(text: str) -> None:
    """The same phrase in capitals is the same refusal."""
    assert refusal(text.upper()) is Refusal.POLICY
