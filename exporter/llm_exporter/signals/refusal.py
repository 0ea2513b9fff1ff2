"""Whether an answer refuses: by the provider's own sign, or else by the phrases that it begins with.

What only looks like a refusal is kept apart: a model that lacks something (`NO_ACCESS`), and one that says what
it is not and answers all the same (`DISCLAIMER`). Only English phrases are known. `docs/signals.md` has the
measured precision and recall.
"""

from __future__ import annotations

import re
from enum import Enum
from typing import Final

HEAD: Final = 280
"""Characters that are looked at: who refuses says so at once."""
_OPENING: Final = 180
"""Characters in which a moral objection is one to the question, and not a remark on the side."""
PROVIDER_SIGNS: Final = frozenset({"refusal", "content_filter"})
"""Finish reasons that mean a refusal, whatever the text says."""


class Refusal(Enum):
    """What an answer says of its own willingness; the value is the flag that it counts as."""

    NONE = ""
    POLICY = "refusal"
    """It will not, or must not."""
    NO_ACCESS = "no_access"
    """It lacks what the answer needs: access, live data, an attachment, details."""
    DISCLAIMER = "disclaimer"
    """It says what it is not or cannot do, and answers what it can."""


# No pattern below matches without one of these, and they are seen much faster than any of them.
_PERSONS: Final = (" i ", " i'", " we ")
_DENIALS: Final = (
    "n't", "not ", "unable", "decline", "refuse", "condemn", "condone", "disagree", "need", "require",
)  # fmt: skip
_OBJECTIONS: Final = ("not ", "never", "ethical", "illegal", "immoral", "harmful", "violence", "the law")
_OBJECTED: Final = (
    "ethical", "appropriate", "acceptable", "never", "illegal", "harmful", "immoral", "accurate or", "okay to",
    "ok to", "respectful to", "right to", "good idea", "fair or", "healthy or", "violence", "justified",
)  # fmt: skip
_OTHERS: Final = (
    " ai ",
    " ai,",
    "language model",
    "please provide",
    "provided",
    "attached",
    "as a responsible",
    "within my ",
    "against my ",
)

