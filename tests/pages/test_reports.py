"""What a page may report: recorded, set aside with its reason, or refused."""

import re
from urllib.parse import urlsplit

import httpx2 as httpx
import pytest
from sqlalchemy import select, update
from starlette.testclient import TestClient

from chromium import PERSON
from conftest import ON_ONE, SECRET_KEY, Server, headers, in_transaction
from credtrail.app import build
from credtrail.credentials.links import RecipientLinks
from credtrail.credentials.store import credentials
from credtrail.database import metadata
from credtrail.interactions.counts import WHOLE, page_action_counts, set_aside_counts
from credtrail.interactions.log_sql import interactions
from credtrail.interactions.model import PAGE_ACTIONS, REASONS
from credtrail.interactions.visits import OTHERS_PER_VISIT, ROWS_PER_HOUR, set_aside_interactions
from credtrail.pages.reports import CLOCKS_DIFFER_MS, SCANNING_MS, SEEN_MS, SOONEST_MS
from credtrail.pages.token import LIFETIME_SECONDS, PageTokens
from credtrail.values import now
from documents import ROOT

HONEST = {
    "origin": "http://testserver",
    "sec-fetch-site": "same-origin",
    "user-agent": PERSON,
    "content-type": "application/json",
}
TOKENS = PageTokens(SECRET_KEY)
A_MINUTE = 60_000


@pytest.fixture
def page(client, cast):
    """A page of Robin's credential, opened a while ago: reports what it is told to."""
    return Page(client, cast, cast.public_id)


class Page:
    """A page as its tracker speaks for it."""

    def __init__(self, client, cast, public_id, age_ms=5_000):
        self.client, self.cast, self.public_id = client, cast, public_id
        self.token = TOKENS.make(public_id, now() - age_ms)

    def report(self, event_type="credential_viewed", by="guest", headers=None, **more):
        """Post one report; with `headers` None, a person's."""
        body = {
            "token": self.token,
            "eventType": event_type,
            "triggeredBy": by,
            "automated": False,
            "visibleMs": 1_000,
            "input": True,
            "link": None,
            **more,
        }
        sent = HONEST if headers is None else headers
        return self.client.post(f"/credentials/{self.public_id}/interactions", json=body, headers=sent)

    def listed(self):
        """What the API lists, oldest first."""
        answer = self.client.get("/v1/credential-interactions?limit=100", headers=headers(self.cast.ada))
        return [(one["eventType"], one["triggeredBy"]) for one in reversed(answer.json()["data"])]


def rows_of(house, table):
    """All rows of a table, each as a dictionary."""
    return in_transaction(
        house.settings,
        lambda transaction: [dict(row._mapping) for row in transaction.connection.execute(select(table))],
    )


def counts_of(house, table):
    """The groups' sums; beside each, the whole workspace has the same."""
    rows = rows_of(house, table)
    groups, whole = (
        [row for row in rows if (row["group_id"] == WHOLE) is is_whole] for is_whole in (False, True)
    )
    assert sum(row["count"] for row in groups) == sum(row["count"] for row in whole)
    return groups


def mail(house, cast, ago_ms):
    """Let the credential have been sent to Robin so long ago."""
    sent = update(credentials).where(credentials.c.id == cast.credential_id).values(sent_at=now() - ago_ms)
    in_transaction(house.settings, lambda transaction: transaction.connection.execute(sent).rowcount)


def aside_reason(answer):
    """The reason for which a report was set aside, or None."""
    assert answer.status_code == 204
    assert answer.content == b""
    return answer.headers.get("credtrail-set-aside")


def test_a_persons_reports_are_recorded(page):
    assert aside_reason(page.report("credential_viewed", "recipient")) is None
    assert aside_reason(page.report("credential_verified", "guest")) is None
    assert page.listed() == [("credential_viewed", "recipient"), ("credential_verified", "guest")]


def test_the_token_that_the_page_hands_out_is_good_after_its_second(page, client, cast):
    shown = client.get(f"/credentials/{cast.public_id}").text
    page.token = re.search(r'data-token="([^"]+)"', shown)[1]
    assert (
        aside_reason(page.report()) == "impossible_timing"
    )  # and not invalid_token: only the second is missing


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


