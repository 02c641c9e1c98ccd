"""Nothing that somebody writes as a webhook's address leads to where only we can reach."""

import asyncio
import socket
import threading
import time
from datetime import UTC, datetime, timedelta
from email.utils import format_datetime
from ipaddress import ip_address

import pytest
import trustme

from conftest import free_port
from credtrail.errors import Refusal
from credtrail.web.egress import is_public
from credtrail.webhooks import egress
from credtrail.webhooks.egress import Egress, _retry_after
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


async def try_it(url, allowed=NOBODY):
    """As an endpoint that was saved, whatever was checked when it was."""
    way_out = Egress(frozenset(allowed), 4)
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

    def getaddrinfo(host, port, *_, **__):
        known = answers.get(host)
        if known is None:
            raise socket.gaierror(socket.EAI_NONAME, "Name or service not known")
        if isinstance(known, threading.Event):
            known.wait(20)
            raise socket.gaierror(socket.EAI_AGAIN, "Temporary failure in name resolution")
        found = known.pop(0) if len(known) > 1 else known[0]
        return [(0, socket.SOCK_STREAM, 6, "", (address, port)) for address in found]

    monkeypatch.setattr(socket, "getaddrinfo", getaddrinfo)
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


@pytest.mark.parametrize("host", ["a..example", "x" * 64 + ".example", ".example"])
def test_what_is_no_name_is_refused_and_were_it_kept_it_is_a_failure(host):
    with pytest.raises(Refusal):
        read_url(f"https://{host}/", NOBODY)
    assert asyncio.run(try_it(f"https://{host}/")).failure == "dns_failed"


def test_names_that_nobody_answers_for_delay_no_other(names, monkeypatch):
    monkeypatch.setattr(egress, "TIMEOUT_SECONDS", 1.5)
    silent = threading.Event()
    names |= {f"silent{n}.example": silent for n in range(30)} | {"hooks.example": [["127.0.0.1"]]}

    async def post(receiver):
        way_out = Egress(frozenset({"hooks.example"}), 4)
        waiting = [
            asyncio.create_task(way_out.post(f"https://silent{n % 30}.example/", {}, b"{}", str(n)))
            for n in range(90)
        ]
        await asyncio.sleep(0)
        answered = await way_out.post(f"http://hooks.example:{receiver.port}/", {}, b"{}")
        given_up = {one.failure for one in await asyncio.gather(*waiting)}
        silent.set()
        await way_out.close()
        return answered, given_up

    with Receiver() as receiver:
        answered, given_up = asyncio.run(post(receiver))
    assert answered.failure is None
    assert answered.duration_ms < 1_200
    assert given_up == {"timeout"}


def test_redirects_are_not_followed():
    with Receiver() as target, Receiver() as first:
        location = f"HTTP/1.1 302 x\r\nLocation: {target.url()}\r\nContent-Length: 0\r\n\r\n"
        first.answers["/"] = [location.encode()]
        assert asyncio.run(try_it(first.url(), {"127.0.0.1"})).failure == "redirect"
        assert target.connections == 0


def test_connections_are_kept_for_a_while(monkeypatch):
    async def post_twice(url, idle_seconds):
        monkeypatch.setattr(egress, "_IDLE_SECONDS", idle_seconds)
        way_out = Egress(frozenset({"127.0.0.1"}), 4)
        for _ in range(2):
            assert (await way_out.post(url, {}, b"{}")).failure is None
            await way_out.forget()
        await way_out.close()

    for idle_seconds, connections in ((30.0, 1), (0.0, 2)):
        with Receiver() as receiver:
            asyncio.run(post_twice(receiver.url(), idle_seconds))
            assert receiver.connections == connections


def test_hosts_are_allowed_however_they_are_written(names):
    names |= {host: [["127.0.0.1"]] for host in ("Hooks.Example", "hooks.example")}
    with Receiver() as receiver:
        url = read_url(f"http://Hooks.Example:{receiver.port}/", frozenset({"hooks.example"}))
        assert asyncio.run(try_it(url, {"hooks.example"})).failure is None


def test_no_proxy_of_the_environment_is_used(monkeypatch):
    with Receiver() as proxy:
        monkeypatch.setenv("HTTPS_PROXY", proxy.url())
        monkeypatch.setenv("ALL_PROXY", proxy.url())
        assert asyncio.run(try_it(f"https://127.0.0.1:{free_port()}/")).failure == "address_not_allowed"
        assert proxy.connections == 0


