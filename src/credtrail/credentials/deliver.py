"""Mails go out: claims those whose turn it is, writes them, hands them over, notes what became of them. Run by `work`.

No mail goes out twice for one send, whatever ends when: before the message is handed over, `sending` is committed.
Who finds that state later, its worker gone, can't know whether the server took the message, and leaves it
`uncertain`, to be sent again by a person or not.
"""

import asyncio
import random

import structlog

from credtrail.accounts.colors import text_on
from credtrail.accounts.store import find_image
from credtrail.credentials.links import RecipientLinks, recipient_address
from credtrail.credentials.store import PublicView, find_view, note_sent
from credtrail.database import Database, Transaction
from credtrail.mail import store
from credtrail.mail.letter import Letter, write_letter
from credtrail.mail.model import Mail
from credtrail.mail.post import Envelope, NotTakenError, Post, UnreachableError, open_post
from credtrail.settings import Settings
from credtrail.values import Moment, now
from credtrail.web.language import find_language

_AT_ONCE = 50
"""Mails that one connection claims: few enough to be sent before the claim ends, and for a worker to stop soon."""
_WAITS_SECONDS = (60, 300, 1_800, 7_200, 21_600)
_UNREACHABLE_SECONDS = 30

log = structlog.get_logger("credtrail.mail")


class Delivery:
    """Sends mails by the settings' mail server. Several may run at once, in one process or many."""

    def __init__(self, database: Database, links: RecipientLinks, settings: Settings) -> None:
        self._database = database
        self._links = links
        self._settings = settings

    async def run(self) -> int:
        """Send what each connection claims, once; how many were taken. When it is some, there may be more."""
        await self._database.write(store.free_outlived_claims)
        taken = await asyncio.gather(*(self._send_some() for _ in range(self._settings.smtp_connections)))
        return sum(taken)

    async def _send_some(self) -> int:
        left = await self._database.write(lambda transaction: store.claim_mails(transaction, _AT_ONCE))
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
            await self._put_back(left, str(problem))
        return taken

    async def _send(self, post: Post, mail: Mail) -> bool:
        """Send one; whether it was taken. Raises UnreachableError while it is sure that the mail wasn't sent."""
        letter = await self._database.read(lambda transaction: self._find_letter(transaction, mail))
        if letter is None:
            await self._settle(mail, "withdrawn", "The credential was taken back before the mail was sent")
            return False
        message = await asyncio.to_thread(write_letter, letter, now())
        envelope = Envelope(mail.id, letter.from_address, mail.address, utf8=not message.isascii())
        try:
            await post.announce(envelope)
            if not await self._database.write(
                lambda transaction: store.begin_handing_over(transaction, mail)
            ):
                return False  # deleted meanwhile, or another's by now
            await post.hand_over(envelope, message)
        except NotTakenError as refusal:
            await self._settle_refusal(mail, refusal)
            return False
        except UnreachableError as problem:
            if await self._was_handed_over(mail):
                await self._settle(mail, "uncertain", f"The connection was lost while it was sent: {problem}")
            raise
        await self._database.write(lambda transaction: _note_sent(transaction, mail))
        return True

    async def _was_handed_over(self, mail: Mail) -> bool:
        def ask(transaction: Transaction) -> bool:
            found = store.find_mail(transaction, mail.id)
            return found is not None and found.status == "sending"

        return await self._database.read(ask)

    async def _settle_refusal(self, mail: Mail, refusal: NotTakenError) -> None:
        at = now()
        too_old = at - mail.created_at > self._settings.mail_retry_hours * 3_600_000
        if refusal.for_good or too_old:
            await self._settle(mail, "bounced", refusal.reason)
        else:
            await self._settle(mail, "waiting", refusal.reason, at + _pause_ms(mail.attempts))

    async def _settle(self, mail: Mail, status: str, reason: str, due_at: Moment | None = None) -> None:
        log.info("mail not sent", mail=mail.id, status=status, reason=reason)
        await self._database.write(
            lambda transaction: store.settle_mail(transaction, mail, status, reason, due_at)
        )

    async def _put_back(self, mails: list[Mail], reason: str) -> None:
        """What wasn't sent since there is no talking with the server waits, however long that lasts."""

        def act(transaction: Transaction) -> None:
            for mail in mails:
                due_at = transaction.at + _UNREACHABLE_SECONDS * 1_000
                store.settle_mail(transaction, mail, "waiting", reason, due_at)

        await self._database.write(act)

    def _find_letter(self, transaction: Transaction, mail: Mail) -> Letter | None:
        """None when the credential isn't to be seen any more."""
        view = find_view(transaction, mail.workspace_id, mail.credential_id)
        if view is None or view.credential.status != "issued" or view.credential.revoked_at is not None:
            return None
        profile, group = view.profile, view.group
        template = (
            store.find_template(transaction, mail.workspace_id, group.email_template_id)
            if group.email_template_id
            else None
        )
        logo = (
            find_image(transaction, mail.workspace_id, profile.logo_digest) if profile.logo_digest else None
        )
        return Letter(
            id=mail.id,
            to_name=view.credential.recipient_name,
            to_address=mail.address,
            from_name=profile.sender_name or view.issuer_name,
            from_address=profile.sender_email or self._settings.mail_from,
            reply_to=profile.contact_email,
            template=(template.subject, template.body) if template else None,
            values=values_of(view),
            link=recipient_address(
                view.home(self._settings.public_url), view.credential.public_id, self._links
            ),
            brand_color=profile.brand_color,
            text_on_brand=text_on(profile.brand_color),
            logo=logo.content if logo else None,
            language=profile.language,
        )


def values_of(view: PublicView) -> dict[str, str]:
    """What a mail's placeholders stand for, but for the link; dates in the issuer's language."""
    credential, language = view.credential, find_language(view.profile.language)
    return {
        "recipient.name": credential.recipient_name,
        "recipient.email": credential.recipient_email or "",
        "group.name": view.group.name,
        "certificate.issued_on": language.day(credential.issue_date),
        "certificate.expires_on": language.day(credential.expiry_date) if credential.expiry_date else "",
        "certificate.uuid": credential.public_id,
        "issuer.name": view.issuer_name,
        **credential.custom_attributes,
    }


def _note_sent(transaction: Transaction, mail: Mail) -> None:
    store.settle_mail(transaction, mail, "sent")
    note_sent(transaction, mail.workspace_id, mail.credential_id)


def _pause_ms(attempts: int) -> int:
    seconds = _WAITS_SECONDS[min(attempts, len(_WAITS_SECONDS)) - 1]
    return int(seconds * 1_000 * random.uniform(0.8, 1.2))  # noqa: S311 - only spreads load
