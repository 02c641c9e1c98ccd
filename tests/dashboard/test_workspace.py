"""Members, tokens, settings of a workspace."""

import re

import pytest
from sqlalchemy import select

from conftest import ON_ONE, headers, in_transaction
from credtrail.accounts.people_store import find_member, find_user, list_memberships
from credtrail.accounts.store import change_workspace, find_profile, find_workspace, workspaces
from credtrail.database import run_all
from credtrail.interactions.visits import SetAside, Shelf, set_aside_interactions
from credtrail.work import forget_visits
from dashboard.conftest import PASSWORD, add_person

PNG = bytes.fromhex(
    "89504e470d0a1a0a0000000d4948445200000001000000010806000000"
    "1f15c4890000000d49444154789c6360606060000000050001a5f645400000000049454e44ae426082"
)


def roles_of(settings, email):
    """In which workspaces somebody is what."""

    def ask(transaction):
        user = find_user(transaction, email=email)
        return {one.workspace_name: one.role for one in list_memberships(transaction, user.id)}

    return in_transaction(settings, ask)


def test_token_from_creation_to_revocation(ada_in):
    ada_in.see(f"{ada_in.home}/access-tokens")
    page = ada_in.post(f"{ada_in.home}/access-tokens", name="Learning platform", access="read", lifetime="30")
    token = re.search(r'id="made" value="(ctr_\w+)"', page)[1]
    assert f"Bearer {token}" in page, "ready to be pasted"
    assert token not in ada_in.see(f"{ada_in.home}/access-tokens")
    assert ada_in.client.get("/v1/me", headers=headers(token)).json()["token"]["name"] == "Learning platform"
    row = re.search(r"Learning platform.*?</tr>", ada_in.see(f"{ada_in.home}/access-tokens"), re.S)[0]
    assert "just now" in row.split("Last used")[1].split("</td>")[0]
    assert "in 30 days" in row
    path = re.search(r'action="(\S+/revoke)"', row)[1]
    assert "is revoked" in ada_in.post(path)
    assert ada_in.client.get("/v1/me", headers=headers(token)).status_code == 401
    log = ada_in.see(f"{ada_in.home}/audit-log")
    assert log.index("revoked the access token") < log.index("created the access token")
    assert token not in log


@ON_ONE
@pytest.mark.parametrize(
    ("fields", "problem"),
    [
        ({"name": " ", "access": "read", "lifetime": ""}, "1 to 255 characters"),
        ({"name": "x", "access": "all", "lifetime": ""}, "ust be full or read"),
        ({"name": "x", "access": "full", "lifetime": "7"}, "ust be one of those offered"),
    ],
)
def test_tokens_refused(ada_in, fields, problem):
    assert problem in ada_in.post(f"{ada_in.home}/access-tokens", status=400, **fields)


def test_a_token_of_another_workspace_cannot_be_revoked(ada_in, cast, settings):
    from credtrail.accounts.store import list_tokens

    [hers] = [one for one in in_transaction(settings, list_tokens) if one.workspace_id != cast.workspace_id]
    ada_in.post(f"{ada_in.home}/access-tokens/{hers.id}/revoke", status=404)
    assert ada_in.client.get("/v1/me", headers=headers(cast.cleo)).status_code == 200


def test_invitation_of_somebody_new(ada_in, browser, letters, settings):
    ada_in.see(f"{ada_in.home}/members")
    assert "on its way" in ada_in.post(f"{ada_in.home}/members", email="Ben@meadow.example", role="editor")
    [(address, text)] = letters()
    assert address == "ben@meadow.example"
    assert "Ada Ñandú" in text
    path = re.search(r"http://testserver(/\S+)", text)[1]
    ben = browser()
    assert "invited as editor" in ben.see(path)
    ben.post(path, name="Ben", password="tooshort", status=400)
    ben.post(path, name="Ben", password=PASSWORD)
    assert roles_of(settings, "ben@meadow.example") == {"Open Meadow Academy": "editor"}
    browser().see(path, status=404)
    assert "joined as a member" in ada_in.see(f"{ada_in.home}/audit-log")


def test_invitation_of_somebody_known(ada_in, browser, letters, settings, cast):
    add_person(settings, "cleo@institute.example", "Cleo", {})
    ada_in.see(f"{ada_in.home}/members")
    ada_in.post(f"{ada_in.home}/members", email="cleo@institute.example", role="viewer")
    path = re.search(r"http://testserver(/\S+)", letters()[0][1])[1]
    stranger = browser()
    stranger.see(path)
    assert "Sign in as cleo@institute.example first" in stranger.post(path)
    cleo = browser()
    cleo.sign_in("cleo@institute.example")
    cleo.see(path)
    cleo.post(path)
    assert roles_of(settings, "cleo@institute.example") == {"Open Meadow Academy": "viewer"}


