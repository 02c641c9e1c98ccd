"""The pages of insights: they say what the API says, each number has its definition one click away, sheets are safe."""

import csv
import io
import re

import pytest

from conftest import headers, in_transaction
from credtrail.accounts.people_store import set_member
from credtrail.credentials.store import add_credential
from credtrail.dashboard.insight_words import Wanted, read_wanted, write_csv
from credtrail.groups.store import add_group
from credtrail.insights.definitions import DEFINITIONS
from dashboard.conftest import add_person, let_in

PAGES = ("", "/funnel", "/series", "/channels", "/best", "/set-aside")
MARCH = "from=2024-03-01&to=2024-03-31"


@pytest.fixture
def happened(house, settings, cast, browser):
    """What the pages show: told by the API, and something set aside by a page."""
    client = browser().client
    for event_type, by, at in (
        ("credential_viewed", "recipient", "2024-03-12T08:00:00Z"),
        ("credential_added_to_linkedin_profile", "recipient", "2024-03-12T09:00:00Z"),
        ("credential_viewed", "guest", "2024-03-13T08:00:00Z"),
        ("credential_viewed", "guest", "2024-03-14T08:00:00Z"),
        ("credential_verified", "guest", "2024-03-14T09:00:00Z"),
    ):
        item = {
            "credentialId": cast.credential_id,
            "eventType": event_type,
            "triggeredBy": by,
            "triggeredAt": at,
        }
        assert (
            client.post("/v1/credential-interactions", headers=headers(cast.ada), json=item).status_code
            == 201
        )
    report = {"token": "made up", "eventType": "credential_viewed", "triggeredBy": "guest"}
    client.post(f"/credentials/{cast.public_id}/interactions", json=report)
    return client


def test_the_pages_say_what_the_api_says(happened, ada_in, cast):
    def api(name):
        return happened.get(f"/v1/insights/{name}?{MARCH}", headers=headers(cast.ada)).json()

    here = f"{ada_in.home}/insights"
    summary, text = api("summary"), ada_in.see(f"{here}?{MARCH}")
    assert "1 Mar 2024 – 31 Mar 2024" in text
    for name, value in (
        ("issuedCredentials", "1"),
        ("openRate", "100 %"),
        ("guestViews", "2"),
        ("viewsPerShare", "2.00"),
    ):
        assert re.search(
            rf'definitions#{name}"[^>]*>[^<]+</a></dt>\s*<dd class="value">{value}</dd>', text
        ), name
    assert summary["guestViews"] == {"value": 2, "before": 0}
    text = ada_in.see(f"{here}/funnel?{MARCH}")
    counts = re.findall(r'<td class="number" data-label="Credentials">(\d+)</td>', text)
    assert counts == [str(step["count"]) for step in api("funnel")["data"]] == ["1"] * 5
    text = ada_in.see(f"{here}/series?{MARCH}&bucket=week")
    for one in api("timeseries")["series"]:
        assert f'data-label="In all">{one["total"]}<' in text
    assert "from 11 Mar 2024" in text
    text = ada_in.see(f"{here}/channels?{MARCH}&actor=recipient")
    assert re.search(
        r"Added to a LinkedIn profile</th>\s*<td[^>]+>1</td>\s*<td[^>]+>0</td>\s*<td[^>]+>1<", text
    )
    text = ada_in.see(f"{here}/best?{MARCH}")
    assert text.count("Robin Ñandú") == 1
    assert "Botany" in text
    text = ada_in.see(f"{here}/set-aside")
    assert "It was sent from another site." in text
    assert "<strong>1</strong> report was set aside" in text


def test_every_number_leads_to_its_definition(happened, ada_in):
    definitions = ada_in.see(f"{ada_in.home}/insights/definitions")
    anchors = set(re.findall(r'<section class="definition" id="(\w+)"', definitions))
    assert anchors == {one.name for one in DEFINITIONS}
    for page in (ada_in.home, *(f"{ada_in.home}/insights{name}?period=own&{MARCH}" for name in PAGES)):
        text = ada_in.see(page)
        linked = set(re.findall(r"/insights/definitions#(\w+)", text))
        assert linked, page
        assert linked <= anchors
        in_view = re.sub("<details.*?</details>", "", text, flags=re.S)
        for header in re.findall(r'<(?:th scope="col" class="number"|dt|figcaption)>(.{16})', in_view):
            assert header == '<a class="define', page


