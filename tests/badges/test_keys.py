"""A key's life: made when first needed, rotated, withdrawn, restored from a backup, lost. As its operator goes through it."""

import json
import shutil
from contextlib import contextmanager

import pytest
from starlette.testclient import TestClient

from badges.samples import DOMAIN, LOOPBACK
from conftest import SECRET_KEY, add_cast, in_transaction
from credtrail.accounts.store import change_workspace
from credtrail.app import build
from credtrail.badges.desk import Desk
from credtrail.badges.presented import read_presented
from credtrail.badges.verify import verify
from credtrail.seal import Seal
from credtrail.values import now
from test_cli import runner


@contextmanager
def house(settings, **changes):
    """The installation with other settings; its client, with its desk at hand."""
    settings = settings.model_copy(update=changes)
    parts = build(settings)
    with TestClient(parts.application, raise_server_exceptions=False, follow_redirects=False) as client:
        seal = Seal(settings.secret_key, "issuer")

        async def judge(content):
            presented = read_presented(content)
            known = await Desk(parts.database, seal, settings.public_url).find_known(presented)
            return verify(presented, known, now())

        client.verify = lambda content: client.portal.call(judge, content)
        yield client


@pytest.fixture
def operator(settings, tmp_path):
    """The command line of the installation."""

    def run(*words, **more):
        variables = {
            "CREDTRAIL_DATABASE_URL": settings.database_url,
            "CREDTRAIL_SECRET_KEY": SECRET_KEY,
            "CREDTRAIL_PUBLIC_URL": settings.public_url,
        }
        return runner(tmp_path, **variables)(*words, **more)

    return run


WORKSPACE = "Open Meadow Academy"


@pytest.mark.parametrize("public_url", [DOMAIN, LOOPBACK], ids=["did_web", "did_key"])
def test_rotating_lets_a_new_key_sign_and_keeps_what_was_signed(settings, cast, operator, public_url):
    with house(settings, public_url=public_url) as client:
        before = client.get(f"/credentials/{cast.public_id}.json").content
        assert client.verify(before).verdict == "verified"
        rotated = operator("issuer", "rotate-key", WORKSPACE, CREDTRAIL_PUBLIC_URL=public_url)
        assert (rotated.returncode, rotated.stderr) == (0, "")
        after = client.get(f"/credentials/{cast.public_id}.json").content
        method = json.loads(after)["proof"]["verificationMethod"]
        assert method.endswith("#" + rotated.stdout.strip())
        assert json.loads(before)["proof"]["verificationMethod"] != method
        same_issuer = json.loads(before)["issuer"]["id"] == json.loads(after)["issuer"]["id"]
        assert same_issuer == (public_url == DOMAIN)
        for copy in (before, after):
            verification = client.verify(copy)
            assert verification.verdict == "verified", verification
            assert verification.of("issuer").about == WORKSPACE
        operator("credential", "revoke", cast.credential_id, "--reason", "A mistake")
        assert [client.verify(copy).verdict for copy in (before, after)] == ["revoked", "revoked"]
        operator("credential", "reinstate", cast.public_id)
        assert [client.verify(copy).verdict for copy in (before, after)] == ["verified", "verified"]


@pytest.mark.parametrize(
    ("public_url", "reason"),
    [(DOMAIN, "key_not_listed"), (LOOPBACK, "key_withdrawn")],
    ids=["did_web", "did_key"],
)
def test_what_a_withdrawn_key_signed_is_not_believed_and_is_signed_anew(
    settings, cast, operator, public_url, reason
):
    with house(settings, public_url=public_url) as client:
        before = client.get(f"/credentials/{cast.public_id}.json").content
        key = json.loads(before)["proof"]["verificationMethod"].partition("#")[2]
        refused = operator("issuer", "withdraw-key", WORKSPACE, key)
        assert refused.returncode == 1
        assert "Only a retired key can be withdrawn" in refused.stderr
        operator("issuer", "rotate-key", WORKSPACE)
        assert operator("issuer", "withdraw-key", WORKSPACE, key).stdout == "Withdrawn.\n"
        assert operator("issuer", "withdraw-key", WORKSPACE, "z6Mk").returncode == 1
        verification = client.verify(before)
        assert (verification.verdict, verification.of("issuer_key").reason) == ("failed", reason)
        after = client.get(f"/credentials/{cast.public_id}.json").content
        assert client.verify(after).verdict == "verified"
        shown = operator("issuer", "show", WORKSPACE).stdout
        assert "withdrawn" in shown
        assert "active" in shown
        address = f"/issuers/{cast.workspace_id}/keys/{key}/status/1"
        assert client.get(address).status_code == 404


