"""Mails through a real SMTP server: each once, whatever fails; what became of it is told."""

import asyncio
import os
import signal
import subprocess
import sys
import time

import pytest

from conftest import SECRET_KEY, headers, in_transaction
from credtrail.accounts.model import IssuerProfile
from credtrail.accounts.store import add_image, save_profile
from credtrail.credentials.deliver import Delivery
from credtrail.credentials.links import RecipientLinks
from credtrail.credentials.store import add_credential, revoke_credential
from credtrail.database.open import open_database
from credtrail.designs.images import read_image
from credtrail.mail.store import add_mails, claim_mails, list_mails, mails


def deliver(settings):
    """What a worker does when its time comes; how many mails were taken."""

    async def run():
        database = open_database(settings)
        try:
            delivery, taken = Delivery(database, RecipientLinks(SECRET_KEY), settings), 0
            while more := await delivery.run():
                taken += more
            return taken
        finally:
            await database.close()

    return asyncio.run(run())


def queue(settings, cast, address="robin@learner.example"):
    """Queue a mail of the cast's issued credential."""
    in_transaction(
        settings,
        lambda transaction: add_mails(transaction, cast.workspace_id, [(cast.credential_id, address)]),
    )


def told(settings, cast):
    """The credential's mails, oldest first: status and reason."""
    found = in_transaction(settings, lambda transaction: list_mails(transaction, cast.credential_id))
    return [(mail.status, mail.reason) for mail in reversed(found)]


def due_now(settings):
    """Let time pass: whatever waits or is claimed is due."""

    def act(transaction):
        from sqlalchemy import update

        transaction.connection.execute(update(mails).values(due_at=transaction.at - 1))

    in_transaction(settings, act)


def test_a_mail_says_what_it_must(mailing, cast, postbox, client):
    client.post(
        f"/v1/credentials/{cast.credential_id}/send",
        headers=headers(cast.ada),
        json={"deliveryMethod": "email"},
    )
    assert deliver(mailing) == 1
    [mail] = postbox.taken
    message = mail.message
    assert (mail.sender, mail.recipient) == ("credentials@meadow.example", "robin@learner.example")
    assert message["From"] == "Open Meadow Academy <credentials@meadow.example>"
    assert message["To"].addresses[0].display_name == "Robin Ñandú"
    assert message["Subject"] == "Your credential: Botany"
    assert message["Auto-Submitted"] == "auto-generated"
    assert postbox.envelope_ids == [mail.id]
    text, html = (message.get_body((kind,)).get_content() for kind in ("plain", "html"))
    key = RecipientLinks(SECRET_KEY).make(cast.public_id)
    link = f"{mailing.public_url}/credentials/{cast.public_id}?recipient=true&key={key}"
    assert link in text
    assert link.replace("&", "&amp;") in html
    assert "src=" not in html.replace("cid:", "")  # nothing that tells when it is read
    assert told(mailing, cast) == [("sent", None)]
    assert deliver(mailing) == 0
    assert len(postbox.taken) == 1


def test_sent_at_is_noted_and_a_later_view_by_the_recipient_is_opened(mailing, cast, postbox, client):
    queue(mailing, cast)
    deliver(mailing)
    path = f"/v1/credentials/{cast.credential_id}/mails"
    assert client.get(path, headers=headers(cast.ada)).json()[0]["status"] == "sent"
    viewed = {
        "credentialId": cast.credential_id,
        "eventType": "credential_viewed",
        "triggeredBy": "recipient",
        "triggeredAt": time.strftime("%Y-%m-%dT%H:%M:%SZ", time.gmtime(time.time() + 1)),
    }
    assert (
        client.post("/v1/credential-interactions", headers=headers(cast.ada), json=viewed).status_code == 201
    )
    assert client.get(path, headers=headers(cast.ada)).json()[0]["status"] == "opened"