def test_whoever_has_nothing_learns_the_next_step(ada_in):
    for page, step in (
        ("", "/credentials"),
        ("/funnel", "/credentials"),
        ("/series", "/credentials"),
        ("/channels", "/email-templates"),
        ("/best", "/credentials"),
        ("/set-aside", "/live"),
    ):
        empty = re.search(r'<div class="empty">.*?</div>', ada_in.see(f"{ada_in.home}/insights{page}"), re.S)
        assert f'href="{ada_in.home}{step}"' in empty[0], page


@pytest.mark.parametrize("dialect", ["sqlite"], indirect=True)
def test_what_cant_be_asked_is_said_beside_the_field(ada_in, cast):
    here = f"{ada_in.home}/insights"
    for query, words in (
        ("from=2024-02-30", "From must be a day such as"),
        ("from=2024-04-01&to=2024-03-01", "From must not be after to"),
        ("group=nobodys", "Group must be the id of a group of this workspace"),
        (f"group={cast.cleos_group_id}", "Group must be the id of a group of this workspace"),
        ("design=nobodys", "Design must be the id of a design of this workspace"),
    ):
        for page in PAGES:
            assert words in ada_in.see(f"{here}{page}?{query}", status=400)
    text = ada_in.see(f"{here}/series?period=365&bucket=hour", status=400)
    assert "Columns must leave at most 400 columns" in text
    ada_in.see(f"{here}/nothing.csv", status=404)
    assert read_wanted({"period": "x", "actor": "y", "bucket": "z", "sort": "s"}) == Wanted()


def test_a_sheet_has_what_the_page_shows_and_runs_nothing(happened, ada_in, settings, cast):
    def act(transaction):
        group = add_group(transaction, cast.workspace_id, "=HYPERLINK(1)", [cast.design_id])
        dates = ("2024-03-12", None)
        one = add_credential(
            transaction, cast.workspace_id, group.id, (None, "@SUM(1)", None), dates, status="issued"
        )
        return one.id

    id_ = in_transaction(settings, act)
    item = {
        "credentialId": id_,
        "eventType": "credential_viewed",
        "triggeredBy": "guest",
        "triggeredAt": "2024-03-12T08:00:00Z",
    }
    happened.post("/v1/credential-interactions", headers=headers(cast.ada), json=item)
    sheets = {}
    for name in ("overview", "funnel", "series", "channels", "best", "set-aside"):
        ada_in.see(f"{ada_in.home}/insights/{name}.csv?{MARCH}")
        assert (
            ada_in.last.headers["content-disposition"]
            == f'attachment; filename="{name}-2024-03-01-2024-03-31.csv"'
        )
        sheets[name] = list(csv.reader(io.StringIO(ada_in.last.content.decode("utf-8-sig"))))
        assert not [cell for row in sheets[name] for cell in row if cell.startswith(("=", "+", "@"))]
    assert ["guestViews", "", "3", "0"] in sheets["overview"]
    assert sheets["funnel"][1] == ["issued", "2", "0", "1.0", "2"]
    assert sheets["series"][0][:2] == ["day", "credential_viewed guest"]
    assert sheets["series"][12][:2] == ["2024-03-12", "1"]
    assert ["credential_added_to_linkedin_profile", "", "1", "0", "1"] in sheets["channels"]
    assert {row[2] for row in sheets["best"]} == {
        "name",
        "Botany",
        "'=HYPERLINK(1)",
        "Robin Ñandú",
        "'@SUM(1)",
    }
    assert sheets["set-aside"] == [["reason", "meaning", "count", "countBefore"]]
    assert write_csv(["a"], [["-1", -1, None, "\tx"]]) == "\ufeffa\r\n'-1,-1,,'\tx\r\n".encode()


def test_cleo_sees_nothing_of_it(happened, browser, settings, cast):
    id_ = add_person(settings, "cleo@other.example", "Cleo", {})
    other = happened.get("/v1/workspace", headers=headers(cast.cleo)).json()["id"]
    in_transaction(settings, lambda tx: set_member(tx, other, id_, "owner"))
    cleo = browser()
    cleo.workspace_id = other
    let_in(cleo, settings, id_)
    assert "openRate,,0.0," in cleo.see(f"{cleo.home}/insights/overview.csv?{MARCH}"), (
        "hers was opened by nobody"
    )
    for page in (*PAGES, "/best.csv", "/series.csv"):
        own = cleo.see(f"{cleo.home}/insights{page}?{MARCH}")
        assert cast.credential_id not in own
        assert "Botany" not in own
        cleo.see(f"/dashboard/w/{cast.workspace_id}/insights{page}", status=404)
