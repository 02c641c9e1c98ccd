"""Who may see a credential's public faces: the same rule on each, and to others the answer of an unknown address."""

import re

import pytest

from conftest import SECRET_KEY, in_transaction
from credtrail.credentials.privacy_store import find_privacy, save_privacy
from credtrail.credentials.store import find_public
from credtrail.pages.documents import documents_of
from credtrail.recipients.access import Access
from credtrail.values import now

ACCESS = Access(SECRET_KEY)
UNKNOWN = "00000000-0000-4000-8000-000000000000"
PAGES = ("", "/verification", "/embed", "/audience", ".json", ".jwt", ".png", ".svg")
DAY_MS = 86_400_000


def view_of(settings, cast):
    return in_transaction(settings, lambda tx: find_public(tx, cast.public_id))


def faces(settings, cast):
    """The path of each public face of the credential."""
    [document] = documents_of(view_of(settings, cast), settings.public_url)
    return [
        *(f"/credentials/{cast.public_id}{path}" for path in PAGES),
        document.pdf_path,
        document.png_path,
        document.preview_path,
        document.download_path,
        f"/oembed?url=http://testserver/credentials/{cast.public_id}",
    ]


def ask(client, cast, path, key=""):
    """As somebody would who holds the page's token, where that is asked for."""
    token = re.search(r'data-token="([^"]+)"', client.get(f"/credentials/{cast.public_id}").text)
    sent = {"credtrail-page-token": token[1] if token else "none"}
    joint = "&" if "?" in path else "?"
    return client.get(f"{path}{joint}access={key}" if key else path, headers=sent)


def settled(answer):
    """All that tells one answer from another."""
    told = {name: value for name, value in answer.headers.items() if name != "x-request-id"}
    return answer.status_code, answer.content, tuple(sorted(told.items()))


@pytest.mark.parametrize("hidden", ["private", "limited", "offline"])
def test_what_may_not_be_seen_is_answered_like_what_does_not_exist(client, cast, device, settings, hidden):
    paths = faces(settings, cast)
    for path in paths:
        expected = 404 if path.endswith("/audience") else 200
        assert ask(client, cast, path).status_code == 200 or expected == 404, path
    robin = device().prove()
    body = {"offline": True} if hidden == "offline" else {"privacy": hidden}
    assert robin.send("offline" if hidden == "offline" else "privacy", body).status_code == 204
    client.get(paths[8])  # whatever is kept fresh for half a second
    for path in paths:
        unknown = path.replace(cast.public_id, UNKNOWN)
        for key in ("", "x" * 31, ACCESS.make_key(view_of(settings, cast), "guest", now() - 1)):
            if "/documents/" not in path or key:  # the bare address of a document is kept fresh
                assert settled(ask(client, cast, path, key)) == settled(ask(client, cast, unknown, key)), path
    as_robin = robin.see()
    assert as_robin.status_code == 200
    assert ("Your page is offline" in as_robin.text) == (hidden == "offline")


def test_documents_vanish_within_half_a_second(client, cast, device, settings, monkeypatch):
    monkeypatch.setattr("credtrail.pages.documents._FRESH_SECONDS", 0)
    paths = faces(settings, cast)[8:12]
    robin = device().prove()
    robin.send("privacy", {"privacy": "private"})
    for path in paths:
        assert client.get(path).status_code == 404
    own = re.findall(r'(?:src|href)="(/credentials/[^"]+/documents/[^"]+)"', robin.see().text)
    assert len(own) >= 3
    for path in own:
        answer = client.get(path.replace("&amp;", "&"))
        assert answer.status_code == 200
        assert answer.headers["cache-control"] == "private, no-store"
        assert answer.headers["x-robots-tag"] == "noindex"
    robin.send("privacy", {"privacy": "private"})  # the same again ends keys given before
    assert {client.get(path.replace("&amp;", "&")).status_code for path in own} == {404}


def test_a_limited_link_shows_every_face_until_it_ends_or_another_choice_is_made(
    client, cast, device, settings
):
    robin = device().prove()
    assert robin.send("privacy", {"privacy": "limited", "days": 2}).status_code == 204
    link = re.search(r'data-address="http://testserver([^"]+)"', robin.see().text)[1]
    key = link.partition("access=")[2]
    page = client.get(link)
    assert page.status_code == 200
    assert "You see this page by a link that ends on" in page.text
    assert '<meta name="robots" content="noindex">' in page.text
    assert "oembed" not in page.text.lower()
    assert "data-copy" not in page.text
    for path in faces(settings, cast)[:-1]:
        if not path.endswith("/audience"):
            assert ask(client, cast, path, key).status_code == 200, path
    for path in re.findall(r'(?:src|href)="(/credentials/[^"]+)"', page.text):
        assert client.get(path.replace("&amp;", "&")).status_code == 200, path

    def age(transaction):
        before = find_privacy(transaction, cast.credential_id)
        save_privacy(transaction, cast.credential_id, before._replace(link_expires_at=now() - 1))

    kept = in_transaction(settings, lambda tx: find_privacy(tx, cast.credential_id))
    assert kept.link_expires_at - now() == pytest.approx(2 * DAY_MS, abs=60_000)
    in_transaction(settings, age)
    assert client.get(link).status_code == 404
    in_transaction(settings, lambda tx: save_privacy(tx, cast.credential_id, kept))
    assert client.get(link).status_code == 200
    robin.send("privacy", {"privacy": "limited"})
    assert client.get(link).status_code == 404
    robin.send("privacy", {"privacy": "link"})
    assert client.get(link).status_code == client.get(robin.path).status_code == 200
    robin.send("privacy", {"privacy": "limited"})
    assert client.get(link).status_code == 404