_PERSON = re.compile(r" (?:i|we)(?='| )")
# What follows the person. Each is tried only where a person is named.
_UNABLE: Final = (
    r"(?:'m|'re|'ll| am| are| must| have to| will| would| also| simply| just){0,2} "
    r"(?:can't|cannot|can not|won't|will not|not|unable to|not able to|not going to|not programmed to"
    r"|not capable of|not comfortable(?: with)?|not willing to|refuse to|(?:respectfully )?decline to"
    r"|(?:don't|do not) feel comfortable(?: with)?|not allowed to|not permitted to|not designed to)"
)
_ADVERBS: Final = (
    r"(?: (?:to|be able to|ethically|morally|legally|directly|knowingly|also|in good conscience)){0,3} "
)
_HELP: Final = (
    r"(?:help|assist|provid|fulfil|compl[yi]|support|answer|do (?:that|this|so)\b|engag|participat|offer|giv"
    r"|shar|recommend|suggest|endors|promot|condon|encourag|generat|creat|writ|discuss|advis|advocat|satisf"
    r"|accommodat|respond|continu|facilitat|teach|tell|instruct|guid|explain|perform|disclos|reveal|carry out"
    r"|produc|agree|justif|contribut|entertain|proceed|aid |cater|take part|go along|talk about"
    r"|make (?:such|any|that|statements))"
)
_REFUSES = re.compile(_UNABLE + _ADVERBS + _HELP)
_STANDS_FOR = re.compile(
    r" (?:(?:strongly|firmly|absolutely|do not|don't|cannot|can't) ){1,2}"
    r"(?:condemn|condone|advocate|endorse|encourage|disagree"
    r"|support (?:the idea|any|such|violence|discrimination))"
)
_LACKS = re.compile(
    r"(?:(?: currently| also){0,2} (?:don't|do not)(?: currently| also){0,2} have (?:\w{1,12} ){0,3}"
    r"(?:access|information|data|details|knowledge|context)"
    r"|(?:'m| am)? (?:can't|cannot|unable to|not able to|don't have the (?:ability|capability) to)"
    r" (?:directly |actually |physically )?(?:access|browse|see|view|open|hear|retrieve|look up|check)"
    r"|(?:'d| would)? (?:need|require) (?:more|additional|further|the) (?:information|context|details|data))"
)
_NEEDS = re.compile(
    r"please provide (?:me )?(?:with )?(?:the|more|additional|further|an?|your)\b"
    r"| (?:no|any) (?:\w{1,12} )?(?:image|picture|file|document|attachment|link|text|article|passage)s?"
    r" (?:was|were|has been|is|provided|attached)\b"
)
# Where it is plain that the whole answer is the refusal.
_CURT = re.compile(
    r"(?:sorry|apologi[sz]e|afraid|unfortunately)[,.]?(?: but)? i"
    r" (?:can't|cannot|can not|won't|am unable to|am not able to|'m unable to)"
    r"[^.]{0,30} (?:with (?:that|this)|that request|this request|your request|that)\b"
)
_RULES = re.compile(
    r"(?:not within|against) my (?:programming|ethic|guidelines|polic)"
    r"|as an? (?:responsible|ethical)(?: and \w{1,12})?(?: ai| language|,)"
)
# An objection to the question itself, in its opening words.
_OBJECTS = re.compile(
    r"\b(?:is|'s|are|be|am) (?:not|never|neither|wholly|completely|highly)(?: only)?(?: an?)?"
    r"(?: (?:legal|safe|effective|accurate|right|fair|respectful|helpful|productive) or)?"
    r" (?:(?:in)?appropriate|(?:un)?ethical|acceptable|accurate or (?:fair|appropriate|ethical|respectful)"
    r"|(?:okay|ok|respectful|right|a good idea) to|(?:fair|healthy) or)"
    r"|\b(?:is|are) (?:both |not only )?(?:illegal|unethical|immoral|harmful)(?: and|,)(?: \w{1,10}){0,3}"
    r" (?:illegal|unethical|immoral|harmful|wrong|unacceptable|dangerous)"
    r"|\bviolence (?:against \w{1,10} )?is (?:never|not)\b"
    r"|\b(?:is|are) never (?:the answer|acceptable|justified|okay)"
)
# An answer that begins with a warning, and not one with a remark in passing.
_WARNS = re.compile(
    r" (?:first(?: of all)?,? |no, |i must (?:emphasize|stress|clarify|inform you) that )?"
    r"it(?:'s| is) (?:important|crucial|essential)"
    r" to (?:note|remember|understand|recognize|clarify|emphasize) that.{0,150}"
    r"\b(?:illegal|unethical|never|not acceptable|not appropriate|not ethical|violence|highly dangerous"
    r"|not an? (?:\w{1,12} or )?(?:appropriate|effective|acceptable|ethical|something)"
    r"|serious crime|against the law)"
)
_HARM = re.compile(
    r"illegal|unethical|\bethic|harm|danger|violen|inappropriat|not appropriate|offensive|discriminat"
    r"|derogatory|stereotyp|prejudic|hate(?:ful)?\b|respect|privacy|confidential|personal information"
    r"|private information|against the law|guidelines|polic(?:y|ies)\b|safety|unlawful|weapon|suicid"
    r"|self-harm|misinformation|exploit|abus|immoral|wrong"
)
# What a model cannot do, whatever its rules.
_SENSES = re.compile(
    r"\b(?:personal (?:example|opinion|preference|experience|view|belief|feeling|anecdote|stor)|opinions?\b"
    r"|preferences?\b|subjective|real-time|real time|up-to-date|up to date"
    r"|current (?:information|data|news|weather)|live |access|browse|open|view|see|hear|watch|listen"
    r"|physical|visual|audio|image|picture|graphs?\b|charts?\b|graphic|diagram|video"
    r"|specific|exact|accurate|predict|actual|without|more (?:context|information|details)|code|feelings?"
    r"|emotions?)"
)
_ANSWERS = re.compile(
    r"(?:however|but|nevertheless|that said|that being said|instead),?"
    r" (?:here|i can|i could|i'd be|i would|i am able|i'm able|you can|we can|some|there are|according|based on"
    r"|it is|in general|generally|one|the|a\b)|\bhere (?:is|are)|\bhere's"
)
_DISCLAIMS = re.compile(
    r"\b(?:as|'m|am)(?: just| only)? an? (?:ai|artificial intelligence|large language|language|machine)\b"
    r"|\bi (?:don't|do not|cannot|can't) (?:have|hold|possess|form|express|give|share)"
    r" (?:\w{1,12} ){0,2}(?:opinion|belief|preference|feeling|emotion|experience|view)"
)