def test_a_restored_database_signs_the_very_same(settings, cast, tmp_path, dialect):
    with house(settings) as client:
        first = client.get(f"/credentials/{cast.public_id}.json").content
    if dialect == "sqlite":
        shutil.copy(settings.sqlite_path, tmp_path / "restored.db")
        settings = settings.model_copy(update={"database_url": f"sqlite:///{tmp_path}/restored.db"})
    with house(settings) as client:
        assert client.get(f"/credentials/{cast.public_id}.json").content == first
        assert client.verify(first).verdict == "verified"


def test_a_lost_key_is_told_and_another_one_takes_over(settings, cast, operator):
    """The database is there, the secret key is not: what the operator sees, does, and what remains good."""
    with house(settings) as client:
        before = client.get(f"/credentials/{cast.public_id}.json").content
        did_document = client.get(f"/issuers/{cast.workspace_id}/did.json").content
    other = "another secret key, since the first was not in the backup"
    with house(settings, secret_key=other) as client:
        page = client.get(f"/credentials/{cast.public_id}")
        pdf = next(part for part in page.text.split('"') if part.endswith(".pdf"))
        assert client.get(pdf).content.startswith(b"%PDF-")
        assert "there is no proof to check" in client.get(f"/credentials/{cast.public_id}/verification").text
        for address in (f"/credentials/{cast.public_id}.json", f"/issuers/{cast.workspace_id}/status/1"):
            answer = client.get(address)
            assert (answer.status_code, answer.headers["retry-after"]) == (503, "3600")
        assert client.get(f"/credentials/{cast.public_id}.png").status_code == 503
        assert client.get(f"/issuers/{cast.workspace_id}/did.json").content == did_document
        assert client.verify(before).verdict == "incomplete"
        check = operator("check", CREDTRAIL_SECRET_KEY=other)
        assert (
            f"The key that signs for {WORKSPACE} was sealed with another CREDTRAIL_SECRET_KEY" in check.stdout
        )
        shown = operator("issuer", "show", WORKSPACE, CREDTRAIL_SECRET_KEY=other)
        assert shown.returncode == 1
        assert "rotate-key" in shown.stderr
        operator("issuer", "rotate-key", WORKSPACE, CREDTRAIL_SECRET_KEY=other)
        assert client.verify(before).verdict == "verified"
        after = client.get(f"/credentials/{cast.public_id}.json").content
        assert client.verify(after).verdict == "verified"
        assert "credtrail issuer" not in operator("check", CREDTRAIL_SECRET_KEY=other).stdout


def test_two_processes_that_need_the_first_key_make_one(settings, cast):
    with house(settings) as one, house(settings) as other:
        methods = {
            json.loads(client.get(f"/credentials/{cast.public_id}.json").content)["proof"][
                "verificationMethod"
            ]
            for client in (one, other)
        }
    assert len(methods) == 1


def test_each_workspace_has_its_own_key_and_a_command_names_it(settings, cast, operator):
    add_cast(settings, " II")
    mine = operator("issuer", "show", WORKSPACE).stdout.splitlines()[0]
    hers = operator("issuer", "show", "Cleo's Institute").stdout.splitlines()[0]
    assert mine == f"did:web:credentials.example:issuers:{cast.workspace_id}"
    assert mine != hers
    assert operator("issuer", "show", "Nobody's").returncode == 1
    assert operator("credential", "revoke", "no-such").returncode == 1
    assert "Only a revoked credential" in operator("credential", "reinstate", cast.credential_id).stderr
    assert operator("credential", "revoke", cast.credential_id, "--reason", "").returncode == 1


def test_a_workspace_with_a_domain_of_its_own_is_called_by_it_and_what_was_signed_before_holds(
    settings, cast
):
    with house(settings) as client:
        before = client.get(f"/credentials/{cast.public_id}.json").content
        domain = {"domain": "badges.meadow.example", "domain_confirmed_at": 1}
        in_transaction(settings, lambda tx: change_workspace(tx, cast.workspace_id, **domain))
        after = client.get(f"/credentials/{cast.public_id}.json").content
        did = f"did:web:badges.meadow.example:issuers:{cast.workspace_id}"
        document = json.loads(after)
        assert document["issuer"]["id"] == did
        assert document["id"] == f"https://badges.meadow.example/credentials/{cast.public_id}"
        for copy in (before, after):
            verification = client.verify(copy)
            assert verification.verdict == "verified", verification
            assert verification.of("issuer_domain").outcome == "passed"
        # Each host says who the workspace is there.
        for host, name in (
            ("badges.meadow.example", did),
            ("credentials.example", json.loads(before)["issuer"]["id"]),
        ):
            path = f"/issuers/{cast.workspace_id}"
            assert client.get(f"{path}/did.json", headers={"host": host}).json()["id"] == name
            assert client.get(f"{path}/status/1", headers={"host": host}).json()["issuer"] == name