def test_an_invitation_taken_back_is_good_for_nothing(ada_in, browser, letters):
    ada_in.see(f"{ada_in.home}/members")
    page = ada_in.post(f"{ada_in.home}/members", email="ben@meadow.example", role="editor")
    path = re.search(r"http://testserver(/\S+)", letters()[0][1])[1]
    ada_in.post(re.search(r'action="(\S+/withdraw)"', page)[1])
    browser().see(path, status=404)


def test_nobody_gives_more_than_they_have(in_role, settings, cast):
    admin = in_role("admin")
    owner_id = add_person(settings, "ada@meadow.example", "Ada", {cast.workspace_id: "owner"})
    viewer_id = add_person(settings, "vi@meadow.example", "Vi", {cast.workspace_id: "viewer"})
    admin.see(f"{admin.home}/members")
    admin.post(f"{admin.home}/members", status=400, email="x@meadow.example", role="owner")
    admin.post(f"{admin.home}/members/{viewer_id}/role", status=400, role="owner")
    admin.post(f"{admin.home}/members/{owner_id}/role", status=403, role="viewer")
    admin.post(f"{admin.home}/members/{owner_id}/remove", status=403)
    assert "is editor now" in admin.post(f"{admin.home}/members/{viewer_id}/role", role="editor")
    assert roles_of(settings, "vi@meadow.example") == {"Open Meadow Academy": "editor"}


def test_a_removed_member_is_brought_back(ada_in, settings, cast):
    ben_id = add_person(settings, "ben@meadow.example", "Ben", {cast.workspace_id: "admin"})
    ask = lambda tx: find_member(tx, cast.workspace_id, ben_id)  # noqa: E731
    as_he_was = in_transaction(settings, ask)
    ada_in.see(f"{ada_in.home}/members")
    page = ada_in.post(f"{ada_in.home}/members/{ben_id}/remove")
    assert "Ben is not a member any more" in page
    assert in_transaction(settings, ask) is None
    assert "Ben is admin again" in ada_in.undo(page)
    assert in_transaction(settings, ask) == as_he_was
    assert "a member already" in ada_in.undo(page, status=409)
    assert "brought back the member" in ada_in.see(f"{ada_in.home}/audit-log")


def test_only_who_removed_a_member_brings_them_back_and_not_for_long(
    ada_in, in_role, settings, cast, monkeypatch
):
    ben_id = add_person(settings, "ben@meadow.example", "Ben", {cast.workspace_id: "viewer"})
    ada_in.see(f"{ada_in.home}/members")
    page = ada_in.post(f"{ada_in.home}/members/{ben_id}/remove")
    another = in_role("admin")
    another.see(f"{another.home}/members")
    assert "can&#39;t be undone any more" in another.undo(page, status=409)
    ada_in.post(f"{ada_in.home}/members/undo", status=409, undo="nothing")
    monkeypatch.setattr("credtrail.dashboard.door._UNDO_MS", -1)
    add_person(settings, "vi@meadow.example", "Vi", {cast.workspace_id: "viewer"})
    vi_id = in_transaction(settings, lambda tx: find_user(tx, email="vi@meadow.example")).id
    late = ada_in.post(f"{ada_in.home}/members/{vi_id}/remove")
    assert "can&#39;t be undone any more" in ada_in.undo(late, status=409)
    assert roles_of(settings, "vi@meadow.example") == {}


def test_the_last_owner_stays(ada_in, settings, cast):
    ada_in.see(f"{ada_in.home}/members")
    ada_id = in_transaction(settings, lambda tx: find_user(tx, email="ada@meadow.example")).id
    assert "needs an owner" in ada_in.post(f"{ada_in.home}/members/leave", status=409)
    ada_in.post(f"{ada_in.home}/members/{ada_id}/role", status=409, role="viewer")
    add_person(settings, "ben@meadow.example", "Ben", {cast.workspace_id: "owner"})
    assert "You have left" in ada_in.post(f"{ada_in.home}/members/leave")
    assert roles_of(settings, "ada@meadow.example") == {}


def test_settings_are_kept_and_shown(ada_in, settings, cast):
    ada_in.see(f"{ada_in.home}/settings")
    fields = {
        "name": "مدرسة المرج المفتوح",
        "website_url": "https://meadow.example",
        "contact_email": "office@meadow.example",
        "brand_color": "#AA3300",
        "signatory_name": "",
        "signatory_title": "",
        "sender_name": "Meadow",
        "sender_email": "hello@meadow.example",
        "language": "ar",
        "privacy_mode": "consent",
        "indexed": "yes",
    }
    page = ada_in.post(f"{ada_in.home}/settings", files={"logo": ("logo.png", PNG, "image/png")}, **fields)
    assert "Saved" in page
    assert "مدرسة المرج المفتوح" in page
    profile = in_transaction(settings, lambda tx: find_profile(tx, cast.workspace_id))
    assert profile.brand_color == "#aa3300"
    assert profile.logo_digest
    assert (profile.language, profile.privacy_mode, profile.indexed) == ("ar", "consent", True)
    assert "مدرسة المرج المفتوح" in ada_in.client.get(f"/credentials/{cast.public_id}").text
    ada_in.post(f"{ada_in.home}/settings", no_logo="yes", **fields)
    assert in_transaction(settings, lambda tx: find_profile(tx, cast.workspace_id)).logo_digest is None


