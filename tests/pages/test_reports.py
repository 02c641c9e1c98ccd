"""What a page may report: recorded, set aside with its reason, or refused."""

import re
from urllib.parse import urlsplit

import pytest
from sqlalchemy import select

from chromium import PERSON
from conftest import headers, in_transaction
from credtrail.database import metadata
from credtrail.interactions.visits import OTHERS_PER_VISIT, set_aside_interactions
from credtrail.pages.token import LIFETIME_SECONDS, PageTokens
from credtrail.values import now

HONEST = {
    "origin": "http://testserver",
    "sec-fetch-site": "same-origin",
    "user-agent": PERSON,
    "content-type": "application/json",
}


@pytest.fixture
def page(client, cast):
    """An open page of Robin's credential: reports what it is told to."""
    return Page(client, cast, cast.public_id)


class Page:
    """A page as its tracker speaks for it."""

    def __init__(self, client, cast, public_id):
        self.client, self.cast, self.public_id = client, cast, public_id
        shown = client.get(f"/credentials/{public_id}").text
        self.token = re.search(r'data-token="([^"]+)"', shown)[1]

    def report(self, event_type="credential_viewed", by="guest", headers=None, **more):
        """Post one report; with `headers` None, a person's."""
        body = {"token": self.token, "eventType": event_type, "triggeredBy": by, "automated": False, **more}
        sent = HONEST if headers is None else headers
        return self.client.post(f"/credentials/{self.public_id}/interactions", json=body, headers=sent)

    def listed(self):
        """What the API lists, oldest first."""
        answer = self.client.get("/v1/credential-interactions?limit=100", headers=headers(self.cast.ada))
        return [(one["eventType"], one["triggeredBy"]) for one in reversed(answer.json()["data"])]


def aside_reason(answer):
    """The reason for which a report was set aside, or None."""
    assert answer.status_code == 204
    assert answer.content == b""
    return answer.headers.get("credtrail-set-aside")


def test_a_persons_reports_are_recorded(page):
    assert aside_reason(page.report("credential_viewed", "recipient")) is None
    assert aside_reason(page.report("credential_verified", "guest")) is None
    assert page.listed() == [("credential_viewed", "recipient"), ("credential_verified", "guest")]


def test_a_visit_is_one_view(page):
    assert aside_reason(page.report()) is None
    assert aside_reason(page.report()) == "repeat"
    assert aside_reason(page.report(by="recipient")) == "repeat"
    assert page.listed() == [("credential_viewed", "guest")]


def test_a_visit_is_a_bounded_number_of_other_things(page):
    for _ in range(OTHERS_PER_VISIT):
        assert aside_reason(page.report("credential_link_copied")) is None
    assert aside_reason(page.report("credential_link_copied")) == "too_many"
    assert aside_reason(page.report("credential_verified")) == "too_many"
    assert aside_reason(page.report()) is None
    assert len(page.listed()) == OTHERS_PER_VISIT + 1


@pytest.mark.parametrize(
    "forge",
    [
        lambda token: "",
        lambda token: "x",
        lambda token: "é" * 46,
        lambda token: token[:-2],
        lambda token: token + "AAAA",
        lambda token: ("B" if token[0] == "A" else "A") + token[1:],
        lambda token: token[:24] + ("B" if token[24] == "A" else "A") + token[25:],
        lambda token: PageTokens("another secret key, just as long as ours").make("", now()),
    ],
)
def test_a_forged_token_is_set_aside(page, forge):
    assert aside_reason(page.report(token=forge(page.token))) == "invalid_token"
    assert page.listed() == []


def test_a_token_is_good_for_its_own_credential_only(page, house):
    foreign = PageTokens(house.settings.secret_key).make("00000000-0000-4000-8000-000000000000", now())
    assert aside_reason(page.report(token=foreign)) == "invalid_token"


def test_a_token_ends(page, house):
    tokens, old = PageTokens(house.settings.secret_key), LIFETIME_SECONDS * 1_000
    nearly = tokens.make(page.public_id, now() - old + 60_000)
    over = tokens.make(page.public_id, now() - old - 1)
    assert aside_reason(page.report(token=nearly)) is None
    assert aside_reason(page.report(token=over)) == "expired_token"


@pytest.mark.parametrize(
    "changed",
    [
        {"origin": "https://elsewhere.example"},
        {"origin": "http://testserver.elsewhere.example"},
        {"origin": "http://testserver:8080"},
        {"origin": "null"},
        {"origin": ""},
        {"sec-fetch-site": "cross-site"},
        {"sec-fetch-site": "same-site"},
        {"sec-fetch-site": "none"},
    ],
)
def test_a_report_from_another_site_is_set_aside(page, changed):
    assert aside_reason(page.report(headers={**HONEST, **changed})) == "wrong_origin"
    assert page.listed() == []