def test_public_and_link_differ_in_what_search_engines_may(client, cast, device, settings, allow):
    robin, noindex = device().prove(), '<meta name="robots" content="noindex">'
    [document] = documents_of(view_of(settings, cast), settings.public_url)
    assert noindex in client.get(robin.path).text
    robin.send("privacy", {"privacy": "public"})
    assert noindex not in client.get(robin.path).text
    assert "x-robots-tag" not in client.get(document.png_path).headers
    allow(indexed=True)
    robin.send("privacy", {"privacy": "link"})
    assert noindex in client.get(robin.path).text
    assert client.get(f"{document.preview_path}?fresh").headers["x-robots-tag"] == "noindex"


@pytest.mark.parametrize("who", ["recipient", "nobody"])
def test_downloads_are_for_whom_the_settings_say(client, cast, device, settings, allow, who):
    allow(sharing=who, downloading=who)
    [document] = documents_of(view_of(settings, cast), settings.public_url)
    page = client.get(f"/credentials/{cast.public_id}").text
    assert ".pdf" not in page
    assert "LinkedIn" not in page
    assert client.get(document.png_path).status_code == 200  # the page shows it
    files = [
        document.pdf_path,
        document.download_path,
        *(f"/credentials/{cast.public_id}{e}" for e in (".png", ".svg")),
    ]
    assert {client.get(path).status_code for path in files} == {404}
    own = device().prove().see().text
    assert ("LinkedIn" in own) == (who == "recipient")
    found = re.search(r'href="([^"]+\.pdf[^"]*)"', own)
    assert (found is not None) == (who == "recipient")
    if found:
        assert client.get(found[1]).status_code == 200


def test_what_a_verified_owner_shares_never_carries_their_own_key(device, client, cast, settings):
    robin = device().prove()
    for privacy in ("public", "limited"):
        robin.send("privacy", {"privacy": privacy})
        own = robin.see().text
        view = view_of(settings, cast)
        keys = set(re.findall(r"access(?:=|%3D|%253D)([\w-]{31})", own))
        link_key = ACCESS.make_link_key(view)
        shared = re.findall(r'(?:href|data-address)="((?:https?|mailto)[^"]+)"', own)
        assert {key for address in shared for key in keys if key in address} == (
            {link_key} if link_key else set()
        )


def test_the_issuers_own_systems_get_documents_all_the_same(ada, cast, device, allow):
    device().prove().send("privacy", {"privacy": "private"})
    links = ada.get(f"/v1/credentials/{cast.credential_id}/links").json()
    [design] = ada.get(f"/v1/credentials/{cast.credential_id}/designs").json()
    for address in (links["pdf"], links["png"], *(one["url"] for one in design["previews"])):
        assert ada.get(address).status_code == 200
        assert ada.get(address.partition("?")[0]).status_code == 404
    assert ada.get(links["page"]).status_code == 404


def test_issuers_choose_until_the_recipient_has(ada, cast, device, allow):
    path = f"/v1/credentials/{cast.credential_id}/privacy"
    assert ada.put(path, json={"privacy": "private"}).json()["chosenBy"] == "issuer"
    assert ada.get(f"/credentials/{cast.public_id}").status_code == 404
    assert ada.put(path, json={"privacy": None}).json() == {
        "privacy": "link",
        "chosenBy": None,
        "linkExpiresAt": None,
        "offlineSince": None,
        "verifiedDevices": 0,
    }
    robin = device().prove()
    robin.send("privacy", {"privacy": "limited", "days": 365})
    told = ada.get(path).json()
    assert (told["privacy"], told["chosenBy"], told["verifiedDevices"]) == ("limited", "recipient", 1)
    assert told["linkExpiresAt"] is not None
    for wider in ("public", "link", None):
        assert ada.put(path, json={"privacy": wider}).status_code == 409
    assert ada.put(path, json={"privacy": "private"}).json()["chosenBy"] == "issuer"
    robin.send("privacy", {"privacy": "link"})
    allow(privacy_choices=False)
    assert ada.put(path, json={"privacy": "public"}).status_code == 200
    assert robin.send("privacy", {"privacy": "private"}).status_code == 403
    for wrong in ({}, {"privacy": "limited"}, {"privacy": "secret"}):
        assert ada.put(path, json=wrong).status_code == 400