@ON_ONE
@pytest.mark.parametrize(
    "forge",
    [
        lambda token: "",
        lambda token: "x",
        lambda token: "é" * 56,
        lambda token: token[:-2],
        lambda token: token + "AAAA",
        lambda token: ("B" if token[0] == "A" else "A") + token[1:],
        lambda token: token[:24] + ("B" if token[24] == "A" else "A") + token[25:],
        lambda token: token[:40] + ("B" if token[40] == "A" else "A") + token[41:],
        lambda token: PageTokens("another secret key, just as long as ours").make("", now() - 5_000),
    ],
)
def test_a_forged_token_is_set_aside(page, forge):
    assert aside_reason(page.report(token=forge(page.token))) == "invalid_token"
    assert page.listed() == []


def test_a_token_is_good_for_its_own_credential_only(page):
    of_another = TOKENS.make("00000000-0000-4000-8000-000000000000", now() - 5_000)
    assert aside_reason(page.report(token=of_another)) == "foreign_token"
    assert aside_reason(page.report()) is None


def test_a_token_ends(page):
    old = LIFETIME_SECONDS * 1_000
    nearly = TOKENS.make(page.public_id, now() - old + A_MINUTE)
    over = TOKENS.make(page.public_id, now() - old - 1)
    assert aside_reason(page.report(token=nearly)) is None
    assert aside_reason(page.report(token=over)) == "expired_token"


def test_a_view_takes_a_second_and_a_click_a_moment(page):
    def at_age(age_ms):
        page.token = TOKENS.make(page.public_id, now() - age_ms)
        return page

    soonest_view = SEEN_MS - CLOCKS_DIFFER_MS
    assert aside_reason(at_age(soonest_view - 200).report()) == "impossible_timing"
    assert aside_reason(at_age(soonest_view).report()) is None
    assert aside_reason(at_age(SOONEST_MS).report("credential_verified")) is None
    assert aside_reason(at_age(SOONEST_MS - 200).report("credential_verified")) == "impossible_timing"
    assert aside_reason(at_age(-A_MINUTE).report("credential_verified")) == "impossible_timing"


@pytest.mark.parametrize("visible", [{"visibleMs": 0}, {"visibleMs": 999}, None])
def test_a_view_that_nobody_saw_is_none(page, visible):
    unseen = {
        "token": page.token,
        "eventType": "credential_viewed",
        "triggeredBy": "guest",
        **(visible or {}),
    }
    answer = page.client.post(f"/credentials/{page.public_id}/interactions", json=unseen, headers=HONEST)
    assert aside_reason(answer) == "not_visible"
    assert aside_reason(page.report("credential_link_copied", visibleMs=0)) is None
    assert aside_reason(page.report(visibleMs=1_000)) is None


def test_what_an_older_tracker_leaves_out_is_taken_for_the_worst(page):
    old = {"token": page.token, "eventType": "credential_verified", "triggeredBy": "recipient"}
    answer = page.client.post(f"/credentials/{page.public_id}/interactions", json=old, headers=HONEST)
    assert aside_reason(answer) is None
    assert page.listed() == [("credential_verified", "recipient")]


def test_a_scanner_of_mails_makes_no_recipients_view_and_a_person_does(page, house, cast):
    """A scanner opens the mailed link, runs the page's script, looks for seconds, even clicks; it has no hands."""
    mail(house, cast, ago_ms=20_000)
    link = RecipientLinks(SECRET_KEY).make(cast.public_id)
    for _ in range(3):
        scanner = Page(page.client, cast, cast.public_id)
        for event_type in ("credential_viewed", "credential_verified", "credential_shared_to_linkedin"):
            answer = scanner.report(event_type, "recipient", input=False, link=link, visibleMs=30_000)
            assert aside_reason(answer) == "unconfirmed"
    assert page.listed() == []

    assert aside_reason(page.report(by="recipient", input=False, link=link)) == "unconfirmed"
    assert aside_reason(page.report(by="recipient", input=True, link=link, visibleMs=9_000)) is None
    assert aside_reason(page.report(by="recipient", input=True, link=link, visibleMs=9_000)) == "repeat"
    assert page.listed() == [("credential_viewed", "recipient")]
    [row] = rows_of(house, interactions)
    assert row["certainty"] == "link"


def test_hands_are_asked_for_only_soon_after_the_mail(page, house, cast):
    mail(house, cast, ago_ms=SCANNING_MS - 5_000)
    assert aside_reason(page.report(by="recipient", input=False)) == "unconfirmed"
    mail(house, cast, ago_ms=SCANNING_MS)
    assert aside_reason(page.report(by="recipient", input=False)) is None


