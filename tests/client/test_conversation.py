"""The rules of sending again, as laws: no network, and a clock that only pauses move."""

from types import NoneType

import pytest
from hypothesis import given
from hypothesis import strategies as some

from credtrail.client.call import Call
from credtrail.client.conversation import Failure, Manner, Reply, Request, Retries, converse
from credtrail.client.errors import ConnectionFailed, CredtrailError, NotFound, RateLimited, ServerError

RETRIES = Retries(attempts=4, total_seconds=30)
OURS = Manner(RETRIES, server_keeps_keys=True)
ELSEWHERE = Manner(RETRIES, server_keeps_keys=False)
CREATE = Call("POST", "/credential-interactions", object, body={"credential_id": "c1"})
READ = Call("GET", "/me", object)
SEARCH = Call("POST", "/credentials/search", object, body={"filter": {}}, searches=True)
CHANGE = Call("PATCH", "/groups/g1", object, body={"name": "n"})
DELETE = Call("DELETE", "/groups/g1", NoneType)

DONE = Reply(201, {}, b'{"id": "i1"}')
LIMITED = Reply(429, {"retry-after": "3"}, b'{"error": {"code": "rate_limited", "message": "Slowly"}}')
DOWN = Reply(503, {"retry-after": "5"}, b'{"error": {"code": "service_unavailable", "message": "Down"}}')
UNDER_WAY = Reply(409, {"retry-after": "1"}, b'{"error": {"code": "conflict", "message": "Still worked on"}}')
OVERLOADED = Reply(503, {}, b"<html>overloaded</html>")
NO_GATEWAY = Reply(502, {}, b"<html>bad gateway</html>")
TOO_SLOW = Reply(504, {}, b"")
BROKEN = Reply(500, {}, b'{"error": {"code": "internal_server_error", "message": "A problem"}}')
MISSING = Reply(404, {}, b'{"error": {"code": "not_found", "message": "Nothing here"}}')
UNSENT = Failure("refused", was_sent=False)
LOST = Failure("closed", was_sent=True)

HARMLESS = (LIMITED, DOWN, UNSENT)
UNCERTAIN = (LOST, NO_GATEWAY, TOO_SLOW, OVERLOADED)


class Telling:
    """Has a conversation with outcomes told beforehand, the last one for ever; keeps requests and pauses."""

    def __init__(self, call, manner, *outcomes):
        self.requests, self.pauses, self.answer, self.error = [], [], None, None
        self._now = 1_000.0
        conversation, outcome, coming = converse(call, manner, lambda: self._now), None, list(outcomes)
        try:
            while True:
                step = conversation.send(outcome)
                outcome = None
                if isinstance(step, Request):
                    self.requests.append(step)
                    outcome = coming.pop(0) if len(coming) > 1 else coming[0]
                else:
                    self.pauses.append(step.seconds)
                    self._now += step.seconds
        except StopIteration as end:
            self.answer = end.value
        except CredtrailError as error:
            self.error = error


@pytest.mark.parametrize("manner", [OURS, ELSEWHERE])
@pytest.mark.parametrize("call", [CREATE, READ, CHANGE])
@pytest.mark.parametrize("outcome", HARMLESS)
def test_what_had_no_effect_is_sent_again(call, manner, outcome):
    told = Telling(call, manner, outcome, DONE)
    assert told.answer == {"id": "i1"}
    assert len(told.requests) == 2


@pytest.mark.parametrize("outcome", UNCERTAIN)
@pytest.mark.parametrize("call", [READ, SEARCH, CHANGE])
def test_what_may_be_done_twice_is_sent_again_wherever(call, outcome):
    assert Telling(call, ELSEWHERE, outcome, DONE).answer == {"id": "i1"}


@pytest.mark.parametrize("outcome", UNCERTAIN)
def test_a_post_that_may_have_happened_is_sent_again_only_with_a_key_that_is_kept(outcome):
    assert Telling(CREATE, OURS, outcome, DONE).answer == {"id": "i1"}
    elsewhere = Telling(CREATE, ELSEWHERE, outcome, DONE)
    assert len(elsewhere.requests) == 1
    assert elsewhere.error.in_doubt


def test_pauses_are_those_that_the_server_asks_for():
    assert Telling(CREATE, OURS, LIMITED, DOWN, LIMITED, DONE).pauses == [3, 5, 3]
    date = Reply(
        429, {"retry-after": "Mon, 23 Nov 2026 12:00:07 GMT", "date": "Mon, 23 Nov 2026 12:00:00 GMT"}, b""
    )
    assert Telling(READ, OURS, date, DONE).pauses == [7]


