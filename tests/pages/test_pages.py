"""What the public pages show, to whom, and that showing them counts nothing."""

import re

import pytest

from conftest import ON_ONE, headers, in_transaction
from credtrail.accounts.model import IssuerProfile
from credtrail.accounts.store import save_profile

SAFE = (
    "content-security-policy",
    "referrer-policy",
    "x-content-type-options",
    "permissions-policy",
    "cross-origin-opener-policy",
)


@pytest.fixture
def address(cast):
    """The path of Robin's credential page."""
    return f"/credentials/{cast.public_id}"


def add(client, cast, name="Robin", group="Botany", **more):
    """Another issued credential; the path of its page."""
    known = headers(cast.ada)
    designs = client.get("/v1/designs", headers=known).json()["data"]
    body = {"name": group, "designIds": [designs[0]["id"]]}
    group_id = client.post("/v1/groups", json=body, headers=known).json()["id"]
    body = {"groupId": group_id, "recipient": {"name": name}, **more}
    made = client.post("/v1/credentials", json=body, headers=known).json()
    assert client.post(f"/v1/credentials/{made['id']}/issue", headers=known).status_code == 200
    return f"/credentials/{made['publicId']}"


def listed(client, cast):
    """What the API lists."""
    return client.get("/v1/credential-interactions", headers=headers(cast.ada)).json()["data"]


def test_the_page_shows_the_credential(client, address, cast):
    page = client.get(address)
    assert page.status_code == 200
    assert page.headers["content-type"] == "text/html; charset=utf-8"
    for part in (
        '<bdi dir="auto">Robin Ñandú</bdi>',
        '<bdi dir="auto">Botany</bdi>',
        '<bdi dir="auto">Open Meadow Academy</bdi>',
        '<time datetime="2024-03-12">12 March 2024</time>',
        "<strong>Valid</strong>, without an expiry date",
        cast.public_id,
        f'<link rel="canonical" href="http://testserver{address}">',
        f'<meta property="og:url" content="http://testserver{address}">',
        '<meta property="og:title" content="Botany – Robin Ñandú">',
        '<meta name="robots" content="noindex">',
    ):
        assert part in page.text


def test_expired_and_lasting_credentials_say_so(client, cast):
    expired = client.get(add(client, cast, issueDate="2020-01-31", expiryDate="2021-02-28")).text
    assert '<strong>Expired</strong> on <time datetime="2021-02-28">28 February 2021</time>' in expired
    lasting = client.get(add(client, cast, expiryDate="2999-12-31")).text
    assert '<strong>Valid</strong> until <time datetime="2999-12-31">31 December 2999</time>' in lasting


def test_names_are_text_wherever_they_stand(client, cast):
    evil = """"><script>alert(1)</script><img src=x onerror='alert(2)'>{{ 7 * 7 }}"""
    address = add(client, cast, evil, evil)
    for path in (address, f"{address}/verification"):
        text = client.get(path).text
        assert "<script>alert" not in text
        assert "<img src=x" not in text
        assert "{{ 7 * 7 }}" in text


@pytest.mark.parametrize("path", ["", "/verification", "/embed", "/audience"])
def test_draft_deleted_and_unknown_are_the_same_404(client, cast, path):
    known = headers(cast.ada)
    draft = client.get(f"/v1/credentials/{cast.draft_id}", headers=known).json()["publicId"]
    gone = add(client, cast)
    made = client.get("/v1/credentials", headers=known).json()["data"][0]
    assert client.get(gone).status_code == 200
    assert client.delete(f"/v1/credentials/{made['id']}", headers=known).status_code == 204
    addresses = [
        f"/credentials/{draft}{path}",
        f"{gone}{path}",
        f"/credentials/00000000-0000-4000-8000-000000000000{path}",
        f"/credentials/{cast.credential_id}{path}",
        f"/credentials/%00{path}",
        f"/credentials/{'x' * 3_000}{path}",
    ]
    answers = [client.get(one) for one in addresses]
    assert {answer.status_code for answer in answers} == {404}
    assert len({answer.text for answer in answers}) == 1
    assert len({tuple(sorted(_settled(answer).items())) for answer in answers}) == 1


def _settled(answer):
    return {name: value for name, value in answer.headers.items() if name != "x-request-id"}


def test_reading_counts_nothing(client, cast, address):
    for method in ("GET", "HEAD"):
        for path in ("", "/verification"):
            answer = client.request(method, f"{address}{path}?recipient=true")
            assert answer.status_code == 200
            assert "set-cookie" not in answer.headers
    assert listed(client, cast) == []


@ON_ONE
@pytest.mark.parametrize("path", ["/", "/docs", "/nothing", "/verify", "{address}", "{address}/verification"])
def test_every_page_has_the_headers_that_keep_it_safe(client, address, path):
    answer = client.get(path.format(address=address))
    assert all(name in answer.headers for name in SAFE)
    policy = answer.headers["content-security-policy"]
    assert "default-src 'none'; script-src 'self'; style-src 'self';" in policy
    assert "unsafe" not in policy
    assert "frame-ancestors 'none'" in policy
    assert answer.headers["cache-control"] == "no-store"
    text = re.sub(r"<textarea.*?</textarea>", "", answer.text, flags=re.DOTALL)  # code to copy is text
    assert not re.search(r"<script(?![^>]* src=)|<style|\sstyle=|\son\w+=", text)


