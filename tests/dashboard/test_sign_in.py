"""The ways into the dashboard and out of it."""

import re

import pyotp
import pytest
from sqlalchemy import select, update
from starlette.testclient import TestClient

from conftest import ON_ONE, in_transaction
from credtrail.accounts.people import digest_secret
from credtrail.accounts.people_store import recovery_codes, users
from credtrail.accounts.session_store import one_time_links, sessions
from credtrail.accounts.store import workspaces
from credtrail.commands.links import make_link, make_set_up_link
from credtrail.mail.notice_store import notices
from dashboard.conftest import PASSWORD, Person, add_person


def rows(settings, table):
    """All rows of a table."""
    return in_transaction(settings, lambda tx: list(tx.connection.execute(select(table))))


def test_signing_in_and_out(ada_in, cast, settings):
    page = ada_in.see("/dashboard/account")
    assert "Ada Ñandú" in page
    assert "Open Meadow Academy" in ada_in.see(f"{ada_in.home}/access-tokens")
    [session] = rows(settings, sessions)
    secret = ada_in.client.cookies.get("credtrail_session")
    assert secret
    assert session.digest == digest_secret(secret), "the secret itself isn't kept"
    assert "You are signed out" in ada_in.post("/dashboard/sign-out")
    assert rows(settings, sessions) == []
    assert "Sign in" in ada_in.see("/dashboard/account")
    ada_in.client.cookies.set("credtrail_session", secret, path="/dashboard")
    assert "Sign in" in ada_in.see("/dashboard/account"), "the old cookie is good for nothing"


def test_session_cookie_is_kept_from_scripts_and_other_sites(browser, settings, cast):
    add_person(settings, "ada@meadow.example", "Ada", {cast.workspace_id: "owner"})
    person = browser()
    person.see("/dashboard/sign-in")
    fields = {"csrf": person.csrf, "email": "ada@meadow.example", "password": PASSWORD}
    answer = person.client.post("/dashboard/sign-in", data=fields, follow_redirects=False)
    cookie = next(one for one in answer.headers.get_list("set-cookie") if "credtrail_session" in one)
    assert "HttpOnly" in cookie
    assert "SameSite=lax" in cookie
    assert "Path=/dashboard" in cookie


def test_cookies_are_secure_behind_https(settings, cast):

    from credtrail.app import build

    house = build(settings.model_copy(update={"public_url": "https://credentials.meadow.example"}))
    with TestClient(house.application, base_url="https://credentials.meadow.example") as client:
        answer = client.get("/dashboard/sign-in")
        [cookie] = answer.headers.get_list("set-cookie")
        assert cookie.startswith("__Secure-credtrail_form=")
        assert "; Secure" in cookie
        person = Person(client, cast.workspace_id)
        add_person(settings, "ada@meadow.example", "Ada", {cast.workspace_id: "owner"})
        person.sign_in("ada@meadow.example")
        fields = {"csrf": person.csrf, "name": "Ada Ñandú"}
        client.post("/dashboard/account", data=fields, follow_redirects=False)
        shown = client.get("/dashboard/account")
        [forgotten] = [one for one in shown.headers.get_list("set-cookie") if "credtrail_message" in one]
        assert "Max-Age=0" in forgotten
        assert "; Secure" in forgotten, "else the browser keeps it, and says it again on the next page"
        gone = client.post("/dashboard/sign-out", data={"csrf": person.csrf}, follow_redirects=False)
        [forgotten] = [one for one in gone.headers.get_list("set-cookie") if "credtrail_session" in one]
        assert "Max-Age=0" in forgotten
        assert "; Secure" in forgotten


def test_public_pages_set_no_cookie(ada_in, cast):
    answer = ada_in.client.get(f"/credentials/{cast.public_id}")
    assert "set-cookie" not in answer.headers
    assert "cookie" not in answer.request.headers, "nor do they get the dashboard's"


@pytest.mark.parametrize("email", ["ada@meadow.example", "nobody@meadow.example"])
def test_wrong_password_and_unknown_address_look_the_same(browser, settings, cast, email):
    add_person(settings, "ada@meadow.example", "Ada", {cast.workspace_id: "owner"})
    page = browser().sign_in(email, "not this one", 401)
    assert "Address and password don’t fit" in page.replace("&#39;", "’")
    assert rows(settings, sessions) == []


