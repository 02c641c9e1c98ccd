"""Issuer keys in the dashboard, and a credential that is revoked and put in force again there."""

import re

from sqlalchemy import select

from conftest import in_transaction
from credtrail.accounts.session_store import audit_entries


def test_keys_are_shown_rotated_and_withdrawn(ada_in, cast, settings):
    page = f"{ada_in.home}/issuer"
    assert "The first key is made when the first credential is verified or downloaded." in ada_in.see(page)
    first = ada_in.client.get(f"/credentials/{cast.public_id}.json").json()["proof"]["verificationMethod"]
    key = first.partition("#")[2]
    shown = ada_in.see(page)
    assert key in shown
    assert f"{page}/{key}/withdraw" not in shown, "the one that signs can't be withdrawn"
    assert "Only a retired key can be withdrawn" in ada_in.post(f"{page}/{key}/withdraw")
    assert "A new key signs from now on" in ada_in.post(f"{page}/rotate")
    assert "vouches for what it signed" in ada_in.text
    assert "Withdrawn" in ada_in.post(f"{page}/{key}/withdraw")
    assert "withdrawn: vouches for nothing" in ada_in.text
    ada_in.post(f"{page}/z6Mk/withdraw", status=404)
    query = select(audit_entries.c.action, audit_entries.c.subject).order_by(audit_entries.c.id)
    told = in_transaction(settings, lambda tx: [tuple(row) for row in tx.connection.execute(query)])
    assert [action for action, _ in told] == ["issuer_key_rotated", "issuer_key_withdrawn"]
    assert told[1][1] == key
    assert key in ada_in.see(page)


def test_a_credential_is_revoked_and_reinstated(ada_in, cast):
    address = f"{ada_in.home}/credentials/{cast.credential_id}"
    assert "Revoked: its page says so" in ada_in.post(f"{address}/revoke", reason="By mistake")
    assert re.search(rf'action="{address}/reinstate"', ada_in.text)
    assert "taken this credential back" in ada_in.client.get(f"/credentials/{cast.public_id}").text
    assert "Reinstated" in ada_in.post(f"{address}/reinstate")
    assert re.search(rf'action="{address}/revoke"', ada_in.text)
    assert "taken this credential back" not in ada_in.client.get(f"/credentials/{cast.public_id}").text
    assert "Only a revoked credential" in ada_in.post(f"{address}/reinstate")