@pytest.mark.parametrize(
    ("by", "link", "certainty"),
    [
        ("guest", None, "page"),
        ("recipient", None, "claimed"),
        ("recipient", "", "claimed"),
        ("recipient", "x" * 24, "claimed"),
        ("recipient", "é" * 24, "claimed"),
        ("recipient", RecipientLinks(SECRET_KEY).make("of another"), "claimed"),
        (
            "recipient",
            RecipientLinks("another secret key, just as long as ours").make("{public_id}"),
            "claimed",
        ),
        ("recipient", "good", "link"),
        ("guest", "good", "page"),
    ],
)
def test_how_sure_we_are_is_kept_beside_the_actor_and_not_told(page, house, by, link, certainty):
    if link == "good":
        link = RecipientLinks(SECRET_KEY).make(page.public_id)
    assert aside_reason(page.report(by=by, link=link)) is None
    [row] = rows_of(house, interactions)
    assert (row["triggered_by"], row["certainty"]) == (by, certainty)
    told = page.client.get("/v1/credential-interactions", headers=headers(page.cast.ada)).json()["data"][0]
    assert list(told) == ["id", "credentialId", "eventType", "triggeredBy", "triggeredAt"]


def test_a_recipients_link_is_short_and_fits_an_address():
    links = RecipientLinks(SECRET_KEY)
    token = links.make("00000000-0000-4000-8000-000000000000")
    assert re.fullmatch(r"[\w-]{1,32}", token, re.ASCII)
    assert links.check(token, "00000000-0000-4000-8000-000000000000")
    assert not links.check(token, "00000000-0000-4000-8000-000000000001")
    assert token != TOKENS.make("00000000-0000-4000-8000-000000000000", now())[: len(token)]


def test_what_the_wire_has_no_name_for_is_counted_and_nothing_else(page, house, cast):
    for action in sorted(PAGE_ACTIONS):
        assert aside_reason(page.report(action, "recipient")) is None
    assert aside_reason(page.report("printed")) is None
    assert aside_reason(page.report("printed")) is None
    assert page.listed() == []
    assert rows_of(house, interactions) == []
    counted = counts_of(house, page_action_counts)
    assert {row["workspace_id"] for row in counted} == {cast.workspace_id}
    assert {row["group_id"] for row in counted} == {cast.group_id}
    numbers = {(row["action"], row["triggered_by"]): row["count"] for row in counted}
    assert numbers == {**{(action, "recipient"): 1 for action in PAGE_ACTIONS}, ("printed", "guest"): 2}


def test_a_pages_own_actions_use_up_the_visit_like_the_others(page, house):
    for number in range(OTHERS_PER_VISIT):
        action = "credential_verified" if number % 2 else "qr_code_shown"
        assert aside_reason(page.report(action)) is None
    assert aside_reason(page.report("printed")) == "too_many"
    [row] = rows_of(house, set_aside_interactions)
    assert (row["event_type"], row["reason"]) == ("printed", "too_many")
    assert sum(one["count"] for one in counts_of(house, page_action_counts)) == OTHERS_PER_VISIT // 2


def test_the_api_takes_no_page_action(ada, cast):
    body = {
        "credentialId": cast.credential_id,
        "eventType": "printed",
        "triggeredBy": "guest",
        "triggeredAt": "2024-03-12T17:33:05.784Z",
    }
    assert ada.post("/v1/credential-interactions", json=body).status_code == 400
    assert ada.get("/v1/credential-interactions?eventType=printed").status_code == 400


def test_a_network_has_its_share_and_no_more(settings, cast):
    house = build(settings.model_copy(update={"page_limit_per_network": 3}))
    assert reasons_from(house, cast, "203.0.113.7", "203.0.113.200", "203.0.113.7", "203.0.113.9") == [
        None,
        None,
        None,
        "rate_limited",
    ]
    assert reasons_from(build(house.settings), cast, "198.51.100.1") == [None]
    kept = [row["reason"] for row in rows_of(house, set_aside_interactions)]
    assert kept == ["rate_limited"]


def test_a_credential_has_its_share_from_all_networks_together(settings, cast):
    house = build(settings.model_copy(update={"page_limit_per_credential": 3}))
    from_everywhere = [f"203.0.{number}.1" for number in range(5)]
    assert reasons_from(house, cast, *from_everywhere) == [None] * 3 + ["rate_limited"] * 2