def test_after_ten_failures_the_right_password_has_to_wait(browser, settings, cast):
    add_person(settings, "ada@meadow.example", "Ada", {cast.workspace_id: "owner"})
    person = browser()
    for _ in range(10):
        person.sign_in("ADA@meadow.example", "wrong", 401)
    assert "quarter of an hour" in person.sign_in("ada@meadow.example", status=429)


def test_too_many_attempts_of_one_network_wait_a_minute(browser):
    person = browser()
    client = TestClient(person.client.app, client=("203.0.113.9", 1))  # this machine itself is not limited
    client.portal = person.client.portal
    person.client = client
    person.see("/dashboard/password")
    for _ in range(60):
        person.post("/dashboard/password", email="nobody@meadow.example")
    page = person.post("/dashboard/password", status=429, email="nobody@meadow.example")
    assert "please wait a minute" in page
    assert "by mail" not in page, "that is what they are about"
    assert "please wait a minute" in person.sign_in("nobody@meadow.example", status=429)


@ON_ONE
@pytest.mark.parametrize(
    ("kind", "next_step"),
    [
        ("link", "whoever runs this server can make another"),
        ("password", "have another sent to you where you sign in"),
        ("invitations", "whoever sent it can send another"),
    ],
)
def test_a_link_that_ended_says_where_the_next_comes_from(browser, kind, next_step):
    assert next_step in browser().see(f"/dashboard/{kind}/that-was-used", 404)


def test_what_was_typed_survives_the_end_of_the_session(ada_in, settings):
    ada_in.see(f"{ada_in.home}/access-tokens")
    in_transaction(settings, lambda tx: tx.connection.execute(sessions.delete()))
    page = ada_in.post(
        f"{ada_in.home}/access-tokens", status=401, name="Learning platform", access="read", lifetime=""
    )
    pending = re.search(r'name="pending" value="([^"]+)"', page)[1]
    assert "Learning" not in pending, "it is sealed"
    page = ada_in.post("/dashboard/sign-in", email="ada@meadow.example", password=PASSWORD, pending=pending)
    assert 'value="Learning platform"' in page
    page = ada_in.post(f"{ada_in.home}/access-tokens", name="Learning platform", access="read", lifetime="")
    assert "Your new token" in page


def test_a_form_from_before_signing_in_anew_can_be_sent_once_more(ada_in, browser, settings):
    old = ada_in.csrf
    ada_in.sign_in("ada@meadow.example")
    fields = {"csrf": old, "name": "Learning platform", "access": "read", "lifetime": ""}
    path = f"{ada_in.home}/access-tokens"
    for origin in ("https://evil.example", "null", None):
        answer = ada_in.client.post(path, data=fields, headers={"origin": origin} if origin else {})
        assert answer.status_code == 403
        assert "Learning platform" not in answer.text
    answer = ada_in.client.post(path, data=fields, headers={"origin": "http://testserver"})
    assert answer.status_code == 403
    assert 'value="Learning platform"' in answer.text
    assert f'action="{path}"' in answer.text
    ada_in.csrf = re.search(r'name="csrf" value="(\w+)"', answer.text)[1]
    assert "Your new token" in ada_in.post(path, name="Learning platform", access="read", lifetime="")


def test_a_part_of_a_page_is_refused_in_words_and_leads_nowhere(browser, cast):
    person = browser()
    answer = person.client.get(f"{person.home}/credentials", headers={"hx-request": "true"})
    assert (answer.status_code, answer.headers.get("hx-redirect")) == (401, None)
    assert "What you have typed stays here" in answer.text


def test_sign_in_leads_on_within_the_dashboard_only(browser, settings, cast):
    add_person(settings, "ada@meadow.example", "Ada", {cast.workspace_id: "owner"})
    for given, ends in [
        (f"/dashboard/w/{cast.workspace_id}/access-tokens?cursor=", "/access-tokens"),
        ("https://elsewhere.example/dashboard/", "/dashboard"),
        ("//elsewhere.example/dashboard", "/dashboard"),
        ("/dashboard/\\elsewhere.example", "/dashboard"),
    ]:
        person = browser()
        person.see("/dashboard/sign-in")
        fields = {"csrf": person.csrf, "email": "ada@meadow.example", "password": PASSWORD, "next": given}
        answer = person.client.post("/dashboard/sign-in", data=fields, follow_redirects=False)
        assert answer.status_code == 303
        location = answer.headers["location"]
        assert location.startswith("/dashboard")
        assert ends in location


