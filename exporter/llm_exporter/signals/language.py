# ruff: noqa: RUF001 (letters of many alphabets look alike)
"""In which language a text is: by its script, and in Latin script by the commonest words.

It is a light guess over a closed list, meant to show that answers change their language. What is too short, in
a language that is not on the list, code, or a mixture is `und`.
"""

from __future__ import annotations

from typing import Final

UNDETERMINED: Final = "und"
FEWEST_LETTERS: Final = 20
_HEAD: Final = 400
"""Characters that are looked at."""
_FEWEST_HITS: Final = 2
_SHARE: Final = 0.12
"""Share of a text's words that are common ones of its language, at least."""
_LEAD: Final = 1.35
"""How much more must speak for a language than for the next one."""
_SMALL_LEAD: Final = 1.1
_TWINS: Final = {"da", "no"}
"""They share so many words that little more may speak for one of them."""
_LETTERS: Final = (("ı", "tr"), ("ğ", "tr"), ("ää", "fi"))
"""What only one language has that puts into endings what others have words for."""

# The commonest words, those that languages share among them: what a word says for one is divided by how many have it.
_WORDS: Final = {
    "en": "the of and to in is that for it with as are this be on was by not or you your can have from an at "
    "which we they will has if but what how i there their its more when do would these one all also",
    "es": "de la que el en y los las un una por con para es se del al lo como más pero sus su no está este "
    "esta son entre cuando muy sin sobre también ser tiene hay puede o fue desde todo qué le me si "
    "porque nos hasta",
    "fr": "de la le et les des en un une du est que dans pour qui au sur pas plus par avec ce il se ne sont "
    "vous nous je cette ou mais son sa ses aux comme être elle ont peut leur été fait si tout votre on "
    "d l c'est qu'il",
    "de": "der die und in den von zu das mit sich des auf für ist im dem nicht ein eine als auch es an werden "
    "aus er hat dass sie nach wird bei einer um am sind noch wie einem über einen so zum war haben nur "
    "oder aber vor zur ich kann wir ihr können wenn mehr durch man",
    "it": "di e il la che in un per è non una sono con del si da come le i dei alla della nel al più ma anche "
    "gli lo ha questo o se essere delle dal tra ai nella può degli molto tutti dalla loro suo sua ho mi "
    "ci c'è perché",
    "pt": "de a o que e do da em um para com não uma os no se na por mais as dos como mas ao ele das à seu "
    "sua ou ser quando muito nos já está também pelo pela até isso ela entre são você foi pode tem há "
    "essa esse",
    "nl": "de van het een en in is dat op te zijn met voor niet die aan er om ook als dan maar bij of uit "
    "naar wordt door over ze hij deze nog kan je heeft worden ik meer dit u wel wat we zich hebben geen "
    "tot werd",
    "pl": "w i na z się nie do to jest że o jak od po za przez ale co dla tak są oraz być jego może czy tym "
    "już który która które aby było lub ten przy tej jej przed ich ma go tego jako także gdy bardzo",
    "sv": "och i att det som en på är av för med den till inte om ett har de jag så var vi från kan eller men "
    "han när man hon sig du ut även vara efter också där skulle denna vid mot blir mycket detta nu nya",
    "da": "og i at det er en til af på med for ikke den som de har et der var om jeg fra han så men vi kan "
    "hun også efter eller man nu når blev være sig skal havde hvad mod da noget vil bliver denne ved "
    "kun dig mig uden nogle meget hvis mellem flere selv os",
    "no": "og i at det er en til av på med for ikke den som de har et var om jeg fra han så men vi kan hun "
    "også etter eller seg når ble være skal hadde hva mot da noe vil blir denne ved bare deg meg enn "
    "dette ut uten noen mye hvis mellom flere mer selv oss",
    "fi": "ja on ei että se oli ovat mutta myös kun hän joka niin tai kuin ole voi sen ne jos olla hänen mitä "
    "sitä vain jo sekä olen minä tämä ollut nyt tämän jotka kanssa mukaan jossa vielä häntä siitä tässä",
    "cs": "a v se na je že s z do to o i jsou jako pro by ve si ale po od co za podle jeho být k které který "
    "jsem než jak může tak bude také byl už jen jejich před při nebo až ze této toho není má pak",
    "ro": "de și în a la cu care nu pe o din este un să mai ce se sunt pentru au fost că prin am ca fi sau "
    "dar după aceasta acest lui al ale ei foarte poate cum această le fără între dacă are doar unei "
    "unui",
    "hu": "a az és hogy nem is egy de van meg volt csak már mint ez ha azt lehet ki még el sem kell vagy "
    "minden mert amely után pedig lesz azonban aki szerint olyan között nagyon ezt itt majd így lett",
    "tr": "ve bir bu için ile de da olarak çok daha gibi olan en kadar sonra var ne ama o her ise değil "
    "olduğu mi kendi ben olduğunu ya diye hem göre tarafından biz nasıl şey ancak veya bunu yok sen "
    "yeni",
    "id": "yang dan di dengan untuk dari ini dalam tidak itu pada akan ke juga adalah oleh ada bisa mereka "
    "saya sebagai dapat kami atau anda telah karena lebih sudah kita tersebut seperti saat orang bahwa "
    "lain banyak",
    "vi": "và của là có không được cho các trong một với người những này đã khi đến để về từ như tôi cũng bạn "
    "thể vào ra nhiều hơn phải nhưng ở rất làm sẽ năm việc nếu thì hay lại",
}
_SPEAKS_FOR: Final[dict[str, tuple[tuple[str, float], ...]]] = {}
for _language, _common in _WORDS.items():
    for _word in set(_common.split()):
        _SPEAKS_FOR[_word] = (*_SPEAKS_FOR.get(_word, ()), (_language, 1.0))
