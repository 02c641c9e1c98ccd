"""The documents' own words and dates, in every language a document can be in. Pure. Called by `artwork`."""

from datetime import date
from typing import NamedTuple

RIGHT_TO_LEFT = frozenset({"ar"})


class Words(NamedTuple):
    """What a document says of itself, around what it was given to say."""

    certificate: str
    badge: str
    presented_to: str
    for_: str
    issued: str
    valid_until: str
    issued_by: str
    logo: str
    signature: str
    qr: str


_WORDS = {
    "en": Words(
        "Certificate",
        "Badge",
        "presented to",
        "for",
        "Issued",
        "Valid until",
        "Issued by",
        "Logo",
        "Signature",
        "QR code",
    ),
    "de": Words(
        "Zertifikat",
        "Badge",
        "verliehen an",
        "für",
        "Ausgestellt am",
        "Gültig bis",
        "Ausgestellt von",
        "Logo",
        "Unterschrift",
        "QR-Code",
    ),
    "fr": Words(
        "Certificat",
        "Badge",
        "décerné à",
        "pour",
        "Délivré le",
        "Valable jusqu’au",
        "Délivré par",
        "Logo",
        "Signature",
        "Code QR",
    ),
    "es": Words(
        "Certificado",
        "Insignia",
        "otorgado a",
        "por",
        "Emitido el",
        "Válido hasta el",
        "Emitido por",
        "Logotipo",
        "Firma",
        "Código QR",
    ),
    "pt": Words(
        "Certificado",
        "Insígnia",
        "concedido a",
        "por",
        "Emitido em",
        "Válido até",
        "Emitido por",
        "Logotipo",
        "Assinatura",
        "Código QR",
    ),
    "pl": Words(
        "Certyfikat",
        "Odznaka",
        "otrzymuje",
        "za",
        "Data wydania",
        "Ważne do",
        "Wystawca",
        "Logo",
        "Podpis",
        "Kod QR",
    ),
    "ar": Words(
        "شهادة",
        "شارة",
        "تُمنح إلى",
        "عن",
        "تاريخ الإصدار",
        "صالحة حتى",
        "جهة الإصدار",
        "الشعار",
        "التوقيع",
        "رمز الاستجابة السريعة",
    ),
    "zh": Words("证书", "徽章", "授予", "项目", "颁发日期", "有效期至", "颁发机构", "标志", "签名", "二维码"),
    "ja": Words(
        "認定証", "バッジ", "受領者", "認定内容", "発行日", "有効期限", "発行者", "ロゴ", "署名", "QRコード"
    ),
}

LANGUAGES = tuple(_WORDS)

_MONTHS = {
    "en": "January February March April May June July August September October November December",
    "de": "Januar Februar März April Mai Juni Juli August September Oktober November Dezember",
    "fr": "janvier février mars avril mai juin juillet août septembre octobre novembre décembre",
    "es": "enero febrero marzo abril mayo junio julio agosto septiembre octubre noviembre diciembre",
    "pt": "janeiro fevereiro março abril maio junho julho agosto setembro outubro novembro dezembro",
    "pl": "stycznia lutego marca kwietnia maja czerwca lipca sierpnia września października listopada grudnia",
    "ar": "يناير فبراير مارس أبريل مايو يونيو يوليو أغسطس سبتمبر أكتوبر نوفمبر ديسمبر",
}

_DAYS = {
    "en": "{day} {month} {year}",
    "de": "{day}. {month} {year}",
    "fr": "{day} {month} {year}",
    "es": "{day} de {month} de {year}",
    "pt": "{day} de {month} de {year}",
    "pl": "{day} {month} {year}",
    "ar": "{day} {month} {year}",
    "zh": "{year}年{number}月{day}日",
    "ja": "{year}年{number}月{day}日",
}


def words_in(language: str) -> Words:
    """The words in this language (a code of ISO 639-1), or the English ones."""
    return _WORDS.get(language, _WORDS["en"])


def write_day(iso_day: str, language: str) -> str:
    """A calendar day as people write it: `2024-03-12` → `12 March 2024`, `12 de marzo de 2024`, `2024年3月12日`."""
    language = language if language in _WORDS else "en"
    day = date.fromisoformat(iso_day)
    months = _MONTHS.get(language, "").split()
    month = months[day.month - 1] if months else ""
    number = "1er" if language == "fr" and day.day == 1 else day.day
    return _DAYS[language].format(day=number, month=month, number=day.month, year=day.year)