@pytest.mark.parametrize(
    ("field", "value", "problem"),
    [
        ("name", "", "1 to 255"),
        ("name", "Cleo&#39;s Institute", None),
        ("website_url", "javascript:alert(1)", "http:// or https://"),
        ("contact_email", "nobody", "e-mail address"),
        ("brand_color", "red", "hexadecimal"),
        ("privacy_mode", "all", "ust be one of"),
        ("language", "tlh", "ust be one of"),
    ],
)
def test_settings_refused(ada_in, field, value, problem):
    fields = {"name": "Open Meadow", "brand_color": "#14594b", "language": "en", "privacy_mode": "storage"}
    ada_in.see(f"{ada_in.home}/settings")
    if problem is None:
        assert "another workspace" in ada_in.post(
            f"{ada_in.home}/settings", status=400, **{**fields, field: "Cleo's Institute"}
        )
    else:
        assert problem in ada_in.post(f"{ada_in.home}/settings", status=400, **{**fields, field: value})


def test_a_workspace_ends_with_all_that_is_in_it(ada_in, settings, cast):
    ada_in.see(f"{ada_in.home}/settings")
    ada_in.post(f"{ada_in.home}/settings/delete", status=400, confirm="open meadow academy")
    assert "is deleted" in ada_in.post(f"{ada_in.home}/settings/delete", confirm="Open Meadow Academy")
    names = in_transaction(
        settings, lambda tx: list(tx.connection.execute(select(workspaces.c.name)).scalars())
    )
    assert names == ["Cleo's Institute"]
    assert ada_in.client.get(f"/credentials/{cast.public_id}").status_code == 404


def test_time_zone_and_retention(ada_in, settings, cast):
    fields = {
        "name": "Open Meadow Academy",
        "brand_color": "#14594b",
        "language": "en",
        "privacy_mode": "storage",
    }
    ada_in.see(f"{ada_in.home}/settings")
    page = ada_in.post(
        f"{ada_in.home}/settings",
        **fields,
        time_zone="Asia/Tokyo",
        interaction_days="365",
        set_aside_days="7",
    )
    assert "change from UTC to Asia/Tokyo is under way" in page
    workspace = in_transaction(settings, lambda tx: find_workspace(tx, id=cast.workspace_id))
    assert (workspace.next_time_zone, workspace.interaction_days, workspace.set_aside_days) == (
        "Asia/Tokyo",
        365,
        7,
    )
    log = ada_in.see(f"{ada_in.home}/audit-log")
    for told in ("UTC → Asia/Tokyo", "none → 365", "none → 7"):
        assert told in log
    for field, value, problem in (
        ("time_zone", "Europe/Atlantis", "name of a time zone"),
        ("time_zone", "../../etc/passwd", "name of a time zone"),
        ("time_zone", "Europe/Berlin", "s being changed to Asia/Tokyo"),
        ("interaction_days", "29", "from 30 to 36,500"),
        ("set_aside_days", "-1", "from 1 to 365"),
        ("set_aside_days", "१", "from 1 to 365"),
    ):
        given = {**fields, "time_zone": "Asia/Tokyo", field: value}
        assert problem in ada_in.post(f"{ada_in.home}/settings", status=400, **given), (field, value)


def test_set_aside_rows_are_kept_as_each_workspace_says(settings, cast):
    day = 86_400_000

    def act(transaction):
        change_workspace(transaction, cast.workspace_id, set_aside_days=7)
        shelf = Shelf(transaction, [])
        for workspace_id, credential_id in (
            (cast.workspace_id, cast.credential_id),
            (find_workspace(transaction, name="Cleo's Institute").id, cast.cleos_credential_id),
        ):
            for age in (6, 8, 29, 31):
                at = transaction.at - age * day
                aside = SetAside(
                    transaction.new_id(),
                    workspace_id,
                    credential_id,
                    "credential_viewed",
                    "guest",
                    at,
                    "robot",
                )
                shelf.put(aside)
        run_all(transaction, shelf.writes())
        assert forget_visits(transaction, 30) == 4
        rows = transaction.connection.execute(select(set_aside_interactions)).all()
        return sorted(
            (row.workspace_id == cast.workspace_id, (transaction.at - row.triggered_at) // day)
            for row in rows
        )

    assert in_transaction(settings, act) == [(False, 6), (False, 8), (False, 29), (True, 6)]
