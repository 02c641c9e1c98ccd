"""Reads what mail servers send back: which of our mails didn't arrive, and why. Called by the command line.

Source: RFC 3464 (delivery status notifications), RFC 3461 (the original envelope id, which is the mail's id).
"""

import email
import re
from email.message import Message
from typing import NamedTuple

_ID = re.compile(r"[0-9a-hjkmnp-tv-z]{26}")
_MESSAGE_ID = re.compile(rb"^Message-ID:\s*<([0-9a-hjkmnp-tv-z]{26})@", re.I | re.M)


class Bounce(NamedTuple):
    """Which mail came back, and the server's words for it."""

    mail_id: str
    reason: str


def read_bounce(raw: bytes) -> Bounce | None:
    """The bounce in a message; None when it is something else, a mere delay, or of nobody's mail we know by its id."""
    message = email.message_from_bytes(raw)
    status = next(
        (part for part in message.walk() if part.get_content_type() == "message/delivery-status"), None
    )
    if status is None:
        return None
    blocks = [block for block in status.get_payload() if isinstance(block, Message)]
    failed = next((block for block in blocks if block.get("Action", "").strip().lower() == "failed"), None)
    if failed is None:
        return None
    mail_id = next(
        (str(block["Original-Envelope-Id"]).strip() for block in blocks if block["Original-Envelope-Id"]), ""
    )
    if not _ID.fullmatch(mail_id):
        found = _MESSAGE_ID.search(raw)
        if found is None:
            return None
        mail_id = found[1].decode()
    told = failed.get("Diagnostic-Code") or failed.get("Status") or "The mail came back"
    return Bounce(mail_id, " ".join(str(told).split())[:500])
