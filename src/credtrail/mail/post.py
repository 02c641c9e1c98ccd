"""The ways a message leaves: by an SMTP server, or into a folder. The only file that knows the SMTP library.

Called by `credentials.deliver`, which notes in the database what is about to happen between `announce` and
`hand_over`: up to there nothing was sent, afterwards it may have been. Sources: RFC 5321 (SMTP), 6531 (SMTPUTF8),
3461 (ENVID, by which a bounce names the mail).
"""

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path
from typing import NamedTuple, Protocol

from aiosmtplib import SMTP, SMTPException, SMTPResponseException

from credtrail.settings import Settings


class Envelope(NamedTuple):
    """Who sends which mail to whom; `utf8`: its headers, too, have letters beyond ASCII as they are."""

    mail_id: str
    sender: str
    recipient: str
    utf8: bool = False


class NotTakenError(Exception):
    """The mail wasn't taken, for sure. `for_good`: nor will it be another time."""

    def __init__(self, reason: str, *, for_good: bool) -> None:
        super().__init__(reason)
        self.reason = reason
        self.for_good = for_good


class UnreachableError(Exception):
    """There is no talking with the mail server (any more); nothing was said about a single mail."""


class Post(Protocol):
    """An open way out, for one mail after the other."""

    async def announce(self, envelope: Envelope) -> None:
        """Name sender and recipient. Raises NotTakenError, UnreachableError; nothing was sent yet."""

    async def hand_over(self, envelope: Envelope, message: bytes) -> None:
        """Give the message. Raises NotTakenError when it surely wasn't taken, UnreachableError when nobody knows."""


@asynccontextmanager
async def open_post(settings: Settings) -> AsyncIterator[Post]:
    """The way out that the settings name. Raises UnreachableError."""
    if not settings.smtp_host:
        yield FolderPost(settings.mail_folder_path)
        return
    client = SMTP(
        hostname=settings.smtp_host,
        port=settings.smtp_port,
        use_tls=settings.smtp_security == "tls",
        start_tls=settings.smtp_security == "starttls",
        username=settings.smtp_username or None,
        password=settings.smtp_password or None,
        timeout=settings.smtp_timeout_seconds,
    )
    try:
        await client.connect()
        if client.is_ehlo_or_helo_needed:  # it was asked already where there is TLS or a log-in
            await client.ehlo()
    except (SMTPException, OSError, ValueError) as problem:
        client.close()
        raise UnreachableError(_words(problem)) from None
    try:
        yield SmtpPost(client)
    finally:
        try:
            await client.quit()
        except (SMTPException, OSError):
            client.close()


class SmtpPost:
    """An open connection to the mail server, logged in."""

    def __init__(self, client: SMTP) -> None:
        self._client = client

    async def announce(self, envelope: Envelope) -> None:
        """MAIL and RCPT."""
        plain = not envelope.utf8 and envelope.recipient.isascii() and envelope.sender.isascii()
        if not plain and not self._client.supports_extension("smtputf8"):
            raise NotTakenError("The mail server can't send to addresses with such letters", for_good=True)
        options = [] if plain else ["SMTPUTF8"]
        if self._client.supports_extension("dsn"):
            options.append(f"ENVID={envelope.mail_id}")
        encoding = "ascii" if plain else "utf-8"
        try:
            await self._client.mail(envelope.sender, options=options, encoding=encoding)
            await self._client.rcpt(envelope.recipient, encoding=encoding)
        except SMTPResponseException as refused:
            await self._forget()
            raise _refused(refused) from None
        except (SMTPException, OSError) as problem:
            raise UnreachableError(_words(problem)) from None

    async def hand_over(self, envelope: Envelope, message: bytes) -> None:
        """DATA."""
        try:
            await self._client.data(message)
        except SMTPResponseException as refused:
            await self._forget()
            raise _refused(refused) from None
        except (SMTPException, OSError) as problem:
            raise UnreachableError(_words(problem)) from None

    async def _forget(self) -> None:
        """Begin anew on the same connection; where that fails, the next mail shows it."""
        try:
            await self._client.rset()
        except (SMTPException, OSError):
            self._client.close()


class FolderPost:
    """Writes each mail as a file `<mail id>.eml`: for trying out, and for as long as there is no mail server."""

    def __init__(self, folder: Path) -> None:
        self._folder = folder

    async def announce(self, envelope: Envelope) -> None:
        """Nothing to be said."""

    async def hand_over(self, envelope: Envelope, message: bytes) -> None:
        """The whole file or none; the same mail again is the same file."""
        try:
            await asyncio.to_thread(self._write, envelope.mail_id, message)
        except OSError as problem:
            raise NotTakenError(
                f"The folder for mails can't be written: {problem.strerror}", for_good=False
            ) from None

    def _write(self, mail_id: str, message: bytes) -> None:
        self._folder.mkdir(parents=True, exist_ok=True)
        made = self._folder / f".{mail_id}.eml"
        made.write_bytes(message)
        made.replace(self._folder / f"{mail_id}.eml")


def _refused(answer: SMTPResponseException) -> NotTakenError:
    return NotTakenError(_words(answer), for_good=answer.code >= 500)


def _words(problem: Exception) -> str:
    if isinstance(problem, SMTPResponseException):
        return f"{problem.code} {problem.message}"[:500]
    return (str(problem) or type(problem).__name__)[:500]