def test_forms_of_other_sites_are_refused(browser, settings, cast):
    add_person(settings, "ada@meadow.example", "Ada", {cast.workspace_id: "owner"})
    person = browser()
    person.see("/dashboard/sign-in")
    fields = {"email": "ada@meadow.example", "password": PASSWORD}
    assert person.client.post("/dashboard/sign-in", data=fields).status_code == 403, "no token"
    fields["csrf"] = person.csrf
    for headers in (
        {"Origin": "https://elsewhere.example"},
        {"Sec-Fetch-Site": "cross-site"},
        {"Origin": "null"},
    ):
        assert person.client.post("/dashboard/sign-in", data=fields, headers=headers).status_code == 403
    own = {"Origin": "http://testserver", "Sec-Fetch-Site": "same-origin"}
    answer = person.client.post("/dashboard/sign-in", data=fields, headers=own, follow_redirects=False)
    assert answer.status_code == 303


def test_second_step(ada_in, browser, settings):
    page = ada_in.see("/dashboard/account/authenticator")
    secret = re.search(r"<code>([\w ]+)</code>", page)[1].replace(" ", "")
    sealed = re.search(r'name="secret" value="([^"]+)"', page)[1]
    assert secret not in sealed
    totp = pyotp.TOTP(secret)
    fields = {"secret": sealed, "password": PASSWORD}
    ada_in.post("/dashboard/account/authenticator", status=400, code="000000", **fields)
    ada_in.post(
        "/dashboard/account/authenticator", status=400, code=totp.now(), secret=sealed, password="wrong"
    )
    assert "now takes a code" in ada_in.post("/dashboard/account/authenticator", code=totp.now(), **fields)
    kept = rows(settings, users)[0].totp_secret
    assert secret not in kept

    other = browser()
    page = other.sign_in("ada@meadow.example")
    assert "One more step" in page
    assert rows(settings, sessions)[1:] == [], "not in yet"
    proof = re.search(r'name="proof" value="([^"]+)"', page)[1]
    used = totp.now()
    page = other.post("/dashboard/sign-in/code", status=401, proof=proof, code=used)
    assert "not the code" in page, "the code that was used to begin with isn't good twice"
    in_transaction(
        settings,
        lambda tx: tx.connection.execute(update(users).values(totp_step=0)),
    )
    proof = re.search(r'name="proof" value="([^"]+)"', page)[1]
    other.post("/dashboard/sign-in/code", proof=proof, code=totp.now())
    assert "Ada Ñandú" in other.see("/dashboard/account")
    other.post("/dashboard/sign-in/code", status=401, proof=proof[:-6] + "AAAAAA", code=totp.now())


def with_app(person):
    """An authenticator app is added; its recovery codes."""
    page = person.see("/dashboard/account/authenticator")
    secret = re.search(r"<code>([\w ]+)</code>", page)[1]
    sealed = re.search(r'name="secret" value="([^"]+)"', page)[1]
    code = pyotp.TOTP(secret.replace(" ", "")).now()
    return codes_on(
        person.post("/dashboard/account/authenticator", secret=sealed, password=PASSWORD, code=code)
    )


def codes_on(page):
    """The recovery codes that a page shows."""
    return re.findall(r"\b(?:[a-z2-7]{4}-){3}[a-z2-7]{4}\b", page)


def try_recovery(person, code, status=200):
    """Password, then a recovery code; the page one ends on."""
    proof = re.search(r'name="proof" value="([^"]+)"', person.sign_in("ada@meadow.example"))[1]
    return person.post("/dashboard/sign-in/code", status=status, proof=proof, recovery=code)


def test_recovery_codes_stand_in_for_a_lost_phone_each_once(browser, ada_in, settings):
    codes = with_app(ada_in)
    assert len(set(codes)) == 10
    assert not any(code in str(rows(settings, recovery_codes)) for code in codes), "digests alone are kept"
    assert "10 recovery codes are left" in ada_in.see("/dashboard/account")
    phoneless = browser()
    assert "Open Meadow Academy" in try_recovery(phoneless, codes[0].upper().replace("-", " "))
    assert "9 recovery codes are left" in phoneless.see("/dashboard/account")
    for wrong in (codes[0], "aaaa-aaaa-aaaa-aaaa"):
        assert "Is not one that is left" in try_recovery(browser(), wrong, 401)


