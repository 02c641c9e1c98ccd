"""Nothing that somebody writes as a webhook's address leads to where only we can reach."""

import asyncio
import socket
from ipaddress import ip_address

import pytest

from conftest import free_port
from credtrail.errors import Refusal
from credtrail.webhooks import egress
from credtrail.webhooks.egress import Egress, is_public
from credtrail.webhooks.model import read_url
from webhooks.receiver import Receiver

NOBODY = frozenset[str]()

# {port} is where the receiver listens on loopback: a connection would be seen.
HOSTILE = [
    "https://127.0.0.1:{port}/",
    "https://127.1:{port}/",
    "https://127.0.1:{port}/",
    "https://2130706433:{port}/",
    "https://0x7f000001:{port}/",
    "https://0x7f.1:{port}/",
    "https://0x7f.0x0.0x0.0x1:{port}/",
    "https://017700000001:{port}/",
    "https://0177.0.0.1:{port}/",
    "https://0:{port}/",
    "https://0.0.0.0:{port}/",
    "https://localhost:{port}/",
    "https://LOCALHOST:{port}/",
    "https://localhost.:{port}/",
    "https://[::1]:{port}/",
    "https://[::]:{port}/",
    "https://[0:0:0:0:0:0:0:1]:{port}/",
    "https://[::ffff:127.0.0.1]:{port}/",
    "https://[::ffff:7f00:1]:{port}/",
    "https://[0:0:0:0:0:ffff:127.0.0.1]:{port}/",
    "https://[::127.0.0.1]:{port}/",
    "https://[64:ff9b::127.0.0.1]:{port}/",
    "https://[2002:7f00:1::]:{port}/",
    "https://[fe80::1]:{port}/",
    "https://[fc00::1]:{port}/",
    "https://[fd00:ec2::254]/latest/meta-data/",
    "https://[ff02::1]:{port}/",
    "https://10.0.0.1:{port}/",
    "https://172.16.0.1:{port}/",
    "https://192.168.0.1:{port}/",
    "https://169.254.169.254/latest/meta-data/",
    "https://100.64.0.1:{port}/",
    "https://224.0.0.1:{port}/",
    "https://255.255.255.255:{port}/",
    "https://240.0.0.1:{port}/",
    "https://192.0.0.1:{port}/",
    "https://198.18.0.1:{port}/",
    "https://192.0.2.1:{port}/",
    "http://127.0.0.1:{port}/",
    "http://hooks.example:{port}/",
    "https://user:password@127.0.0.1:{port}/",
    "https://hooks.example@127.0.0.1:{port}/",
    "https://127.0.0.1:{port}#@hooks.example/",
    "https://127.0.0.1:{port}\\@hooks.example/",
    "ftp://127.0.0.1:{port}/",
    "file:///etc/passwd",
    "gopher://127.0.0.1:{port}/_x",
    "unix:///run/x.sock",
    "//127.0.0.1:{port}/",
    "javascript:alert(1)",
    "https://",
    "https:///x",
    "https://[::1",
    "https://127.0.0.1:{port}/\r\nHost: hooks.example",
    "https://①②⑦.⓪.⓪.①:{port}/",
]


async def try_it(url):
    """As an endpoint that was saved, whatever was checked when it was."""
    way_out = Egress(NOBODY, 4)
    try:
        return await way_out.post(url, {}, b"{}")
    finally:
        await way_out.close()


@pytest.mark.parametrize("url", HOSTILE)
def test_hostile_addresses_never_lead_to_a_connection(url):
    with Receiver() as receiver:
        url = url.replace("{port}", str(receiver.port))
        if is_refused(url):
            return
        answered = asyncio.run(try_it(url))
        assert answered.failure in ("address_not_allowed", "dns_failed"), answered
        assert receiver.connections == 0


def is_refused(url):
    """Whether it can't even be saved."""
    try:
        read_url(url, NOBODY)
    except Refusal:
        return True
    return False


@pytest.fixture
def names(monkeypatch):
    """The network's names, as somebody else's server would answer: by host, in turn."""
    answers = {}

    async def getaddrinfo(self, host, port, **_):
        known = answers.get(host)
        if known is None:
            raise socket.gaierror(socket.EAI_NONAME, "Name or service not known")
        found = known.pop(0) if len(known) > 1 else known[0]
        return [(0, socket.SOCK_STREAM, 6, "", (address, port)) for address in found]

    monkeypatch.setattr(asyncio.BaseEventLoop, "getaddrinfo", getaddrinfo)
    return answers


