"""What is fetched of other issuers: from named hosts alone, by https, bounded; nothing from where only we can reach."""

import asyncio
import socket
import ssl

import pytest
import trustme
from starlette.testclient import TestClient

from badges.samples import Issuer
from credtrail.app import build
from credtrail.badges.desk import write_json
from credtrail.web.egress import Fetcher
from webhooks.receiver import Receiver

HOST = "badges.example"


@pytest.fixture
def names(monkeypatch):
    """Every name leads to loopback, as if it were an inner network's."""

    def getaddrinfo(host, port, *_, **__):
        return [(0, socket.SOCK_STREAM, 6, "", ("127.0.0.1", port))]

    monkeypatch.setattr(socket, "getaddrinfo", getaddrinfo)


@pytest.fixture(scope="module")
def authority():
    """Who vouches for the hosts' certificates."""
    return trustme.CA()


def trusting(authority):
    """A context that believes it."""
    context = ssl.create_default_context()
    authority.configure_trust(context)
    return context


def answer(content, status=200, **headers):
    """An answer to a GET."""
    told = "".join(f"{name}: {value}\r\n" for name, value in headers.items())
    return f"HTTP/1.1 {status} x\r\nContent-Length: {len(content)}\r\n{told}\r\n".encode() + content


def fetch(authority, hosts, *addresses):
    """What comes of each, one after the other."""

    async def act():
        fetcher = Fetcher(frozenset(hosts), trusting(authority))
        try:
            return [await fetcher.get(address) for address in addresses]
        finally:
            fetcher.close()

    return asyncio.run(act())


def test_a_named_host_is_asked_once_a_minute_and_nothing_but_whole_answers_are_taken(names, authority):
    answers = {
        "/did.json": [answer(b"{}")],
        "/moved": [answer(b"", 302, Location="/did.json")],
        "/large": [answer(b"x" * 300_000)],
        "/gone": [404],
        "/cut": ["drop"],
    }
    with Receiver(answers=answers, certificate=authority.issue_cert(HOST)) as receiver:
        home = f"https://{HOST}:{receiver.port}"
        paths = ("/did.json", "/did.json", "/moved", "/large", "/gone", "/cut")
        assert fetch(authority, {HOST}, *[home + path for path in paths]) == [
            b"{}",
            b"{}",
            None,
            None,
            None,
            None,
        ]
        assert len(receiver.of("/did.json")) == 1
        assert receiver.names_asked[0] == HOST
        assert receiver.came[0].headers["host"] == f"{HOST}:{receiver.port}"


def test_no_other_host_and_no_inner_network_is_asked(names, authority):
    with Receiver(certificate=authority.issue_cert(HOST)) as receiver:
        home = f"https://{HOST}:{receiver.port}/did.json"
        odd = (
            "",
            "http://[",
            "https://",
            "https://ä.example/",
            "file:///etc/passwd",
            home.replace("https", "http"),
        )
        assert fetch(authority, {HOST}, *odd) == [None] * len(odd)
        assert fetch(
            authority, {"other.example"}, home, f"https://other.example@{HOST}:{receiver.port}/"
        ) == [None, None]
        assert (
            fetch(authority, {"*"}, home, f"https://127.0.0.1:{receiver.port}/", "https://localhost/")
            == [None] * 3
        )
        assert receiver.connections == 0


@pytest.mark.parametrize("dialect", ["sqlite"], indirect=True)
def test_a_credential_of_another_domain_is_verified_where_the_operator_allows_it(
    settings, cast, names, authority, monkeypatch, dialect
):
    with Receiver(certificate=authority.issue_cert(HOST)) as receiver:
        other = Issuer(f"https://{HOST}:{receiver.port}")
        documents = {
            address.removeprefix(other.public_url): found for address, found in other.documents().items()
        }
        did_path = "/" + "/".join(other.did.split(":")[3:]) + "/did.json"
        documents[did_path] = documents.pop(other.did)
        receiver.answers |= {path: [answer(write_json(found))] for path, found in documents.items()}
        monkeypatch.setattr(
            ssl, "create_default_context", lambda create=ssl.create_default_context: trust(create())
        )

        def trust(context):
            authority.configure_trust(context)
            return context

        def ask(hosts):
            house = build(settings.model_copy(update={"verify_foreign_hosts": hosts}))
            with TestClient(house.application) as client:
                told = client.post("/verify", json={"credential": other.signed()}).json()
            return told["verdict"], {check["item"]: check["reason"] for check in told["checks"]}

        verdict, reasons = ask(HOST)
        assert verdict == "verified"
        assert (reasons["issuer_domain"], reasons["issuer"]) == ("same_domain", "issuer_not_known")
        assert len(receiver.came) == 2
        for hosts in ("", "*", "elsewhere.example"):
            verdict, reasons = ask(hosts)
            assert (verdict, reasons["issuer_key"]) == ("incomplete", "key_not_known")
        assert len(receiver.came) == 2