@pytest.fixture
def authority(monkeypatch, tmp_path):
    """An authority that this machine trusts."""
    made = trustme.CA()
    made.cert_pem.write_to_path(tmp_path / "authority.pem")
    monkeypatch.setenv("SSL_CERT_FILE", str(tmp_path / "authority.pem"))
    return made


@pytest.mark.parametrize(
    ("certificate_of", "is_trusted", "failure"),
    [
        ("hooks.example", True, None),
        ("other.example", True, "tls_failed"),
        ("127.0.0.1", True, "tls_failed"),
        ("hooks.example", False, "tls_failed"),
        (
            None,
            True,
            "timeout",
        ),  # it doesn't speak TLS, and waits for the rest of what it takes for a request
    ],
)
def test_tls_must_prove_the_name(names, monkeypatch, authority, certificate_of, is_trusted, failure):
    """The connection goes to an address, and the name in the URL is what is asked for and proven."""
    names["hooks.example"] = [["127.0.0.1"]]
    if certificate_of is None:
        monkeypatch.setattr(egress, "TIMEOUT_SECONDS", 0.3)
    signer = authority if is_trusted else trustme.CA()
    with Receiver(certificate=signer.issue_cert(certificate_of) if certificate_of else None) as receiver:
        answered = asyncio.run(try_it(f"https://hooks.example:{receiver.port}/", {"hooks.example"}))
    assert answered.failure == failure, answered
    assert len(receiver.came) == (failure is None)
    if certificate_of:
        assert receiver.names_asked == ["hooks.example"]


def test_an_address_can_prove_itself(authority):
    with Receiver(certificate=authority.issue_cert("127.0.0.1")) as receiver:
        assert asyncio.run(try_it(f"https://127.0.0.1:{receiver.port}/", {"127.0.0.1"})).failure is None


ENDLESS = b"HTTP/1.1 200 x\r\nTransfer-Encoding: chunked\r\n\r\n"


@pytest.mark.parametrize(
    ("answer", "failure"),
    [
        ("hang", "timeout"),
        (["drip", b"HTTP/1.1 200 x\r\nX-Slow: ", b"x"], "timeout"),
        (["drip", ENDLESS, b"1\r\nx\r\n"], "timeout"),
        (["drip", b"", b"HTTP/1.1 103 x\r\n\r\n"], "timeout"),
        (ENDLESS + b"8000\r\n" + b"x" * 32_768 + b"\r\n" + b"9000\r\n" + b"x" * 36_864, "too_large"),
        (b"HTTP/1.1 200 x\r\nX-Large: " + b"x" * 200_000, "connection_lost"),
    ],
    ids=["hangs", "slow-headers", "slow-body", "interim-for-ever", "large-body", "large-headers"],
)
def test_answers_are_bounded_in_time_and_size(monkeypatch, answer, failure):
    monkeypatch.setattr(egress, "TIMEOUT_SECONDS", 0.3)
    with Receiver() as receiver:
        receiver.answers["/"] = [answer]
        began = time.monotonic()
        answered = asyncio.run(try_it(receiver.url(), {"127.0.0.1"}))
    assert answered.failure == failure, answered
    assert len(answered.answer) <= 4_096
    assert time.monotonic() - began < 5


@pytest.mark.parametrize(
    ("value", "seconds"),
    [
        ("120", 120),
        (" 0 ", 0),
        ("99999999999999", 86_400),
        ("Fri, 31 Dec 1999 23:59:59 GMT", 0),
        ("Fri, 31 Dec 9999 23:59:59 GMT", 86_400),
        ("soon", None),
        ("-5", None),
        ("1.5", None),
        ("\u00b2", None),
        ("", None),
    ],
)
def test_retry_after_in_seconds_or_as_a_date(value, seconds):
    assert _retry_after([(b"Retry-After", value.encode("latin-1"))]) == seconds


def test_retry_after_as_a_date_to_come():
    in_an_hour = format_datetime(datetime.now(UTC) + timedelta(hours=1), usegmt=True)
    assert 3_500 < _retry_after([(b"retry-after", in_an_hour.encode())]) <= 3_600


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
        ("64:ff9b:1::7f00:1", False),
        ("::ffff:0:127.0.0.1", False),
        ("2002:7f00:1::", False),
        ("fe80::1", False),
        ("ff0e::1", False),
        ("169.254.169.254", False),
        ("100.100.100.200", False),
        ("192.0.0.192", False),
        ("192.88.99.1", False),
        ("2001:0:53aa:64c:0:0:a247:2847", False),
    ],
)
def test_what_is_public(address, public):
    assert is_public(ip_address(address)) == public
