"""Bounces as mail servers write them, and what only looks like one."""

import pytest

from credtrail.mail.bounce import read_bounce

ID = "01m85akc1t23brxsy6gt8bk73q"
BOUNCE = """From: MAILER-DAEMON@mx.example
To: credentials@meadow.example
Subject: Undelivered Mail Returned to Sender
MIME-Version: 1.0
Content-Type: multipart/report; report-type=delivery-status; boundary="b"

--b
Content-Type: text/plain

I'm sorry.

--b
Content-Type: message/delivery-status

Reporting-MTA: dns; mx.example
{envelope}
Final-Recipient: rfc822; robin@learner.example
Action: {action}
Status: 5.1.1
{diagnostic}

--b
Content-Type: message/rfc822

From: Meadow <credentials@meadow.example>
Message-ID: <{id}@meadow.example>

Hello
--b--
"""


def bounce(envelope=f"Original-Envelope-Id: {ID}\n", action="failed", diagnostic="", id=ID):
    """The bytes of one."""
    if diagnostic:
        diagnostic = f"Diagnostic-Code: {diagnostic}"
    return BOUNCE.format(envelope=envelope, action=action, diagnostic=diagnostic, id=id).encode()


def test_the_envelope_id_and_the_servers_words():
    found = read_bounce(
        bounce(diagnostic="smtp; 550 5.1.1 <robin@learner.example>:\n    no such user", id="x" * 26)
    )
    assert found == (ID, "smtp; 550 5.1.1 <robin@learner.example>: no such user")


def test_without_an_envelope_id_the_message_id_tells():
    assert read_bounce(bounce(envelope="")) == (ID, "5.1.1")


@pytest.mark.parametrize(
    "raw",
    [
        b"",
        b"\xff\xfe\x00",
        b"Subject: holiday\n\nI am away.",
        bounce(action="delayed"),
        bounce(envelope="", id="somebody-elses"),
    ],
    ids=["empty", "no mail", "a reply", "a delay", "of another's mail"],
)
def test_anything_else_is_left_alone(raw):
    assert read_bounce(raw) is None