def test_a_name_that_leads_inside(names):
    names["hooks.example"] = [["127.0.0.1"]]
    with Receiver() as receiver:
        answered = asyncio.run(try_it(f"https://hooks.example:{receiver.port}/"))
        assert answered.failure == "address_not_allowed"
        assert "127.0.0.1" in answered.answer
        assert receiver.connections == 0


def test_one_address_inside_is_enough(names):
    names["hooks.example"] = [["93.184.216.34", "10.0.0.1"]]
    assert asyncio.run(try_it("https://hooks.example/")).failure == "address_not_allowed"


def test_rebinding_between_look_and_connection(names, monkeypatch):
    """The name answers with a public address first and with loopback the next time it is asked."""
    names["hooks.example"] = [["93.184.216.34"], ["127.0.0.1"]]
    went_to = []

    async def connect(self, host, port, *_, **__):
        went_to.append(host)
        raise egress.httpcore2.ConnectError("as if nobody listened")

    monkeypatch.setattr(egress.httpcore2.AnyIOBackend, "connect_tcp", connect)
    with Receiver() as receiver:
        answered = asyncio.run(try_it(f"https://hooks.example:{receiver.port}/"))
        assert answered.failure == "refused"
        assert went_to == ["93.184.216.34"], "to the address that was checked, not to the name"
        assert receiver.connections == 0


def test_a_name_that_nobody_has(names):
    assert asyncio.run(try_it("https://nowhere.example/")).failure == "dns_failed"


def test_redirects_are_not_followed():
    with Receiver() as target, Receiver() as first:
        location = f"HTTP/1.1 302 x\r\nLocation: {target.url()}\r\nContent-Length: 0\r\n\r\n"
        first.answers["/"] = [location.encode()]

        async def post():
            way_out = Egress(frozenset({"127.0.0.1"}), 4)
            answered = await way_out.post(first.url(), {}, b"{}")
            await way_out.close()
            return answered

        assert asyncio.run(post()).failure == "redirect"
        assert target.connections == 0


def test_no_proxy_of_the_environment_is_used(monkeypatch):
    with Receiver() as proxy:
        monkeypatch.setenv("HTTPS_PROXY", proxy.url())
        monkeypatch.setenv("ALL_PROXY", proxy.url())
        assert asyncio.run(try_it(f"https://127.0.0.1:{free_port()}/")).failure == "address_not_allowed"
        assert proxy.connections == 0


def test_tls_must_prove_the_name(monkeypatch):
    monkeypatch.setattr(egress, "TIMEOUT_SECONDS", 1.0)
    with Receiver() as receiver:  # it doesn't speak TLS at all

        async def post():
            way_out = Egress(frozenset({"127.0.0.1"}), 4)
            answered = await way_out.post(f"https://127.0.0.1:{receiver.port}/", {}, b"{}")
            await way_out.close()
            return answered

        monitored = asyncio.run(asyncio.wait_for(post(), 20))
        assert monitored.failure in ("tls_failed", "connection_lost", "timeout")


def test_a_receiver_that_hangs_is_given_up(monkeypatch):
    monkeypatch.setattr(egress, "TIMEOUT_SECONDS", 0.2)
    with Receiver() as receiver:
        receiver.answers["/"] = ["hang"]

        async def post():
            way_out = Egress(frozenset({"127.0.0.1"}), 4)
            answered = await way_out.post(receiver.url(), {}, b"{}")
            await way_out.close()
            return answered

        assert asyncio.run(post()).failure == "timeout"


@pytest.mark.parametrize(
    ("address", "public"),
    [
        ("93.184.216.34", True),
        ("2606:4700:4700::1111", True),
        ("2002:5db8:d822::", True),
        ("::ffff:93.184.216.34", True),
        ("10.1.2.3", False),
        ("::ffff:10.1.2.3", False),
        ("2002:a01:203::", False),
        ("64:ff9b::a01:203", False),
        ("::a01:203", False),
        ("fd12::1", False),
        ("fec0::1", False),
        ("100::1", False),
        ("2001:db8::1", False),
    ],
)
def test_what_is_public(address, public):
    assert is_public(ip_address(address)) == public