def refusal(text: str, finish: str = "", *, said_by_provider: bool = False) -> Refusal:
    """Return what an answer says of its own willingness.

    Args:
        text: The answer.
        finish: Why the model stopped, as in `Record.finish_reason`.
        said_by_provider: Whether the answer came as a refusal in the provider's own form.
    """
    if said_by_provider or finish in PROVIDER_SIGNS:
        return Refusal.POLICY
    head = " " + text[:HEAD].lower().replace("\n", " ")
    if "\u2019" in head:
        head = head.replace("\u2019", "'")
    if _has(head, _PERSONS) and _has(head, _DENIALS):
        return _personal(_flat(head))
    if _has(head[:_OPENING], _OBJECTIONS):
        return _objecting(_flat(head))
    return _impersonal(_flat(head)) if _has(head, _OTHERS) else Refusal.NONE


def _has(text: str, marks: tuple[str, ...]) -> bool:
    # In a loop of its own: `any` over a generator takes twice as long.
    for mark in marks:  # noqa: SIM110
        if mark in text:
            return True
    return False


def _flat(head: str) -> str:
    return " " + " ".join(head.split()) if "  " in head else head


def _personal(head: str) -> Refusal:
    lacks = False
    for person in _PERSON.finditer(head):
        at = person.end()
        found = _REFUSES.match(head, at)
        if found is not None:
            return _refused(head, found)
        if _STANDS_FOR.match(head, at):
            return Refusal.POLICY
        lacks = lacks or _LACKS.match(head, at) is not None
    return _objecting(head, lacks=lacks)


def _objecting(head: str, *, lacks: bool = False) -> Refusal:
    opening = head[:_OPENING]
    if _WARNS.match(head) or (_has(opening, _OBJECTED) and _OBJECTS.search(opening)):
        return Refusal.POLICY
    if lacks:
        return Refusal.POLICY if "privacy" in head or "confidential" in head else Refusal.NO_ACCESS
    return _impersonal(head)


def _refused(head: str, found: re.Match[str]) -> Refusal:
    if _CURT.search(head) or _HARM.search(head):
        return Refusal.POLICY
    if _SENSES.search(head, found.start(), found.end() + 60):
        lacking = any(_LACKS.match(head, person.end()) for person in _PERSON.finditer(head))
        return Refusal.NO_ACCESS if lacking or _NEEDS.search(head) else Refusal.DISCLAIMER
    return Refusal.DISCLAIMER if _ANSWERS.search(head, found.end()) else Refusal.POLICY


def _impersonal(head: str) -> Refusal:
    if (" my " in head or "as a" in head) and _RULES.search(head):
        return Refusal.POLICY
    if ("provide" in head or "attached" in head) and _NEEDS.search(head):
        return Refusal.NO_ACCESS
    of_itself = " ai " in head or " ai," in head or "language model" in head or "personal" in head
    return Refusal.DISCLAIMER if of_itself and _DISCLAIMS.search(head) else Refusal.NONE