def test_what_is_refused_for_good_bounces_and_what_is_put_off_comes_again(mailing, cast, postbox):
    postbox.at_rcpt["gone@learner.example"] = ["550 no such user"]
    postbox.at_rcpt["slow@learner.example"] = ["451 greylisted", "451 still"]
    postbox.at_data["full@learner.example"] = ["452 mailbox full"]
    postbox.at_data["spam@learner.example"] = ["554 looks like spam"]
    names = ("gone", "slow", "full", "spam")
    for name in names:
        queue(mailing, cast, f"{name}@learner.example")
    assert deliver(mailing) == 0
    assert told(mailing, cast) == [
        ("bounced", "550 no such user"),
        ("waiting", "451 greylisted"),
        ("waiting", "452 mailbox full"),
        ("bounced", "554 looks like spam"),
    ]
    assert deliver(mailing) == 0  # not yet: the pause has not passed
    due_now(mailing)
    assert deliver(mailing) == 1
    due_now(mailing)
    assert deliver(mailing) == 1
    assert [status for status, _ in told(mailing, cast)] == ["bounced", "sent", "sent", "bounced"]
    assert sorted(mail.recipient for mail in postbox.taken) == [
        "full@learner.example",
        "slow@learner.example",
    ]


def test_a_connection_lost_after_the_message_is_uncertain_and_never_sent_again(mailing, cast, postbox):
    postbox.at_data["robin@learner.example"] = ["drop"]
    queue(mailing, cast)
    queue(mailing, cast, "li@learner.example")
    deliver(mailing)
    due_now(mailing)
    deliver(mailing)
    due_now(mailing)
    deliver(mailing)
    [(first, why), second] = told(mailing, cast)
    assert (first, second) == ("uncertain", ("sent", None))
    assert "connection was lost" in why
    assert sorted(mail.recipient for mail in postbox.taken) == ["li@learner.example", "robin@learner.example"]


def test_an_unreachable_server_costs_nothing_but_time(mailing, cast, postbox):
    queue(mailing, cast)
    nowhere = mailing.model_copy(update={"smtp_port": 1})
    assert deliver(nowhere) == 0
    [(status, reason)] = told(mailing, cast)
    assert status == "waiting"
    assert reason
    due_now(mailing)
    assert deliver(mailing) == 1
    assert told(mailing, cast) == [("sent", None)]


def test_too_old_a_mail_is_given_up(mailing, cast, postbox):
    from sqlalchemy import update

    postbox.at_rcpt["robin@learner.example"] = ["451 later"]
    queue(mailing, cast)
    old = 73 * 3_600_000
    in_transaction(
        mailing,
        lambda transaction: transaction.connection.execute(
            update(mails).values(created_at=transaction.at - old)
        ),
    )
    deliver(mailing)
    assert told(mailing, cast) == [("bounced", "451 later")]


def test_what_was_taken_back_is_not_sent(mailing, cast, postbox):
    queue(mailing, cast)
    in_transaction(
        mailing,
        lambda transaction: revoke_credential(transaction, cast.workspace_id, cast.credential_id, "Error"),
    )
    assert deliver(mailing) == 0
    assert [status for status, _ in told(mailing, cast)] == ["withdrawn"]
    assert postbox.taken == []


@pytest.mark.filterwarnings("ignore::DeprecationWarning", "ignore::UserWarning")  # the test server's own
def test_with_a_name_and_a_password_and_never_without(settings, cast, locked_postbox):
    queue(settings, cast)
    open_ = {
        "smtp_host": "127.0.0.1",
        "smtp_port": locked_postbox.port,
        "smtp_security": "none",
        "smtp_username": "credtrail",
    }
    wrong = settings.model_copy(update={**open_, "smtp_password": "open barley"})
    assert deliver(wrong) == 0
    assert told(settings, cast)[0][0] == "waiting"
    due_now(settings)
    assert deliver(settings.model_copy(update={**open_, "smtp_password": "open sesame"})) == 1


def test_over_tls_and_only_to_a_server_that_can_be_trusted(settings, cast, sealed_postbox, monkeypatch):
    queue(settings, cast)
    mailing = settings.model_copy(
        update={
            "smtp_host": "127.0.0.1",
            "smtp_port": sealed_postbox.port,
            "smtp_security": sealed_postbox.security,
            "smtp_timeout_seconds": 5.0,
        }
    )
    with monkeypatch.context() as elsewhere:
        elsewhere.delenv("SSL_CERT_FILE")
        assert deliver(mailing) == 0
    [(status, reason)] = told(settings, cast)
    assert status == "waiting"
    assert "certificate" in reason.lower()
    due_now(settings)
    assert deliver(mailing) == 1
    assert len(sealed_postbox.taken) == 1


