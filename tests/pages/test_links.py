"""Where the page's links lead: every value percent-encoded, no flag, nothing that follows a person."""

from urllib.parse import parse_qs, urlsplit

import pytest
from hypothesis import given
from hypothesis import strategies as st

from credtrail.accounts.model import IssuerProfile
from credtrail.credentials.model import Credential
from credtrail.credentials.store import PublicView
from credtrail.groups.model import Group
from credtrail.pages.links import linkedin_profile_link, mail_link, more_share_links, share_links

ADDRESS = "https://credentials.example/credentials/0af38783-02d0-4921-b253-4bfdc61033cb"
PICTURE = "https://credentials.example/picture.png"
TRICKY = "R&D 100% “Größe” + 学位? #1 / <b>"


def view_of(title=TRICKY, issuer=TRICKY, expiry_date="2027-03-31"):
    credential = Credential(
        "c", "0af38783-02d0-4921-b253-4bfdc61033cb", "w", "g", "issued", "r", "Robin", None, "2024-03-12",
        expiry_date, {}, 0, 0, [],
    )  # fmt: skip
    return PublicView(credential, Group("g", "w", title, None, (), 0, 0), issuer, "UTC", IssuerProfile())


def queries(links):
    return {link.name: parse_qs(urlsplit(link.address).query, strict_parsing=True) for link in links}


def test_each_network_gets_what_it_reads():
    text = f"{TRICKY} – {TRICKY}"
    assert queries(share_links(view_of(), ADDRESS, PICTURE, "")) == {
        "LinkedIn": {"url": [ADDRESS]},
        "Facebook": {"u": [ADDRESS]},
        "X (Twitter)": {"text": [text], "url": [ADDRESS]},
        "Messenger": {"link": [ADDRESS]},
        "WhatsApp": {"text": [f"{text} {ADDRESS}"]},
        "Pinterest": {"url": [ADDRESS], "media": [PICTURE], "description": [text]},
        "Telegram": {"url": [ADDRESS], "text": [text]},
        "Weibo": {"url": [ADDRESS], "title": [text], "pic": [PICTURE]},
    }
    assert queries(more_share_links(view_of(), ADDRESS)) == {
        "Bluesky": {"text": [f"{text} {ADDRESS}"]},
        "Threads": {"text": [text], "url": [ADDRESS]},
        "Reddit": {"url": [ADDRESS], "title": [text]},
    }


def test_messenger_needs_its_app_or_ours():
    with_app = {link.name: link for link in share_links(view_of(), ADDRESS, None, "12345")}["Messenger"]
    assert not with_app.touch_only
    assert parse_qs(urlsplit(with_app.address).query) == {
        "app_id": ["12345"],
        "link": [ADDRESS],
        "redirect_uri": [ADDRESS],
    }
    without = {link.name: link for link in share_links(view_of(), ADDRESS, None, "")}["Messenger"]
    assert without.touch_only
    assert without.address.startswith("fb-messenger://share/?link=")


@pytest.mark.parametrize("expiry_date", [None, "2027-03-31"])
def test_linkedins_form_is_filled(expiry_date):
    form = parse_qs(urlsplit(linkedin_profile_link(view_of(expiry_date=expiry_date), ADDRESS)).query)
    expiry = {"expirationYear": ["2027"], "expirationMonth": ["3"]} if expiry_date else {}
    assert form == {
        "startTask": ["CERTIFICATION_NAME"],
        "name": [TRICKY],
        "organizationName": [TRICKY],
        "issueYear": ["2024"],
        "issueMonth": ["3"],
        **expiry,
        "certUrl": [ADDRESS],
        "certId": ["0af38783-02d0-4921-b253-4bfdc61033cb"],
    }


@given(st.text(min_size=1), st.text(min_size=1))
def test_any_names_come_out_as_they_went_in(title, issuer):
    title, issuer = (text.encode("utf-8", "replace").decode() for text in (title, issuer))
    found = queries(share_links(view_of(title, issuer), ADDRESS, PICTURE, ""))
    assert found["Weibo"]["title"] == [f"{title} – {issuer}"]
    assert found["LinkedIn"] == {"url": [ADDRESS]}


def test_a_mail_keeps_its_lines():
    link = mail_link("A & B", "one\r\ntwo", "office@meadow.example")
    assert link == "mailto:office@meadow.example?subject=A%20%26%20B&body=one%0D%0Atwo"
