"""A real SMTP server on loopback that keeps what it gets, and can be told to refuse, stall or break off."""

import re
import ssl
import threading
import warnings
from dataclasses import dataclass, field
from email import message_from_string, policy

import pytest
import trustme
from aiosmtpd.controller import Controller
from aiosmtpd.smtp import SMTP, AuthResult

from conftest import free_port


@dataclass
class Received:
    """One mail as the server took it."""

    sender: str
    recipient: str
    options: list[str]
    raw: bytes

    @property
    def message(self):
        """The mail read."""
        return message_from_string(self.raw.decode(), policy=policy.default)

    @property
    def id(self):
        """The mail's id, from its Message-ID."""
        return self.message["Message-ID"].strip("<>").partition("@")[0]


@dataclass
class Postbox:
    """What came, and how the server behaves: answers by recipient, in turn; then it takes everything."""

    taken: list[Received] = field(default_factory=list)
    at_rcpt: dict[str, list[str]] = field(default_factory=dict)
    at_data: dict[str, list[str]] = field(default_factory=dict)
    envelope_ids: list[str | None] = field(default_factory=list)
    lock: threading.Lock = field(default_factory=threading.Lock)

    async def handle_EHLO(self, server, session, envelope, hostname, responses):  # noqa: N802 - the library's name
        """What the server can."""
        session.host_name = hostname
        return [*responses[:-1], "250-DSN", responses[-1]]

    async def handle_RCPT(self, server, session, envelope, address, options):  # noqa: N802 - the library's name
        """RCPT TO."""
        if self.at_rcpt.get(address):
            return self.at_rcpt[address].pop(0)
        envelope.rcpt_tos.append(address)
        return "250 fine"

    async def handle_DATA(self, server, session, envelope):  # noqa: N802 - the library's name
        """The message; `drop` breaks the connection off after it was taken."""
        [recipient] = envelope.rcpt_tos
        answer = self.at_data[recipient].pop(0) if self.at_data.get(recipient) else "250 taken"
        if answer.startswith(("250", "drop")):
            with self.lock:
                self.taken.append(
                    Received(envelope.mail_from, recipient, envelope.mail_options, envelope.content)
                )
        if answer == "drop":
            server.transport.abort()
        return answer


class Dsn(SMTP):
    """With the extension by which bounces name the mail, which the library lacks."""

    async def smtp_MAIL(self, arg):  # noqa: N802 - the library's name
        """MAIL FROM, the mail's name in it kept."""
        found = re.search(r" ENVID=(\S+)", arg)
        self.event_handler.envelope_ids.append(found and found[1])
        await super().smtp_MAIL(re.sub(r" ENVID=\S+", "", arg))


class Server(Controller):
    """The server; `kind` as in the library."""

    def factory(self):
        """One of ours for each connection."""
        return Dsn(self.handler, **self.SMTP_kwargs)


@pytest.fixture
def postbox():
    """A server without TLS and log-in."""
    box = Postbox()
    server = Server(box, hostname="127.0.0.1", port=free_port(), enable_SMTPUTF8=True)
    server.start()
    box.port = server.port
    yield box
    server.stop()


@pytest.fixture
def locked_postbox():
    """A server that wants a name and a password."""

    def authenticate(server, session, envelope, mechanism, data):
        right = (data.login, data.password) == (b"credtrail", b"open sesame")
        return AuthResult(success=right, handled=False)

    box = Postbox()
    server = Server(
        box,
        hostname="127.0.0.1",
        port=free_port(),
        authenticator=authenticate,
        auth_required=True,
        auth_require_tls=False,
    )
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", UserWarning)  # that passwords without TLS are not safe
        server.start()
    box.port = server.port
    yield box
    server.stop()


@pytest.fixture(params=["starttls", "tls"])
def sealed_postbox(request, monkeypatch, tmp_path):
    """A server that talks TLS, from the beginning or after STARTTLS, by a certificate that this process trusts."""
    authority = trustme.CA()
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    authority.issue_cert("127.0.0.1").configure_cert(context)
    authority.cert_pem.write_to_path(str(tmp_path / "authority.pem"))
    monkeypatch.setenv("SSL_CERT_FILE", str(tmp_path / "authority.pem"))
    box = Postbox()
    how = {"ssl_context": context} if request.param == "tls" else {"tls_context": context}
    server = Server(
        box,
        hostname="127.0.0.1",
        port=free_port(),
        require_starttls=request.param == "starttls",
        **how,
    )
    server.start()
    box.port, box.security = server.port, request.param
    yield box
    server.stop()


@pytest.fixture
def mailing(settings, postbox):
    """Settings that send to the postbox."""
    return settings.model_copy(
        update={
            "smtp_host": "127.0.0.1",
            "smtp_port": postbox.port,
            "smtp_security": "none",
            "smtp_timeout_seconds": 3.0,
            "mail_from": "credentials@meadow.example",
        }
    )