def test_starttls_is_not_left_out_when_it_is_asked_for(mailing, cast, postbox):
    queue(mailing, cast)
    assert deliver(mailing.model_copy(update={"smtp_security": "starttls"})) == 0
    assert postbox.taken == []
    assert told(mailing, cast)[0][0] == "waiting"


def test_without_a_server_mails_are_files(settings, cast, tmp_path):
    folder = tmp_path / "mails"
    here = settings.model_copy(update={"mail_folder": str(folder)})
    queue(here, cast)
    assert deliver(here) == 1
    [file] = folder.iterdir()
    assert b"robin@learner.example" in file.read_bytes()
    assert file.suffix == ".eml"


def test_addresses_and_names_of_any_script(mailing, cast, postbox, client):
    path = f"/v1/credentials/{cast.credential_id}"
    name = 'فاطمة, "李" <x@y.z>\r\nBcc: evil@learner.example'
    client.patch(
        path, headers=headers(cast.ada), json={"recipient": {"name": name, "email": "pelé@müller.example"}}
    )
    client.post(f"{path}/send", headers=headers(cast.ada), json={"deliveryMethod": "email"})
    assert deliver(mailing) == 1
    [mail] = postbox.taken
    assert mail.recipient == "pelé@müller.example"
    assert "SMTPUTF8" in mail.options
    assert mail.message["Bcc"] is None
    [to] = mail.message["To"].addresses
    assert to.display_name == " ".join(name.split())


def test_the_workspaces_own_sender_words_language_and_logo(mailing, cast, postbox, client):
    from io import BytesIO

    from PIL import Image

    written = BytesIO()
    Image.new("RGBA", (40, 20), "#aa2200").save(written, "PNG")
    logo = read_image(written.getvalue())
    profile = IssuerProfile(
        sender_name="Ümit at Meadow",
        sender_email="hello@meadow.example",
        contact_email="büro@meadow.example",
        language="de",
        logo_digest=logo.digest,
    )

    def act(transaction):
        add_image(transaction, cast.workspace_id, logo)
        save_profile(transaction, cast.workspace_id, profile)

    in_transaction(mailing, act)
    queue(mailing, cast)
    deliver(mailing)
    template = client.post(
        "/v1/email-templates",
        headers=headers(cast.ada),
        json={
            "name": "Warm",
            "subject": "[recipient.name]: [group.name]",
            "body": "Hi <b>[recipient.name]</b>,\r\n\r\nissued [certificate.issued_on][custom.none]\nsee [credential.link]!",
        },
    ).json()
    client.patch(
        f"/v1/groups/{cast.group_id}", headers=headers(cast.ada), json={"emailTemplateId": template["id"]}
    )
    queue(mailing, cast)
    deliver(mailing)
    built_in, own = postbox.taken
    assert built_in.message["From"] == "Ümit at Meadow <hello@meadow.example>"
    assert built_in.message["Reply-To"] == "büro@meadow.example"
    assert built_in.message["List-Unsubscribe"] == "<mailto:b%C3%BCro@meadow.example?subject=unsubscribe>"
    assert "SMTPUTF8" in built_in.options
    assert "Guten Tag Robin Ñandú," in built_in.message.get_body(("plain",)).get_content()
    assert [part.get_content_type() for part in built_in.message.walk()] == [
        "multipart/alternative",
        "text/plain",
        "multipart/related",
        "text/html",
        "image/png",
    ]
    assert own.message["Subject"] == "Robin Ñandú: Botany"
    text, html = (
        own.message.get_body((kind,)).get_content().replace("\r\n", "\n") for kind in ("plain", "html")
    )
    assert "issued 12. März 2024\nsee http" in text
    assert "&lt;b&gt;Robin Ñandú&lt;/b&gt;" in html
    assert "<br>\nsee <a href=" in html
    assert "Schaltfläche" not in html  # there is no button that might not work


def test_two_workers_send_each_mail_once(mailing, cast, postbox):
    addresses = [(cast.credential_id, f"learner{n}@learner.example") for n in range(220)]
    in_transaction(mailing, lambda transaction: add_mails(transaction, cast.workspace_id, addresses))

    async def drain(database):
        delivery, taken = Delivery(database, RecipientLinks(SECRET_KEY), mailing), 0
        while more := await delivery.run():
            taken += more
        return taken

    async def run():
        databases = [open_database(mailing) for _ in range(2)]
        try:
            return await asyncio.gather(*(drain(one) for one in databases))
        finally:
            for one in databases:
                await one.close()

    assert sum(asyncio.run(run())) == 220
    assert len({mail.recipient for mail in postbox.taken}) == len(postbox.taken) == 220


