"""What each method asks for: method, path, query, body; and that no endpoint of the server is without a method."""

import re
from datetime import UTC, date, datetime, timedelta, timezone

import msgspec
import pytest

from credtrail.app import build
from credtrail.client.call import Call, path_of
from credtrail.client.parts import Everything
from credtrail.settings import Settings


class Quiet:
    """In place of a driver: hands the calls back instead of having them."""

    def ask(self, call):
        return call

    turn = stream = ask

    def ask_all(self, calls):
        return list(calls)


API = Everything(Quiet())
AT = datetime(2024, 3, 12, 19, 33, 5, 784_123, timezone(timedelta(hours=2)))
VIEW = {
    "credential_id": "c1",
    "event_type": "credential_viewed",
    "triggered_by": "guest",
    "triggered_at": AT,
}
HOOK = {"url": "https://hooks.example/", "types": ["credential.viewed"]}
VIEW_SENT = {
    "credentialId": "c1",
    "eventType": "credential_viewed",
    "triggeredBy": "guest",
    "triggeredAt": "2024-03-12T17:33:05.784Z",
}
NEW = {
    "group_id": "g1",
    "recipient": {"name": "Noor", "email": None},
    "issue_date": date(2026, 1, 2),
    "expiry_date": None,
    "custom_attributes": {"custom.final_grade": "A"},
}
NEW_SENT = {
    "groupId": "g1",
    "recipient": {"name": "Noor", "email": None},
    "issueDate": "2026-01-02",
    "expiryDate": None,
    "customAttributes": {"custom.final_grade": "A"},
}
SORT = {"property": "issueDate", "order": "asc"}
WORDS = {"name": "Hello", "subject": "Yours", "body": "Dear [recipient.name]"}

