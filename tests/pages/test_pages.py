"""What the public pages show, to whom, and that showing them counts nothing."""

import re

import pytest

from conftest import headers

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


def test_the_linkedin_link_carries_the_bare_address_and_nothing_else(client, address):
    link = re.search(r'<a [^>]*href="(https://www\.linkedin[^"]*)"[^>]*>', client.get(address).text)
    encoded = f"http://testserver{address}".replace(":", "%3A").replace("/", "%2F")
    assert link[1] == f"https://www.linkedin.com/sharing/share-offsite/?url={encoded}"
    assert 'target="_blank" rel="noopener"' in link[0]


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


@pytest.mark.parametrize("path", ["", "/verification"])
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


@pytest.mark.parametrize("path", ["/", "/docs", "/nothing", "{address}", "{address}/verification"])
def test_every_page_has_the_headers_that_keep_it_safe(client, address, path):
    answer = client.get(path.format(address=address))
    assert all(name in answer.headers for name in SAFE)
    policy = answer.headers["content-security-policy"]
    assert "default-src 'none'; script-src 'self'; style-src 'self';" in policy
    assert "unsafe" not in policy
    assert "frame-ancestors 'none'" in policy
    assert answer.headers["cache-control"] == "no-store"
    assert not re.search(r"<script(?![^>]* src=)|<style|\sstyle=|\son\w+=", answer.text)


def test_each_page_has_a_token_of_its_own(client, address):
    tokens = {re.search(r'data-token="([^"]+)"', client.get(address).text)[1] for _ in range(5)}
    assert len(tokens) == 5


def test_the_verification_says_what_was_checked_and_what_was_not(client, address):
    whole = client.get(f"{address}/verification").text
    part = client.get(f"{address}/verification", headers={"x-requested-with": "credtrail"}).text
    assert whole.startswith("<!doctype html>")
    assert "<html" not in part
    for text in (whole, part):
        assert 'Issued by <strong><bdi dir="auto">Open Meadow Academy</bdi></strong> on this server' in text
        assert 'Issued to <strong><bdi dir="auto">Robin Ñandú</bdi></strong>' in text
        assert "It has no expiry date." in text
        assert "There is no cryptographic proof yet" in text
        assert re.search(r'Checked on <time datetime="\d{4}-\d\d-\d\dT\d\d:\d\d:\d\dZ">', text)


def test_the_verification_of_an_expired_credential_says_so(client, cast):
    text = client.get(
        add(client, cast, issueDate="2020-01-31", expiryDate="2021-02-28") + "/verification"
    ).text
    assert "On record, but expired" in text
    assert 'Expired: its last day was <time datetime="2021-02-28">28 February 2021</time>' in text


def test_the_front_page_leads_to_the_reference(client):
    assert 'href="/docs"' in client.get("/").text
    assert client.get("/v1/openapi.json").json()["openapi"].startswith("3.1")


def test_robots_may_read_credential_pages_to_preview_them(client):
    assert client.get("/robots.txt").text == "User-agent: *\nDisallow: /v1/\n"


def test_static_files_are_served_under_their_digest_alone(client, address):
    text = client.get(address).text + client.get("/docs").text
    for path in set(re.findall(r"/static/[^\"]+", text)):
        answer = client.get(path)
        assert answer.status_code == 200
        assert "immutable" in answer.headers["cache-control"]
        assert client.get(re.sub(r"/static/\w+", "/static/0123456789abcdef", path)).status_code == 404
    for path in ("app.py", "pages/../settings.py", "pages/credential.html", "pages", "%00.js", "nothing.js"):
        assert client.get(f"/static/0123456789abcdef/{path}").status_code == 404