def reasons_from(house, cast, *addresses):
    """One view from each address, each of its own visit; what each was set aside for."""
    found = []
    with TestClient(house.application) as client:
        for address in addresses:
            visitor = TestClient(client.app, client=(address, 50_000))
            visitor.portal = client.portal
            found.append(aside_reason(Page(visitor, cast, cast.public_id).report()))
    return found


def test_behind_a_named_proxy_visitors_are_told_apart(settings, cast):
    server = Server(
        settings, CREDTRAIL_PROXY_ADDRESSES="127.0.0.1", CREDTRAIL_PAGE_LIMIT_PER_NETWORK="1"
    ).start()
    try:
        with httpx.Client(base_url=server.url, trust_env=False) as client:

            def report_from(address):
                sent = {**HONEST, "origin": server.url, "x-forwarded-for": address}
                return aside_reason(Page(client, cast, cast.public_id).report(headers=sent))

            assert report_from("203.0.113.7") is None
            assert report_from("203.0.113.8") == "rate_limited"
            assert report_from("198.51.100.1") is None
            assert (
                report_from("203.0.113.7, 198.51.100.2") == "rate_limited"
            )  # the visitor's own word is none
    finally:
        log = server.stop()
    assert "203.0.113" not in log
    assert "198.51.100" not in log


def test_a_flood_is_counted_and_does_not_fill_the_table(page, house, cast):
    for number in range(ROWS_PER_HOUR + 20):
        assert aside_reason(page.report(token=f"made up {number}")) == "invalid_token"
    assert len(rows_of(house, set_aside_interactions)) == ROWS_PER_HOUR
    [counted] = counts_of(house, set_aside_counts)
    assert counted["count"] == ROWS_PER_HOUR + 20
    assert (counted["workspace_id"], counted["group_id"]) == (cast.workspace_id, cast.group_id)
    assert (counted["reason"], counted["event_type"]) == ("invalid_token", "credential_viewed")


def test_counts_of_what_was_set_aside_outlive_the_credential(page, house, client, cast):
    page.report(automated=True)
    page.report("printed", automated=True)
    assert (
        client.delete(f"/v1/credentials/{cast.credential_id}", headers=headers(cast.ada)).status_code == 204
    )
    assert rows_of(house, set_aside_interactions) == []
    assert sorted(row["event_type"] for row in counts_of(house, set_aside_counts)) == [
        "credential_viewed",
        "printed",
    ]


def test_every_reason_is_in_the_documents():
    for name in ("tracking.md", "metrics.md"):
        text = (ROOT / "docs" / name).read_text()
        for reason in REASONS:
            assert f"| `{reason}` |" in text, f"{reason} is not in docs/{name}"


@ON_ONE
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

    [row] = rows_of(house, set_aside_interactions)
    assert row["credential_id"] == page.cast.credential_id
    assert (row["event_type"], row["triggered_by"]) == ("credential_verified", "guest")
    assert row["reason"] == "automation"


@ON_ONE
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
        (b'{"token": "", "eventType": "printed", "triggeredBy": "guest", "visibleMs": -1}', "validation_error", "visibleMs"),
        (b'{"token": "", "eventType": "printed", "triggeredBy": "guest", "visibleMs": 1.5}', "validation_error", "visibleMs"),
        (b'{"token": "", "eventType": "printed", "triggeredBy": "guest", "input": "yes"}', "validation_error", "input"),
        (b'{"token": "", "eventType": "printed", "triggeredBy": "guest", "link": 7}', "validation_error", "link"),
        (b'{"token": "", "eventType": "printed", "triggeredBy": "guest", "link": "\\ud800"}', "invalid_json", None),
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
    link = RecipientLinks(SECRET_KEY).make(page.public_id)
    assert aside_reason(page.report(headers=telling, by="recipient", link=link)) is None
    assert aside_reason(page.report(headers=telling)) == "repeat"
    assert aside_reason(page.report(automated=True, headers=telling)) == "automation"
    host = urlsplit(str(page.client.base_url)).netloc
    everything = dump(house)
    assert page.cast.credential_id in everything
    for trace in (link, "203.0.113.77", "127.0.0.1", "testclient", "elltale", "Mozilla", host):
        assert trace not in everything


def dump(house):
    """Every value of every table, as one text."""

    def read(transaction):
        return repr([transaction.connection.execute(select(table)).all() for table in metadata.sorted_tables])

    return in_transaction(house.settings, read)
