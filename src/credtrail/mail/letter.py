"""From a template and a credential's values to the bytes of a message: text and HTML part, logo, headers.

Called by `credentials.deliver`, and for previews. Sources: RFC 5322, 2045–2047 (by the standard library), 2369
(List-Unsubscribe), 3834 (Auto-Submitted).
"""

import re
from base64 import b64encode
from collections.abc import Mapping
from datetime import UTC, datetime
from email.headerregistry import Address
from email.message import EmailMessage
from email.policy import SMTP, SMTPUTF8
from email.utils import format_datetime
from typing import NamedTuple
from urllib.parse import quote

from markupsafe import Markup, escape

from credtrail.mail.model import LINK, fill
from credtrail.values import Moment
from credtrail.web.html import write_in
from credtrail.web.language import find_language

_BUTTON = f"[{LINK}]"


class Letter(NamedTuple):
    """A mail before it is written: to whom, from whom, in which words.

    `template` is subject and body, or None for the built-in one; `values` those of the placeholders but for the link.
    `logo` is a PNG. `language` as in an issuer profile.
    """

    id: str
    to_name: str
    to_address: str
    from_name: str
    from_address: str
    reply_to: str | None
    template: tuple[str, str] | None
    values: Mapping[str, str]
    link: str
    brand_color: str
    text_on_brand: str
    logo: bytes | None
    language: str


def write_letter(letter: Letter, at: Moment) -> bytes:
    """The whole message, lines ended by CRLF. The same letter at the same moment gives the same words and Message-ID."""
    words = words_of(letter)
    addresses = (letter.to_address, letter.from_address, letter.reply_to or "")
    message = EmailMessage(policy=SMTP if all(map(str.isascii, addresses)) else SMTPUTF8)
    message["From"] = address_header(letter.from_name, letter.from_address)
    message["To"] = address_header(letter.to_name, letter.to_address)
    if letter.reply_to:
        message["Reply-To"] = address_header("", letter.reply_to)
        message["List-Unsubscribe"] = f"<mailto:{quote(letter.reply_to, safe='@')}?subject=unsubscribe>"
    message["Subject"] = words.subject
    message["Date"] = format_datetime(datetime.fromtimestamp(at // 1_000, UTC))
    message["Message-ID"] = f"<{letter.id}@{letter.from_address.rpartition('@')[2]}>"
    message["Auto-Submitted"] = "auto-generated"
    message["Content-Language"] = find_language(letter.language).code
    message.set_content(words.text + "\n", cte="quoted-printable")
    html = _write_html("letter", letter, words, "cid:logo" if letter.logo else None)
    message.add_alternative(html, subtype="html", cte="quoted-printable")
    if letter.logo:
        html_part = message.get_payload()[1]  # type: ignore[index]  # the alternative just added
        html_part.add_related(letter.logo, "image", "png", cid="<logo>", disposition="inline")  # type: ignore[union-attr]
    return message.as_bytes()


class Words(NamedTuple):
    """What a letter says, its placeholders filled: the subject, and each paragraph as text and as HTML (None: the button)."""

    subject: str
    text: str
    paragraphs: list[Markup | None]


def words_of(letter: Letter) -> Words:
    """The words; a template without the link gets the button at its end."""
    subject, body = letter.template or built_in(letter.language)
    paragraphs = [part.strip() for part in re.split(r"\n\s*\n", body.replace("\r\n", "\n")) if part.strip()]
    if not any(_BUTTON in paragraph for paragraph in paragraphs):
        paragraphs.append(_BUTTON)
    return Words(
        one_line(fill(subject, letter.values)),
        "\n\n".join(_as_text(paragraph, letter) for paragraph in paragraphs),
        [_as_html(paragraph, letter) for paragraph in paragraphs],
    )


def write_preview(letter: Letter) -> str:
    """A page that shows the letter as mail programs do: sender, subject, the HTML part, the text part."""
    logo = f"data:image/png;base64,{b64encode(letter.logo).decode()}" if letter.logo else None
    return _write_html("preview", letter, words_of(letter), logo)


def _write_html(template: str, letter: Letter, words: Words, logo: str | None) -> str:
    return write_in(
        letter.language,
        f"mail/{template}.html",
        letter=letter,
        subject=words.subject,
        text=words.text,
        paragraphs=words.paragraphs,
        logo=logo,
    )


def built_in(code: str) -> tuple[str, str]:
    """Subject and body of the template that every workspace has, in one of our languages."""
    _ = find_language(code).gettext
    paragraphs = (
        _("Dear [recipient.name],"),
        _("[issuer.name] has issued a credential to you: [group.name]."),
        _BUTTON,
        _("There you can see it, download it, share it and add it to your LinkedIn profile."),
        _(
            "This link is yours alone: what is done by it counts as done by you. "
            "To show the credential to others, use the share buttons on its page."
        ),
    )
    return _("Your credential: [group.name]"), "\n\n".join(paragraphs)


def _as_text(paragraph: str, letter: Letter) -> str:
    return fill(paragraph, {**letter.values, LINK: letter.link})


def _as_html(paragraph: str, letter: Letter) -> Markup | None:
    """The paragraph with its line breaks and links; None for the button."""
    if paragraph == _BUTTON:
        return None
    escaped = {name: str(escape(value)) for name, value in letter.values.items()}
    escaped[LINK] = str(Markup('<a href="{0}" style="word-break:break-word;">{0}</a>').format(letter.link))
    return Markup(fill(str(escape(paragraph)), escaped).replace("\n", "<br>\n"))  # noqa: S704 - every value was escaped


def address_header(name: str, address: str) -> Address:
    """A name and an address for a header. Raises HeaderParseError for an address that no header can hold."""
    # Not as one text: that way the library refuses letters beyond ASCII before the @.
    local, _, domain = address.rpartition("@")
    return Address(one_line(name), local, domain)


def one_line(text: str) -> str:
    """The text for a header, which can't hold line breaks, nor other control characters."""
    return " ".join("".join(c if c.isprintable() else " " for c in text).split())