def test_each_page_has_a_token_of_its_own(client, address):
    tokens = {re.search(r'data-token="([^"]+)"', client.get(address).text)[1] for _ in range(5)}
    assert len(tokens) == 5


def test_the_verification_says_what_was_checked_and_what_was_not(client, address):
    whole = client.get(f"{address}/verification").text
    part = client.get(f"{address}/verification", headers={"x-requested-with": "credtrail"}).text
    assert whole.startswith("<!doctype html>")
    assert "<html" not in part
    for text in (whole, part):
        assert 'Issued by <bdi dir="auto">Open Meadow Academy</bdi> on this server' in text
        assert 'Issued to <bdi dir="auto">Robin Ñandú</bdi> for <bdi dir="auto">Botany</bdi>' in text
        assert "It has no expiry date." in text
        assert "nothing in it has changed since the issuer’s key signed it." in text
        assert "Signed by the very key that the issuer is called by" in text
        assert "In the issuer’s signed list it is not revoked." in text
        assert "Who stands behind the issuer’s name was not checked." in text
        assert re.search(r'Checked on <time datetime="\d{4}-\d\d-\d\dT\d\d:\d\d:\d\dZ">', text)


def test_the_verification_of_an_expired_credential_says_so(client, cast):
    text = client.get(
        add(client, cast, issueDate="2020-01-31", expiryDate="2021-02-28") + "/verification"
    ).text
    assert "On record, but expired" in text
    assert 'Expired: its last day was <time datetime="2021-02-28">28 February 2021</time>' in text


def test_the_front_page_leads_to_the_reference_and_the_dashboard(client):
    page = client.get("/").text
    assert 'href="/docs"' in page
    dashboard = re.search(r'href="(\S+/dashboard)"', page)[1]
    assert dashboard.startswith("http"), "it isn't served under workspaces' own domains"
    assert "Am Dashboard anmelden" in client.get("/?lang=de").text
    assert client.get("/v1/openapi.json").json()["openapi"].startswith("3.1")


def test_robots_may_read_credential_pages_to_preview_them(client):
    assert client.get("/robots.txt").text == "User-agent: *\nDisallow: /v1/\n"


def test_static_files_are_served_under_their_digest_alone(client, address):
    text = client.get(address).text + client.get("/docs").text
    for path in set(re.findall(r"/static/[^\"#]+", text)):
        answer = client.get(path)
        assert answer.status_code == 200
        assert "immutable" in answer.headers["cache-control"]
        assert client.get(re.sub(r"/static/\w+", "/static/0123456789abcdef", path)).status_code == 404
    for path in ("app.py", "pages/../settings.py", "pages/credential.html", "pages", "%00.js", "nothing.js"):
        assert client.get(f"/static/0123456789abcdef/{path}").status_code == 404


def revoke(client, cast, reason="Issued by mistake."):
    """Take Robin's credential back."""
    path = f"/v1/credentials/{cast.credential_id}/revoke"
    assert client.post(path, json={"reason": reason}, headers=headers(cast.ada)).status_code == 200


def test_a_revoked_credential_is_not_said_to_be_valid_until_its_expiry(client, cast, address):
    path = f"/v1/credentials/{cast.credential_id}"
    changed = client.patch(path, json={"expiryDate": "2999-12-31"}, headers=headers(cast.ada))
    assert changed.status_code == 200
    assert "<dt>Valid until</dt>" in client.get(address).text
    revoke(client, cast, "Issued by mistake.")
    text = client.get(address).text
    assert "<dt>Expiry</dt>" in text
    assert "Valid until" not in text


def test_a_revoked_credential_shows_its_reason_and_nothing_to_hand_on(client, cast, address):
    revoke(client, cast, "Issued by <mistake>.")
    text = client.get(address).text
    assert "<strong>Revoked</strong> on <time" in text
    assert "Issued by &lt;mistake&gt;." in text
    for gone in ("/documents/", "credential_downloaded", "credential_shared", "LinkedIn", "og:image"):
        assert gone not in text
    assert '<meta property="og:title" content="A credential that was revoked">' in text
    assert "Robin" not in re.search(r"<meta name=.description.*", text)[0]
    verification = client.get(f"{address}/verification").text
    assert "On record, but revoked" in verification
    assert "Revoked by its issuer on" in verification


def test_description_skills_and_evidence_are_shown(client, cast):
    known = headers(cast.ada)
    body = {
        "name": "Botany",
        "designIds": [cast.design_id],
        "description": "Thirty <hours>\nof field work",
        "skills": ["Herbarium & more"],
        "learningEventUrl": "https://learning.example/botany",
    }
    group_id = client.post("/v1/groups", json=body, headers=known).json()["id"]
    body = {
        "groupId": group_id,
        "recipient": {"name": "Robin"},
        "evidence": [{"name": "Field notebook", "url": "https://learning.example/notebook?a=1&b=2"}],
    }
    made = client.post("/v1/credentials", json=body, headers=known).json()
    client.post(f"/v1/credentials/{made['id']}/issue", headers=known)
    text = client.get(f"/credentials/{made['publicId']}").text
    for part in (
        "Thirty &lt;hours&gt;\nof field work",
        "Herbarium &amp; more",
        'href="https://learning.example/notebook?a=1&amp;b=2"',
        'href="https://learning.example/botany"',
    ):
        assert part in text