REQUESTS = [
    (API.interactions.create(**VIEW), "POST /credential-interactions", VIEW_SENT),
    (API.interactions.create_many([VIEW])[0], "POST /credential-interactions/batch", {"data": [VIEW_SENT]}),
    (API.interactions.page(cursor="x y", limit=5), "GET /credential-interactions?cursor=x+y&limit=5", None),
    (
        API.interactions.list(event_type=["credential_viewed", "credential_verified"], triggered_from=AT),
        "GET /credential-interactions?eventType=credential_viewed&eventType=credential_verified"
        "&triggeredFrom=2024-03-12T17%3A33%3A05.784Z&limit=100",
        None,
    ),
    (API.interactions.get("i1"), "GET /credential-interactions/i1", None),
    (
        API.interactions.export("csv", group_id="g1"),
        "GET /credential-interactions/export?groupId=g1&format=csv",
        None,
    ),
    (
        API.interactions.list_set_aside(reason="robot"),
        "GET /credential-interactions/set-aside?reason=robot&limit=100",
        None,
    ),
    (
        API.interactions.count_set_aside(day_from=date(2026, 1, 2)),
        "GET /credential-interactions/set-aside/counts?dayFrom=2026-01-02",
        None,
    ),
    (API.credentials.create(**NEW), "POST /credentials", NEW_SENT),
    (API.credentials.create_issue_send(**NEW), "POST /credentials/create-issue-send", NEW_SENT),
    (
        API.credentials.create_many([NEW], then="issue")[0],
        "POST /credentials/batch",
        {"data": [NEW_SENT], "then": "issue"},
    ),
    (API.credentials.page(), "GET /credentials?limit=20", None),
    (API.credentials.list(), "GET /credentials?limit=100", None),
    (API.credentials.search(), "POST /credentials/search", {"filter": {}, "limit": 100}),
    (
        API.credentials.search({"status": {"in": ["draft"]}}, sort=SORT),
        "POST /credentials/search",
        {"filter": {"status": {"in": ["draft"]}}, "limit": 100, "sort": SORT},
    ),
    (API.credentials.get("c1"), "GET /credentials/c1", None),
    (API.credentials.change("c1", expiry_date=None), "PATCH /credentials/c1", {"expiryDate": None}),
    (API.credentials.change("c1"), "PATCH /credentials/c1", {}),
    (API.credentials.delete("c1"), "DELETE /credentials/c1", None),
    (API.credentials.issue("c1"), "POST /credentials/c1/issue", {}),
    (API.credentials.send("c1"), "POST /credentials/c1/send", {"deliveryMethod": "email"}),
    (
        API.credentials.schedule("c1", AT, send_at_issuance=True),
        "POST /credentials/c1/schedule",
        {"sendAtIssuance": True, "issueAt": "2024-03-12T17:33:05.784Z"},
    ),
    (API.credentials.schedule("c1"), "POST /credentials/c1/schedule", {"sendAtIssuance": False}),
    (API.credentials.revoke("c1", "Why not"), "POST /credentials/c1/revoke", {"reason": "Why not"}),
    (API.credentials.reinstate("c1"), "POST /credentials/c1/reinstate", None),
    (API.credentials.list_designs("c1"), "GET /credentials/c1/designs", None),
    (API.credentials.get_links("c1"), "GET /credentials/c1/links", None),
    (API.credentials.list_mails("c1"), "GET /credentials/c1/mails", None),
    (
        API.groups.create(name="Botany", design_ids=["d1"], learning_event_url="https://learning.example/"),
        "POST /groups",
        {"name": "Botany", "designIds": ["d1"], "learningEventUrl": "https://learning.example/"},
    ),
    (API.groups.page(limit=1), "GET /groups?limit=1", None),
    (API.groups.list(), "GET /groups?limit=100", None),
    (API.groups.get("g1"), "GET /groups/g1", None),
    (API.groups.get_settings("g1"), "GET /groups/g1/settings", None),
    (API.groups.change("g1", name="Trees"), "PATCH /groups/g1", {"name": "Trees"}),
    (API.groups.delete("g1"), "DELETE /groups/g1", None),
    (API.designs.page(), "GET /designs?limit=20", None),
    (API.designs.list(), "GET /designs?limit=100", None),
    (API.designs.get("d1"), "GET /designs/d1", None),
    (API.designs.get_document("d1"), "GET /designs/d1/document", None),
    (
        API.designs.create(name="Mine", document={"boxes": []}),
        "POST /designs",
        {"name": "Mine", "document": {"boxes": []}},
    ),
    (API.designs.create(name="Mine", copy_of="d1"), "POST /designs", {"name": "Mine", "copyOf": "d1"}),
    (API.designs.change("d1", name="Ours"), "PATCH /designs/d1", {"name": "Ours"}),
    (API.designs.delete("d1"), "DELETE /designs/d1", None),
    (API.designs.get_schema(), "GET /designs/schema", None),
    (API.designs.list_images(), "GET /images?limit=100", None),
    (API.designs.download_image("i1"), "GET /images/i1", None),
    (API.designs.delete_image("i1"), "DELETE /images/i1", None),
    (API.designs.upload_image(b'"picture"', "image/png"), "POST /images", "picture"),
    (API.attributes.list(), "GET /attributes", None),
    (
        API.attributes.create("Grade", type="number"),
        "POST /attributes",
        {"name": "Grade", "tag": None, "type": "number"},
    ),
    (API.attributes.change("a1", name="Mark"), "PATCH /attributes/a1", {"name": "Mark"}),
    (API.attributes.delete("a1"), "DELETE /attributes/a1", None),
    (API.email_templates.page(), "GET /email-templates?limit=20", None),
    (API.email_templates.list(), "GET /email-templates?limit=100", None),
    (API.email_templates.create(**WORDS), "POST /email-templates", WORDS),
    (API.email_templates.get("t1"), "GET /email-templates/t1", None),
    (API.email_templates.change("t1", subject="Hers"), "PATCH /email-templates/t1", {"subject": "Hers"}),
    (API.email_templates.delete("t1"), "DELETE /email-templates/t1", None),
    (API.credentials.get_privacy("c1"), "GET /credentials/c1/privacy", None),
    (API.credentials.set_privacy("c1", "link"), "PUT /credentials/c1/privacy", {"privacy": "link"}),
    (API.credentials.set_privacy("c1", None), "PUT /credentials/c1/privacy", {"privacy": None}),
    (API.name_requests.page(status="waiting"), "GET /name-requests?status=waiting&limit=20", None),
    (API.name_requests.list(), "GET /name-requests?limit=100", None),
    (API.name_requests.get("n1"), "GET /name-requests/n1", None),
    (API.name_requests.accept("n1"), "POST /name-requests/n1/accept", {}),
    (API.name_requests.decline("n1", "No."), "POST /name-requests/n1/decline", {"reason": "No."}),
    (API.webhooks.page(), "GET /webhooks?limit=20", None),
    (API.webhooks.list(), "GET /webhooks?limit=100", None),
    (
        API.webhooks.create(**HOOK),
        "POST /webhooks",
        {**HOOK, "description": "", "body": "full", "ratePerSecond": None},
    ),
    (API.webhooks.get("w1"), "GET /webhooks/w1", None),
    (API.webhooks.change("w1", status="paused"), "PATCH /webhooks/w1", {"status": "paused"}),
    (API.webhooks.change("w1", rate_per_second=None), "PATCH /webhooks/w1", {"ratePerSecond": None}),
    (API.webhooks.delete("w1"), "DELETE /webhooks/w1", None),
    (API.webhooks.rotate_secret("w1"), "POST /webhooks/w1/rotate-secret", {"graceHours": 24}),
    (API.webhooks.test("w1"), "POST /webhooks/w1/test", {}),
    (
        API.webhooks.test("w1", type="credential.issued"),
        "POST /webhooks/w1/test",
        {"type": "credential.issued"},
    ),
    (
        API.webhooks.deliveries_page("w1", status="failed"),
        "GET /webhooks/w1/deliveries?status=failed&limit=20",
        None,
    ),
    (API.webhooks.delivery("w1", "d1"), "GET /webhooks/w1/deliveries/d1", None),
    (API.webhooks.redeliver("w1", "d1"), "POST /webhooks/w1/deliveries/d1/redeliver", None),
    (
        API.webhooks.redeliver_all("w1", created_from=AT, created_to=AT),
        "POST /webhooks/w1/redeliver",
        {"createdFrom": VIEW_SENT["triggeredAt"], "createdTo": VIEW_SENT["triggeredAt"], "status": "failed"},
    ),
    (API.me(), "GET /me", None),
    (
        API.insights.summary(day_from=date(2026, 1, 2), group_id="g1"),
        "GET /insights/summary?from=2026-01-02&groupId=g1",
        None,
    ),
    (
        API.insights.timeseries(bucket="week", event_type=["credential_viewed"], day_to="2026-01-02"),
        "GET /insights/timeseries?to=2026-01-02&bucket=week&eventType=credential_viewed",
        None,
    ),
    (API.insights.funnel(design_id="d1"), "GET /insights/funnel?designId=d1", None),
    (API.insights.channels(triggered_by="guest"), "GET /insights/channels?triggeredBy=guest", None),
    (API.insights.credentials(), "GET /insights/credentials?sort=guestViews&limit=20", None),
    (API.workspace(), "GET /workspace", None),
]