def test_a_claim_of_a_killed_worker_ends(mailing, cast, postbox):
    queue(mailing, cast)
    [_] = in_transaction(mailing, lambda transaction: claim_mails(transaction, 10))
    assert deliver(mailing) == 0  # somebody else's, as long as the claim holds
    due_now(mailing)
    assert deliver(mailing) == 1
    assert len(postbox.taken) == 1


def test_killed_again_and_again_no_mail_goes_out_twice_and_none_is_forgotten(
    mailing, cast, postbox, tmp_path
):
    count = 120

    def fill(transaction):
        add_mails(
            transaction,
            cast.workspace_id,
            [(cast.credential_id, f"learner{n}@learner.example") for n in range(count)],
        )

    in_transaction(mailing, fill)
    rounds = 0
    deadline = time.monotonic() + 180
    while statuses(mailing) & {"waiting", "claimed", "sending"} and time.monotonic() < deadline:
        workers = [start_worker(mailing, tmp_path) for _ in range(2)]
        before = len(postbox.taken)
        while (
            len(postbox.taken) < min(before + 25, count)
            and statuses(mailing) & {"waiting", "claimed", "sending"}
            and time.monotonic() < deadline
        ):
            time.sleep(0.01)  # waiting for other processes: there is nothing else to wait on
        for worker in workers:
            worker.send_signal(signal.SIGKILL)
            worker.wait(timeout=10)
        due_now(mailing)
        rounds += 1
    deliver(mailing)
    assert rounds >= 3
    got = [mail.recipient for mail in postbox.taken]
    assert len(got) == len(set(got))  # never twice
    every = in_transaction(mailing, all_mails)
    assert {status for status, _ in every} <= {"sent", "uncertain"}
    unsure = {address for status, address in every if status == "uncertain"}
    # Nobody can know of a mail that was in the server's hands at the moment of the kill; it is told as such.
    assert {address for status, address in every if status == "sent"} <= set(got)
    assert {f"learner{n}@learner.example" for n in range(count)} - set(got) <= unsure
    assert len(unsure) <= rounds * 2 * mailing.smtp_connections


def all_mails(transaction):
    """(status, address) of every mail."""
    from sqlalchemy import select

    return [tuple(row) for row in transaction.connection.execute(select(mails.c.status, mails.c.address))]


def statuses(settings):
    """Which states there are."""
    return {status for status, _ in in_transaction(settings, all_mails)}


def start_worker(settings, folder):
    """A real `credtrail work`."""
    environment = {
        **{name: value for name, value in os.environ.items() if not name.startswith("CREDTRAIL_")},
        "CREDTRAIL_DATABASE_URL": settings.database_url,
        "CREDTRAIL_SECRET_KEY": SECRET_KEY,
        "CREDTRAIL_SMTP_HOST": settings.smtp_host,
        "CREDTRAIL_SMTP_PORT": str(settings.smtp_port),
        "CREDTRAIL_SMTP_SECURITY": "none",
        "CREDTRAIL_CACHE_DIR": str(folder),
    }
    return subprocess.Popen(
        [sys.executable, "-m", "credtrail", "work"], env=environment, stderr=subprocess.DEVNULL
    )


@pytest.mark.parametrize("status", ["draft"])
def test_a_draft_is_never_mailed(mailing, cast, postbox, status):
    def act(transaction):
        one = add_credential(
            transaction,
            cast.workspace_id,
            cast.group_id,
            (None, "Li", "li@learner.example"),
            ("2024-01-01", None),
        )
        add_mails(transaction, cast.workspace_id, [(one.id, "li@learner.example")])

    in_transaction(mailing, act)
    assert deliver(mailing) == 0
    assert postbox.taken == []


def test_a_bounce_that_comes_back_is_noted(mailing, cast, postbox):
    from credtrail.mail.store import settle_bounce

    queue(mailing, cast)
    deliver(mailing)
    [mail] = postbox.taken
    assert in_transaction(mailing, lambda transaction: settle_bounce(transaction, mail.id, "no such user"))
    assert told(mailing, cast) == [("bounced", "no such user")]
    assert not in_transaction(mailing, lambda transaction: settle_bounce(transaction, "nothing", "x"))