for _word, _languages in _SPEAKS_FOR.items():
    _SPEAKS_FOR[_word] = tuple((_language, 1 / len(_languages)) for _language, _ in _languages)

_ENGLISH_ALONE: Final = frozenset(
    word for word, languages in _SPEAKS_FOR.items() if languages == (("en", 1.0),)
).__contains__
_FEWEST_ENGLISH: Final = 4
_ENGLISH_SHARE: Final = 0.2

# Scripts by the upper byte of a character's code; `L` is Latin.
_SCRIPTS: Final = {
    "L": (0x01, 0x02, 0x1E),
    "G": (0x03, 0x1F),
    "C": (0x04,),
    "H": (0x05,),
    "A": (0x06,),
    "D": (0x09,),
    "P": (0x0A,),
    "T": (0x0B,),
    "E": (0x0C,),
    "S": (0x0E,),
    "K": (0x10,),
    "k": (*range(0xAC, 0xD8), 0x11),
    "h": tuple(range(0x4E, 0xA0)),
    "J": (0x30,),
}
_PLACES = bytearray(b" " * 256)
for _script, _bytes in _SCRIPTS.items():
    for _byte in _bytes:
        _PLACES[_byte] = ord(_script)
_TABLE: Final = bytes(_PLACES)
_WHOLE: Final = {"G": "el", "S": "th", "k": "ko"}
# Two scripts share an upper byte: the lower half of it, the upper half.
_HALVES: Final = {"H": ("", "he"), "D": ("hi", "bn"), "P": ("pa", "gu"), "T": ("", "ta"), "E": ("te", "")}

LANGUAGES: Final = (
    *_WORDS, "el", "th", "ko", "ja", "zh", "he", "hi", "bn", "pa", "gu", "ta", "te", "ar", "fa", "ur", "ru", "uk",
    "bg", "sr", UNDETERMINED,
)  # fmt: skip
"""Every code there is."""

_ONLY_SPACE: Final = str.maketrans(dict.fromkeys('.,;:!?()[]{}"“”«»„…*_#`<>|/\\=+-–—0123456789¿¡\n\t', " "))


def language(text: str) -> str:
    """Return the ISO 639-1 code of the language of a text, one of `LANGUAGES`."""
    head = text[:_HEAD]
    if not head.isascii():
        code = _by_script(head)
        if code is not None:
            return code
    return _by_words(head)


def _by_script(head: str) -> str | None:
    """Return the language where the script is not Latin, None where it is."""
    scripts = head.encode("utf-16-le", "replace")[1::2].translate(_TABLE).decode("ascii")
    counts = {script: n for script in _SCRIPTS if script != "L" and (n := scripts.count(script))}
    letters = sum(counts.values())
    latin = sum(map(str.isalpha, head)) - letters
    if letters <= latin:
        return None
    # A script whose letters are words says more with fewer.
    if letters < (FEWEST_LETTERS if not counts.keys() & {"h", "J", "k"} else FEWEST_LETTERS // 2):
        return UNDETERMINED
    # Kana is there in every Japanese sentence, and CJK punctuation, of the same upper byte, in both.
    kana = sum("ぁ" <= character <= "ヺ" for character in head) if "J" in counts else 0
    if 2 * (counts.get("h", 0) + kana) > letters:
        return "ja" if kana * 8 > counts.get("h", 0) else "zh"
    script = max(counts, key=lambda name: counts[name])
    if script in _WHOLE:
        return _WHOLE[script]
    if script == "C":
        return _cyrillic(head.lower())
    if script == "A":
        return _arabic(head)
    if script in _HALVES:
        first = head[scripts.index(script)]
        return _HALVES[script][ord(first) & 0x80 > 0] or UNDETERMINED
    return UNDETERMINED


def _cyrillic(head: str) -> str:
    if any(letter in head for letter in "іїєґ"):
        return UNDETERMINED if "ў" in head else "uk"
    if any(letter in head for letter in "ђјљњћџ"):
        return "sr"
    return "ru" if any(letter in head for letter in "ыэё") else "bg" if "ъ" in head else UNDETERMINED


def _arabic(head: str) -> str:
    if any(letter in head for letter in "ٹڈڑںے"):
        return "ur"
    return "fa" if any(letter in head for letter in "پچژگی") else "ar"


def _by_words(head: str) -> str:
    words = head.lower().translate(_ONLY_SPACE).split()
    if sum(map(len, words)) < FEWEST_LETTERS:
        return UNDETERMINED
    # Most texts are English, and that is soon seen.
    if sum(map(_ENGLISH_ALONE, words)) >= max(_FEWEST_ENGLISH, _ENGLISH_SHARE * len(words)):
        return "en"
    said: dict[str, float] = {}
    hits: dict[str, float] = {}
    for word in words:
        if word in _SPEAKS_FOR:
            for name, weight in _SPEAKS_FOR[word]:
                said[name] = said.get(name, 0.0) + weight
                hits[name] = hits.get(name, 0.0) + 1
    for letters, name in () if head.isascii() else _LETTERS:
        if letters in head:
            said[name] = said.get(name, 0.0) + 0.5 * (n := head.count(letters))
            hits[name] = hits.get(name, 0.0) + 0.5 * n
    if not said:
        return UNDETERMINED
    best = max(said, key=lambda name: said[name])
    score = said.pop(best)
    if hits[best] < max(_FEWEST_HITS, _SHARE * len(words)):
        return UNDETERMINED
    for name, other in said.items():
        lead = _SMALL_LEAD if {best, name} == _TWINS else _LEAD
        if score < lead * other:
            return UNDETERMINED
    return best