def test_new_recovery_codes_end_those_before(browser, ada_in):
    first = with_app(ada_in)
    ada_in.see("/dashboard/account")
    refused = ada_in.post("/dashboard/account/authenticator/codes", status=400, password="wrong")
    assert "your recovery codes stay" in refused
    renewed = codes_on(ada_in.post("/dashboard/account/authenticator/codes", password=PASSWORD))
    assert len(renewed) == 10
    assert not set(renewed) & set(first)
    try_recovery(browser(), first[0], 401)
    assert "Open Meadow Academy" in try_recovery(browser(), renewed[0])


def test_an_authenticator_app_is_removed_with_its_recovery_codes(browser, ada_in, settings):
    with_app(ada_in)
    page = ada_in.see("/dashboard/account")
    form = re.search(r'<dialog id="remove-authenticator".*?</dialog>', page, re.S)[0]
    assert 'name="password"' in form, "it is asked for where it is needed"
    address = "/dashboard/account/authenticator/remove"
    assert "the authenticator app stays" in ada_in.post(address, status=400, password="wrong")
    assert "takes no code any more" in ada_in.post(address, password=PASSWORD)
    assert rows(settings, recovery_codes) == []
    assert "One more step" not in browser().sign_in("ada@meadow.example")
    ada_in.post("/dashboard/account/authenticator/codes", status=409, password=PASSWORD)


def test_password_by_mail(browser, ada_in, settings, letters):
    person = browser()
    person.see("/dashboard/password")
    for address in ("ada@meadow.example", "nobody@meadow.example"):
        assert "If somebody here has that address" in person.post("/dashboard/password", email=address)
    [(address, text)] = letters()
    assert address == "ada@meadow.example"
    assert rows(settings, notices) == [], "its text holds a secret"
    path = re.search(r"http://testserver(/\S+)", text)[1]
    person.see(path)
    assert "10 to 200 characters" in person.post(path, password="short", status=400)
    assert "sign in with it" in person.post(path, password="a completely new one")
    person.see(path, status=404)
    assert "Sign in" in ada_in.see("/dashboard/account"), "sessions of before have ended"
    person.sign_in("ada@meadow.example", status=401)
    person.sign_in("ada@meadow.example", "a completely new one")


def test_set_up_of_an_empty_installation(browser, settings, cast):
    in_transaction(settings, lambda tx: tx.connection.execute(workspaces.delete()))
    link = in_transaction(settings, lambda tx: make_set_up_link(tx, "http://testserver"))
    person = browser()
    person.see(link)
    fields = {"name": "Ada", "email": "Ada@Meadow.example ", "password": PASSWORD, "workspace": "晨光大学"}
    assert "too easy" in person.post(link, status=400, **{**fields, "password": "aaaaaaaaaaaa"})
    assert "晨光大学" in person.post(link, **fields)
    [workspace] = rows(settings, workspaces)
    assert workspace.name == "晨光大学"
    assert "ada@meadow.example" in person.see("/dashboard/account")
    browser().see(link, status=404)
    assert in_transaction(settings, lambda tx: make_set_up_link(tx, "http://testserver")) is None


def test_set_up_takes_over_workspaces_without_an_owner(browser, settings, cast):
    link = in_transaction(settings, lambda tx: make_set_up_link(tx, "http://testserver"))
    person = browser()
    assert "Open Meadow Academy" in person.see(link)
    assert "Your workspaces" in person.post(link, name="Ada", email="ada@meadow.example", password=PASSWORD)


def test_sign_in_link_is_good_once_and_not_by_looking(browser, settings, cast):
    user_id = add_person(settings, "ada@meadow.example", "Ada", {})
    link = in_transaction(settings, lambda tx: make_link(tx, "sign_in", user_id, "http://testserver", 60_000))
    person = browser()
    person.see(link)
    person.see(link)
    assert "belong to no workspace" in person.post(link)
    browser().see(link, status=404)
    assert rows(settings, one_time_links) == []
