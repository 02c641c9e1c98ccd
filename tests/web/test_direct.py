"""The direct way from the HTTP parser to the gate: on the wire nothing tells it from uvicorn's."""

import json
import re
import socket
import time

import pytest

from conftest import add_cast, seen
from credtrail.interactions.log_sql import SqlLog
from credtrail.interactions.model import Filters

PATH = "/v1/credential-interactions"
MOMENT = "2024-03-12T17:33:05.784Z"


@pytest.fixture
def connection(standing):
    """A plain connection to a real server; what is written goes out at once, piece by piece."""
    with socket.create_connection(("127.0.0.1", standing.server.port), timeout=20) as made:
        made.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        yield made


@pytest.fixture(scope="module")
def standing(standing_servers):
    """A real server; the way to it is the same on both databases."""
    return standing_servers("sqlite")


@pytest.fixture(scope="module")
def cast(standing):
    """A cast on that server's database."""
    return add_cast(standing.settings, "direct")


def post(cast, *more, body=None, token=None, path=PATH, event_type="credential_downloaded"):
    """The bytes of one request."""
    if body is None:
        body = json.dumps(
            {
                "credentialId": cast.credential_id,
                "eventType": event_type,
                "triggeredBy": "recipient",
                "triggeredAt": MOMENT,
            }
        ).encode()
    lines = (
        f"POST {path} HTTP/1.1",
        "Host: 127.0.0.1",
        f"Authorization: Bearer {token or cast.ada}",
        "Certifier-Version: 2022-10-26",
        "Content-Type: application/json",
        *(more or (f"Content-Length: {len(body)}",)),
    )
    return "\r\n".join(lines).encode() + b"\r\n\r\n" + body


def read(connection, count=1, rest=b""):
    """The next answers: status, headers, body each."""
    answers = []
    while len(answers) < count:
        while b"\r\n\r\n" not in rest:
            rest += connection.recv(65_536) or pytest.fail("closed")
        head, _, rest = rest.partition(b"\r\n\r\n")
        first, *lines = head.decode().split("\r\n")
        if first.split()[1] == "100":
            continue
        headers = dict(line.lower().split(": ", 1) for line in lines)
        length = int(headers["content-length"])
        while len(rest) < length:
            rest += connection.recv(65_536) or pytest.fail("closed")
        answers.append((int(first.split()[1]), headers, json.loads(rest[:length])))
        rest = rest[length:]
    assert rest == b""
    return answers


def test_both_ways_give_the_same_answer_but_for_its_id_and_moment(connection, cast):
    connection.sendall(post(cast))
    [direct] = read(connection)
    body = post(cast).partition(b"\r\n\r\n")[2]
    chunked = b"%x\r\n%b\r\n0\r\n\r\n" % (len(body), body)
    connection.sendall(post(cast, "Transfer-Encoding: chunked", body=chunked))
    [other] = read(connection)

    def shape(answer):
        status, headers, body = answer
        text = json.dumps([status, list(headers.items()), body])
        return re.sub(r'"date", "[^"]*"|"x-request-id", "[^"]*"|r=\d+|t=\d+|"id": "[^"]*"', "", text)

    assert direct[0] == 201
    assert shape(direct) == shape(other)


def test_a_request_may_come_in_pieces_and_many_in_one(connection, cast):
    for piece in re.findall(rb"(?s).{1,90}", post(cast)):
        connection.sendall(piece)
    assert [status for status, *_ in read(connection)] == [201]
    types = ("credential_viewed", "credential_shared_to_linkedin", "credential_verified")
    get = post(cast, "Accept: */*", body=b"", path=f"{PATH}?limit=1").replace(b"POST", b"GET")
    many = [post(cast, event_type=one) for one in types]
    connection.sendall(many[0] + many[1] + get + many[2])
    answers = read(connection, 4)
    assert [body.get("eventType") or body["data"][0]["eventType"] for *_, body in answers] == [
        types[0], types[1], types[1], types[2]
    ]  # fmt: skip


@pytest.mark.parametrize(
    ("more", "status"),
    [
        ({"token": "unknown"}, 401),
        ({"body": b"{"}, 400),
        ({"body": b"{}"}, 400),
        ({"path": f"{PATH}/batch", "body": b'{"data":[1]}'}, 200),
        ({"path": "/v1/credential-interaction"}, 404),
    ],
)
def test_refusals_leave_the_connection_open(connection, cast, more, status):
    connection.sendall(post(cast, **more))
    [(found, headers, body)] = read(connection)
    assert found == status
    assert headers["x-request-id"]
    assert status == 200 or set(body) == {"error"}
    connection.sendall(post(cast))
    assert [status for status, *_ in read(connection)] == [201]


def test_a_client_that_asks_to_close_or_to_continue_gets_what_it_asked_for(connection, cast):
    request = post(cast)
    head, _, body = request.partition(b"\r\n\r\n")
    connection.sendall(head + b"\r\nExpect: 100-continue\r\n\r\n")
    assert connection.recv(65_536) == b"HTTP/1.1 100 Continue\r\n\r\n"
    connection.sendall(body)
    assert [status for status, *_ in read(connection)] == [201]
    connection.sendall(head + b"\r\nConnection: close\r\n\r\n" + body)
    [(status, headers, _)] = read(connection)
    assert (status, headers["connection"]) == (201, "close")
    assert connection.recv(1) == b""


def test_one_who_left_before_the_answer_is_recorded_all_the_same(standing, cast):
    with socket.create_connection(("127.0.0.1", standing.server.port), timeout=20) as leaving:
        leaving.sendall(post(cast, event_type="credential_shared_to_weibo"))
    filters = Filters(event_types=("credential_shared_to_weibo",))

    def ask(transaction):
        return SqlLog().page(transaction, cast.workspace_id, filters, edge=None, newer=False, limit=10)

    deadline = time.monotonic() + 20
    while not (found := seen(standing.settings, ask)) and time.monotonic() < deadline:
        time.sleep(0.02)  # waiting for another process: there is nothing else to wait on
    assert len(found) == 1


def test_a_connection_is_closed_five_seconds_after_its_last_answer(connection, cast):
    connection.sendall(post(cast))
    read(connection)
    connection.settimeout(2)
    with pytest.raises(TimeoutError):
        connection.recv(1)
    connection.sendall(post(cast))
    read(connection)
    connection.settimeout(20)
    asked = time.monotonic()
    assert connection.recv(1) == b""
    assert 4 < time.monotonic() - asked < 9