@pytest.mark.parametrize(("call", "target", "body"), REQUESTS, ids=lambda value: str(value)[:50])
def test_each_method_asks_for(call, target, body):
    assert f"{call.method} {call.target}" == target
    assert (None if call.content is None else msgspec.json.decode(call.content)) == body


def test_every_endpoint_has_a_method(tmp_path):
    parts = build(Settings(database_url=f"sqlite:///{tmp_path}/none.db", secret_key="k" * 32))
    asked = [(call.method, call.path) for call, _, _ in REQUESTS]
    for endpoint in parts.endpoints:
        assert any(
            method == endpoint.method and re.fullmatch(endpoint.pattern, path) for method, path in asked
        ), f"the client has no method for {endpoint.method} {endpoint.path}"


def test_own_keys_go_along():
    assert API.credentials.create(**NEW, idempotency_key="order 1").key == "order 1"
    calls = API.interactions.create_many((VIEW for _ in range(2_001)), idempotency_key="March")
    assert [call.key for call in calls] == ["March-1", "March-2", "March-3"]
    assert [len(call.body["data"]) for call in calls] == [1_000, 1_000, 1]
    assert API.interactions.create_many([]) == []


def test_batches_stay_below_what_a_server_reads():
    large = {**NEW, "custom_attributes": {f"custom.n{number}": "ß" * 2_000 for number in range(50)}}
    calls = API.credentials.create_many([large] * 12)
    assert [len(call.body["data"]) for call in calls] == [4, 4, 4]
    assert all(len(call.content) <= 1_048_576 for call in calls)


def test_now_is_taken_once():
    call = API.interactions.create(**{name: VIEW[name] for name in VIEW if name != "triggered_at"})
    assert call.content == call.content
    assert abs(call.body["triggered_at"] - datetime.now(UTC)) < timedelta(minutes=1)


@pytest.mark.parametrize("id_", ["", ".", "..", None, 7])
def test_what_is_no_id_is_not_asked_for(id_):
    with pytest.raises(ValueError, match="is not an id"):
        API.credentials.delete(id_)


def test_an_id_stays_within_its_place():
    assert path_of("credentials", "../groups?x#y é") == "/credentials/..%2Fgroups%3Fx%23y%20%C3%A9"


@pytest.mark.parametrize(
    "slip",
    [
        lambda: API.credentials.change("c1", expiry_dat=None),
        lambda: API.credentials.create(group_id="g1"),
        lambda: API.interactions.create_many([{**VIEW, "actor": "guest"}]),
        lambda: API.interactions.list(credentialId="c1"),
        lambda: API.groups.create(design_ids=["d1"]),
        lambda: API.credentials.get(),
    ],
)
def test_a_misspelt_or_missing_argument_is_told(slip):
    with pytest.raises(TypeError):
        slip()


def test_a_time_that_nobody_knows_is_refused():
    with pytest.raises(ValueError, match="no time zone"):
        _ = API.interactions.create(**{**VIEW, "triggered_at": datetime(2024, 3, 12)}).content


def test_methods_tell_what_they_do():
    for part in (API, *(part for part in vars(API).values() if hasattr(part, "_driver"))):
        for name in dir(type(part)):
            if not name.startswith("_"):
                assert getattr(part, name).__doc__, name
    assert isinstance(API.me(), Call)
    assert callable(Everything.me)