@pytest.mark.parametrize("text", ["soon", "-1", "", "Mon, 23 Nov 2026", "1.5"])
def test_a_pause_that_nobody_understands_is_chosen(text):
    told = Telling(READ, OURS, Reply(429, {"retry-after": text}, b""), DONE)
    assert 0 <= told.pauses[0] <= RETRIES.first_pause_seconds


def test_a_pause_longer_than_the_call_may_last_is_not_begun():
    told = Telling(READ, OURS, Reply(429, {"retry-after": "31"}, b""))
    assert isinstance(told.error, RateLimited)
    assert (told.error.retry_after, told.pauses) == (31, [])


def test_chosen_pauses_grow_and_differ():
    pauses = [RETRIES.pause_after(attempt) for attempt in range(1, 9) for _ in range(50)]
    assert len(set(pauses)) > 300
    assert max(pauses[:50]) <= 0.5
    assert 2 < max(pauses[350:]) <= RETRIES.longest_pause_seconds


def test_what_is_still_under_way_is_asked_for_again():
    assert Telling(CREATE, OURS, LOST, UNDER_WAY, UNDER_WAY, DONE).answer == {"id": "i1"}


def test_a_delete_sent_again_is_content_with_nothing_there():
    assert Telling(DELETE, OURS, LOST, MISSING).error is None
    assert isinstance(Telling(DELETE, OURS, MISSING).error, NotFound)
    assert isinstance(Telling(DELETE, OURS, LIMITED, MISSING).error, NotFound), "nothing was deleted before"


def test_a_failure_of_the_server_is_told_at_once():
    told = Telling(READ, OURS, BROKEN)
    assert isinstance(told.error, ServerError)
    assert len(told.requests) == 1
    assert not told.error.in_doubt, "it only reads"
    assert Telling(CREATE, OURS, BROKEN).error.in_doubt


def test_doubt_stays_when_later_attempts_do_not_even_arrive():
    told = Telling(CREATE, OURS, LOST, UNSENT)
    assert isinstance(told.error, ConnectionFailed)
    assert told.error.in_doubt
    assert not Telling(CREATE, OURS, UNSENT).error.in_doubt


def test_a_key_of_the_callers_own_goes_out_wherever():
    call = Call("POST", "/groups", object, body={}, key="order 4711")
    for manner in (OURS, ELSEWHERE):
        assert Telling(call, manner, DONE).requests[0].headers["Idempotency-Key"] == "order 4711"
    assert "Idempotency-Key" not in Telling(CREATE, ELSEWHERE, DONE).requests[0].headers
    assert "Idempotency-Key" not in Telling(SEARCH, OURS, DONE).requests[0].headers


EVERY_OUTCOME = some.sampled_from([DONE, *HARMLESS, *UNCERTAIN, UNDER_WAY, BROKEN, MISSING])


@given(
    some.sampled_from([CREATE, READ, SEARCH, CHANGE, DELETE]),
    some.booleans(),
    some.lists(EVERY_OUTCOME, min_size=1, max_size=8),
)
def test_laws_of_every_conversation(call, keeps_keys, outcomes):
    told = Telling(call, Manner(RETRIES, server_keeps_keys=keeps_keys), *outcomes)
    assert 1 <= len(told.requests) <= RETRIES.attempts
    assert len(told.pauses) == len(told.requests) - 1
    assert sum(told.pauses) <= RETRIES.total_seconds
    first = told.requests[0]
    assert all(one[:4] == first[:4] for one in told.requests), "the same to the byte, key and all"
    heard = [*outcomes, *[outcomes[-1]] * RETRIES.attempts][: len(told.requests)]
    if call.method == "POST" and not call.searches and not keeps_keys:
        assert not any(outcome in UNCERTAIN for outcome in heard[:-1]), "never twice perhaps"
    if told.error is None:
        assert heard[-1] is DONE or (call is DELETE and heard[-1] is MISSING)
    elif not call.reads:
        assert told.error.in_doubt == any(outcome in (*UNCERTAIN, BROKEN) for outcome in heard)


def test_two_calls_have_two_keys():
    keys = {Telling(CREATE, OURS, DONE).requests[0].headers["Idempotency-Key"] for _ in range(5)}
    assert len(keys) == 5


def test_no_attempt_waits_longer_than_is_left():
    told = Telling(READ, Manner(RETRIES, timeout_seconds=29), LIMITED, DOWN, DONE)
    assert [round(one.timeout_seconds) for one in told.requests] == [29, 27, 22]