def test_a_browser_that_does_not_tell_the_site_is_believed_by_its_origin(page):
    older = {name: value for name, value in HONEST.items() if name != "sec-fetch-site"}
    assert aside_reason(page.report(headers=older)) is None
    without = {name: value for name, value in older.items() if name != "origin"}
    assert aside_reason(page.report(headers=without)) == "wrong_origin"


@pytest.mark.parametrize(
    "said",
    [
        {"sec-purpose": "prefetch"},
        {"sec-purpose": "prefetch;prerender"},
        {"purpose": "prefetch"},
        {"x-moz": "prefetch"},
    ],
)
def test_what_was_fetched_ahead_is_set_aside(page, said):
    assert aside_reason(page.report(headers={**HONEST, **said})) == "prefetch"


def test_a_driven_browser_and_a_robot_are_set_aside(page):
    assert aside_reason(page.report(automated=True)) == "automation"
    googlebot = "Mozilla/5.0 (compatible; Googlebot/2.1; +http://www.google.com/bot.html)"
    assert aside_reason(page.report(headers={**HONEST, "user-agent": googlebot})) == "robot"
    assert page.listed() == []


def test_what_is_set_aside_takes_nothing_from_the_visit(page):
    assert aside_reason(page.report(automated=True)) == "automation"
    assert aside_reason(page.report()) is None


def test_what_is_set_aside_is_kept_with_its_reason(page, house):
    page.report("credential_verified", automated=True)

    def read(transaction):
        [row] = transaction.connection.execute(select(set_aside_interactions))
        return row._mapping

    row = in_transaction(house.settings, read)
    assert row["credential_id"] == page.cast.credential_id
    assert (row["event_type"], row["triggered_by"]) == ("credential_verified", "guest")
    assert row["reason"] == "automation"


@pytest.mark.parametrize(
    ("body", "code", "field"),
    [
        (b"", "invalid_json", None),
        (b"{", "invalid_json", None),
        (b"\xff", "invalid_json", None),
        (b"[]", "validation_error", "body"),
        (b"{}", "validation_error", "token"),
        (b'{"token": 1, "eventType": "credential_viewed", "triggeredBy": "guest"}', "validation_error", "token"),
        (b'{"token": "", "eventType": "opened", "triggeredBy": "guest"}', "validation_error", "eventType"),
        (b'{"token": "", "eventType": "credential_viewed", "triggeredBy": "me"}', "validation_error", "triggeredBy"),
    ],
)  # fmt: skip
def test_what_is_not_a_report_is_refused(client, cast, body, code, field):
    answer = client.post(f"/credentials/{cast.public_id}/interactions", content=body, headers=HONEST)
    assert answer.status_code == 400
    error = answer.json()["error"]
    assert error["code"] == code
    assert field is None or error["details"][0]["field"] == field


def test_a_report_that_is_too_long_is_refused(page):
    assert page.report(token="x" * 5_000).status_code == 413


def test_there_is_nothing_to_report_about_drafts_and_unknown_credentials(page, client, cast):
    draft = client.get(f"/v1/credentials/{cast.draft_id}", headers=headers(cast.ada)).json()["publicId"]
    answers = []
    for public_id in (draft, "00000000-0000-4000-8000-000000000000", "%00"):
        page.public_id = public_id
        answers.append(page.report())
    assert {answer.status_code for answer in answers} == {404}
    assert len({answer.text for answer in answers}) == 1


def test_only_a_post_is_a_report(client, cast):
    for method in ("GET", "HEAD", "PUT", "DELETE"):
        answer = client.request(method, f"/credentials/{cast.public_id}/interactions", headers=HONEST)
        assert answer.status_code == 405


def test_nothing_of_the_visitor_is_kept(page, house):
    """No address, no user agent, no referrer: not in any column of any table."""
    telling = {
        **HONEST,
        "user-agent": PERSON + " Telltale/1",
        "referer": "http://testserver/telltale",
        "x-forwarded-for": "203.0.113.77",
        "accept-language": "qya-telltale",
        "cookie": "telltale=1",
    }
    assert aside_reason(page.report(headers=telling)) is None
    assert aside_reason(page.report(headers=telling)) == "repeat"
    assert aside_reason(page.report(automated=True, headers=telling)) == "automation"
    host = urlsplit(str(page.client.base_url)).netloc
    everything = dump(house)
    assert page.cast.credential_id in everything
    for trace in ("203.0.113.77", "127.0.0.1", "testclient", "elltale", "Mozilla", host):
        assert trace not in everything


def dump(house):
    """Every value of every table, as one text."""

    def read(transaction):
        return repr([transaction.connection.execute(select(table)).all() for table in metadata.sorted_tables])

    return in_transaction(house.settings, read)