def test_oembed_tells_how_to_embed(client, cast, address):
    page = client.get(address).text
    path = re.search(r'type="application/json\+oembed" href="http://testserver([^"]+)"', page)[1]
    found = client.get(path).json()
    assert found["version"] == "1.0"
    assert found["type"] == "rich"
    assert found["title"] == "Botany"
    assert found["provider_name"] == "Open Meadow Academy"
    assert f'src="http://testserver{address}/embed"' in found["html"]
    assert (found["width"], found["height"]) == (640, 520)
    assert found["thumbnail_url"].startswith(f"http://testserver{address}/documents/")
    smaller = client.get(f"{path}&maxwidth=300&maxheight=9999&format=json").json()
    assert (smaller["width"], smaller["height"]) == (300, 520)
    assert 'width="300"' in smaller["html"]


@ON_ONE
@pytest.mark.parametrize(
    ("query", "status"),
    [
        ("", 404),
        ("url=https://elsewhere.example/credentials/x", 404),
        ("url=http://testserver/credentials/unknown", 404),
        ("url=http://testserver/credentials/%00", 404),
        ("url=http://testserver/credentials/x&format=xml", 501),
    ],
)
def test_oembed_refuses_what_it_cannot_embed(client, query, status):
    assert client.get(f"/oembed?{query}").status_code == status


def test_only_the_embed_page_may_be_framed(client, address):
    embed = client.get(f"{address}/embed")
    assert "frame-ancestors *" in embed.headers["content-security-policy"]
    assert "<script" not in embed.text


def test_the_recipient_can_ask_how_often_others_looked(client, cast, address):
    token = re.search(r'data-token="([^"]+)"', client.get(address).text)[1]
    asked = {"credtrail-page-token": token}
    assert client.get(f"{address}/audience").status_code == 404
    assert client.get(f"{address}/audience", headers=asked).text.strip() == "Not seen by others yet"
    for day, who in (("2024-03-14", "guest"), ("2024-03-15", "recipient"), ("2024-03-13", "guest")):
        body = {
            "credentialId": cast.credential_id,
            "eventType": "credential_viewed",
            "triggeredBy": who,
            "triggeredAt": f"{day}T12:00:00Z",
        }
        posted = client.post("/v1/credential-interactions", json=body, headers=headers(cast.ada))
        assert posted.status_code == 201
    found = client.get(f"{address}/audience", headers=asked).text.strip()
    assert found == "Seen 2 times by others, last on 14 March 2024"
    german = client.get(f"{address}/audience?lang=de", headers=asked).text
    assert "14. März 2024" in german


def test_the_qr_code_is_a_picture_of_the_address(client, address):
    answer = client.get(f"{address}/qr.svg")
    assert answer.headers["content-type"] == "image/svg+xml"
    assert answer.text.startswith("<?xml") or answer.text.startswith("<svg")
    assert client.get(f"/credentials/{'x' * 65}/qr.svg").status_code == 404


def test_the_issuers_colour_is_a_style_sheet_of_its_own(client, address):
    path = re.search(r'href="(/issuers/colors/[^"]+)"', client.get(address).text)[1]
    answer = client.get(path)
    assert answer.headers["content-type"].startswith("text/css")
    assert "--accent:#14594b" in answer.text
    assert client.get("/issuers/colors/red;}.css").status_code == 404


def test_pages_are_not_indexed_unless_the_issuer_wants_it(client, cast, settings, address):
    noindex = '<meta name="robots" content="noindex">'
    assert noindex in client.get(address).text
    profile = IssuerProfile(
        indexed=True, website_url="https://meadow.example/", contact_email="a@meadow.example"
    )
    in_transaction(settings, lambda transaction: save_profile(transaction, cast.workspace_id, profile))
    text = client.get(address).text
    assert noindex not in text
    assert (
        '<a href="https://meadow.example/" rel="noopener"><bdi dir="auto">Open Meadow Academy</bdi></a>'
        in text
    )
    assert 'href="mailto:a@meadow.example?subject=' in text
    revoke(client, cast)
    assert noindex in client.get(address).text


def test_the_tracker_is_small(client, address):
    path = re.search(r'src="(/static/[^"]+/tracker.js)"', client.get(address).text)[1]
    script = client.get(path)
    assert len(script.content) < 5_000
    assert "// " not in script.text


def test_whoever_mistypes_an_address_of_the_dashboard_is_led_back_there(client):
    page = client.get("/dashboard/nothing")
    assert page.status_code == 404
    assert '<a href="http://testserver/dashboard">' in page.text
    assert "36 letters" not in page.text
    assert "36 letters" in client.get("/nothing").text
