"""Sends notices, mails of plain text that are about no credential. Run by `work`."""

from datetime import UTC, datetime
from email.message import EmailMessage
from email.policy import SMTP, SMTPUTF8
from email.utils import format_datetime

import structlog

from credtrail.database import Database
from credtrail.mail.letter import address_header, one_line
from credtrail.mail.notice_store import Notice, claim_notices, forget_notice, put_off_notices
from credtrail.mail.post import Envelope, NotTakenError, Post, UnreachableError, open_post
from credtrail.settings import Settings
from credtrail.values import now

_PAUSE_MS = 60_000
_UNREACHABLE_MS = 15_000

log = structlog.get_logger("credtrail.mail")


class NoticeDelivery:
    """Sends notices by the settings' mail server. Several may run at once."""

    def __init__(self, database: Database, settings: Settings) -> None:
        self._database = database
        self._settings = settings

    async def run(self) -> int:
        """Send those whose turn it is, some at once; how many were taken."""
        left = await self._database.write(claim_notices)
        if not left:
            return 0
        taken = 0
        try:
            async with open_post(self._settings) as post:
                while left:
                    taken += await self._send(post, left[0])
                    left.pop(0)
        except UnreachableError as problem:
            log.warning("mail server unreachable", reason=str(problem))
            ids = [notice.id for notice in left]
            await self._database.write(lambda transaction: put_off_notices(transaction, ids, _UNREACHABLE_MS))
        return taken

    async def _send(self, post: Post, notice: Notice) -> bool:
        message, utf8 = _write(notice, self._settings.mail_from)
        envelope = Envelope(notice.id, self._settings.mail_from, notice.address, utf8)
        try:
            await post.announce(envelope)
            await post.hand_over(envelope, message)
        except NotTakenError as refusal:
            await self._settle_refusal(notice, refusal)
            return False
        await self._database.write(lambda transaction: forget_notice(transaction, notice.id))
        return True

    async def _settle_refusal(self, notice: Notice, refusal: NotTakenError) -> None:
        log.warning("notice not sent", notice=notice.id, reason=refusal.reason, for_good=refusal.for_good)
        if refusal.for_good:
            await self._database.write(lambda transaction: forget_notice(transaction, notice.id))
        else:
            pause_ms = _PAUSE_MS * min(notice.attempts, 30)
            await self._database.write(
                lambda transaction: put_off_notices(transaction, [notice.id], pause_ms)
            )


def _write(notice: Notice, sender: str) -> tuple[bytes, bool]:
    plain = notice.address.isascii() and sender.isascii()
    message = EmailMessage(policy=SMTP if plain else SMTPUTF8)
    message["From"] = address_header(notice.from_name, sender)
    message["To"] = address_header("", notice.address)
    message["Subject"] = one_line(notice.subject)
    message["Date"] = format_datetime(datetime.fromtimestamp(now() // 1_000, UTC))
    message["Message-ID"] = f"<{notice.id}@{sender.rpartition('@')[2]}>"
    message["Auto-Submitted"] = "auto-generated"
    message.set_content(notice.body, cte="quoted-printable")
    return message.as_bytes(), not plain
