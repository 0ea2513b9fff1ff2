# ruff: noqa: RUF001 (letters of many alphabets look alike)
"""The language of a few sentences is told, and where it cannot be told that is said."""

import pytest

from llm_exporter.signals.language import FEWEST_LETTERS, LANGUAGES, UNDETERMINED, language

SENTENCES = {
    "en": "The parcel will be with you on Friday, and you can send it back within a month if it is not what you want.",
    "es": "El paquete llega el viernes y se puede devolver durante un mes si no es lo que usted quería.",
    "fr": "Le colis arrive vendredi et vous pouvez le renvoyer pendant un mois si ce n'est pas ce que vous vouliez.",
    "de": "Das Paket kommt am Freitag an, und Sie können es einen Monat lang zurückschicken, wenn es nicht passt.",
    "it": "Il pacco arriva venerdì e si può restituire per un mese se non è quello che lei voleva.",
    "pt": "A encomenda chega na sexta-feira e você pode devolver o produto em um mês se não for o que queria.",
    "nl": "Het pakket komt op vrijdag aan en u kunt het een maand lang terugsturen als het niet is wat u wilde.",
    "pl": "Paczka dotrze w piątek i można ją odesłać przez miesiąc, jeżeli nie jest tym, czego się chciało.",
    "sv": "Paketet kommer på fredag och du kan skicka tillbaka det inom en månad om det inte är vad du ville ha.",
    "da": "Pakken kommer på fredag, og du kan sende den tilbage inden for en måned, hvis det ikke er noget for dig.",
    "no": "Pakken kommer på fredag, og du kan sende den tilbake innen en måned hvis det ikke er noe for deg.",
    "fi": "Paketti tulee perjantaina, ja sen voi palauttaa kuukauden ajan, jos se ei ole mitä olet halunnut.",
    "cs": "Balík dorazí v pátek a je možné ho vrátit po dobu jednoho měsíce, pokud se vám nebude líbit.",
    "ro": "Coletul ajunge vineri și poate fi returnat timp de o lună dacă nu este ceea ce ați dorit.",
    "hu": "A csomag pénteken érkezik meg, és egy hónapig vissza lehet küldeni, ha nem az, amit szeretett volna.",
    "tr": "Paket cuma günü gelecek ve istediğiniz gibi değil ise bir ay içinde geri göndermek çok kolay.",
    "id": "Paket akan tiba pada hari Jumat dan bisa dikembalikan dalam satu bulan jika tidak sesuai dengan pesanan.",
    "vi": "Gói hàng sẽ đến vào thứ sáu và bạn có thể trả lại trong một tháng nếu không phải là thứ bạn muốn.",
    "el": "Το δέμα φτάνει την Παρασκευή και μπορείτε να το επιστρέψετε μέσα σε έναν μήνα.",
    "th": "พัสดุจะมาถึงในวันศุกร์และสามารถส่งคืนได้ภายในหนึ่งเดือน",
    "ko": "소포는 금요일에 도착하며 한 달 안에 반품할 수 있습니다.",
    "ja": "荷物は金曜日に届きます。一か月以内であれば返品できます。",
    "zh": "包裹将于星期五送到,一个月之内可以退货。",
    "he": "החבילה תגיע ביום שישי ואפשר להחזיר אותה בתוך חודש.",
    "hi": "पार्सल शुक्रवार को पहुँचेगा और एक महीने के भीतर वापस किया जा सकता है।",
    "bn": "পার্সেলটি শুক্রবার পৌঁছাবে এবং এক মাসের মধ্যে ফেরত দেওয়া যাবে।",
    "pa": "ਪਾਰਸਲ ਸ਼ੁੱਕਰਵਾਰ ਨੂੰ ਪਹੁੰਚੇਗਾ ਅਤੇ ਇੱਕ ਮਹੀਨੇ ਵਿੱਚ ਵਾਪਸ ਕੀਤਾ ਜਾ ਸਕਦਾ ਹੈ।",
    "gu": "પાર્સલ શુક્રવારે પહોંચશે અને એક મહિનામાં પાછું આપી શકાશે.",
    "ta": "பார்சல் வெள்ளிக்கிழமை வந்து சேரும், ஒரு மாதத்திற்குள் திருப்பி அனுப்பலாம்.",
    "te": "పార్సిల్ శుక్రవారం వస్తుంది, ఒక నెలలోపు తిరిగి ఇవ్వవచ్చు.",
    "ar": "سيصل الطرد يوم الجمعة ويمكنكم إعادته خلال شهر واحد.",
    "fa": "بسته روز جمعه می‌رسد و تا یک ماه می‌توانید آن را پس بدهید.",
    "ur": "پارسل جمعے کو پہنچے گا اور آپ اسے ایک مہینے کے اندر واپس کر سکتے ہیں۔",
    "ru": "Посылка придёт в пятницу, и её можно вернуть в течение месяца, если вы передумаете.",
    "uk": "Посилка прибуде в п'ятницю, і її можна повернути протягом місяця.",
    "bg": "Пратката пристига в петък и можете да я върнете в рамките на един месец, щом не ви харесва съвсем.",
    "sr": "Пакет стиже у петак и можете га вратити у року од месец дана ако вам се не свиђа.",
}


@pytest.mark.parametrize(("code", "sentence"), SENTENCES.items())
def test_sentences(code: str, sentence: str) -> None:
    """A sentence of each language is told, among marks and in capitals too."""
    assert language(sentence) == code
    assert language(f"## 1. **{sentence}**\n\n> {sentence} (2026)\n") == code


def test_near_relatives() -> None:
    """Danish and Norwegian share most of their words, and a few are enough to tell them."""
    assert (
        language("Pakken kommer på fredag, og jeg sender den til dig med det samme, og så er det i orden.")
        == "da"
    )
    assert (
        language("Pakken kommer på fredag, og jeg sender den til deg med det samme, og så er det i orden.")
        == "no"
    )


def test_codes() -> None:
    """The list is closed and short enough for a label: every language has a sentence here, and one code says none."""
    assert set(LANGUAGES) == {*SENTENCES, UNDETERMINED}
    assert len(LANGUAGES) == len(set(LANGUAGES)) <= 40


@pytest.mark.parametrize(
    "text",
    [
        "",
        "12345 67890 !!! ??? ... 2026-01-01",
        "The cat is on it",
        "a" * (FEWEST_LETTERS - 1),
        "for i in range(10):\n    print(values[i], end=separator)\n    total += weights[i] * factors[i]\n",
        "Milk, eggs, butter, flour, sugar, raisins, almonds, vanilla, cinnamon, oranges",
        "qwertz uiopas dfghjk lyxcvb nmqwer tzuiop",
        "\U0001f600" * 40,
        "\ud800" * 40,
        "\u10d2\u10d0\u10db\u10d0\u10e0\u10ef\u10dd\u10d1\u10d0 " * 8,
    ],
)
def test_undetermined(text: str) -> None:
    """Too few letters, code, lists, noise and scripts that are not on the list are not guessed at."""
    assert language(text) == UNDETERMINED


def test_a_word_in_another_script_changes_nothing() -> None:
    """The script of most letters counts."""
    assert language(SENTENCES["en"] + " \u91d1") == "en"
    assert language(SENTENCES["ru"] + " Wi-Fi") == "ru"
