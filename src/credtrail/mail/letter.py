"""From a template and a credential's values to the bytes of a message: text and HTML part, logo, headers.

Called by `credentials.deliver`, and for previews. Sources: RFC 5322, 2045–2047 (by the standard library), 2369
(List-Unsubscribe), 3834 (Auto-Submitted).
"""

import re
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
    language = find_language(letter.language)
    subject, body = letter.template or _built_in(letter.language)
    paragraphs = [part.strip() for part in re.split(r"\n\s*\n", body.replace("\r\n", "\n")) if part.strip()]
    if not any(_BUTTON in paragraph for paragraph in paragraphs):
        paragraphs.append(_BUTTON)
    addresses = (letter.to_address, letter.from_address, letter.reply_to or "")
    message = EmailMessage(policy=SMTP if all(map(str.isascii, addresses)) else SMTPUTF8)
    message["From"] = _address(letter.from_name, letter.from_address)
    message["To"] = _address(letter.to_name, letter.to_address)
    if letter.reply_to:
        message["Reply-To"] = _address("", letter.reply_to)
        message["List-Unsubscribe"] = f"<mailto:{quote(letter.reply_to, safe='@')}?subject=unsubscribe>"
    message["Subject"] = _one_line(fill(subject, letter.values))
    message["Date"] = format_datetime(datetime.fromtimestamp(at // 1_000, UTC))
    message["Message-ID"] = f"<{letter.id}@{letter.from_address.rpartition('@')[2]}>"
    message["Auto-Submitted"] = "auto-generated"
    message["Content-Language"] = language.code
    text = "\n\n".join(_as_text(paragraph, letter) for paragraph in paragraphs)
    message.set_content(text + "\n", cte="quoted-printable")
    html = write_in(
        letter.language,
        "mail/letter.html",
        letter=letter,
        subject=message["Subject"],
        paragraphs=[_as_html(paragraph, letter) for paragraph in paragraphs],
    )
    message.add_alternative(html, subtype="html", cte="quoted-printable")
    if letter.logo:
        html_part = message.get_payload()[1]  # type: ignore[index]  # the alternative just added
        html_part.add_related(letter.logo, "image", "png", cid="<logo>", disposition="inline")  # type: ignore[union-attr]
    return message.as_bytes()


def _built_in(code: str) -> tuple[str, str]:
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


def _address(name: str, address: str) -> Address:
    # Not as one text: that way the library refuses letters beyond ASCII before the @.
    local, _, domain = address.rpartition("@")
    return Address(_one_line(name), local, domain)


def _one_line(text: str) -> str:
    """A header can't hold line breaks, nor other control characters."""
    return " ".join("".join(c if c.isprintable() else " " for c in text).split())
