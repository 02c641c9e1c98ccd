"""A token of one workspace sees and changes nothing of another, on every route there is.

The routes come from the house's own table, so a new one can't be forgotten: a route with ids in its path, or a
body that names an object, needs its line below, or the test fails.
"""

import base64
import json
from typing import NamedTuple

from sqlalchemy import select

from conftest import ask_for_name, headers
from credtrail.database import metadata
from credtrail.interactions.fold import fold_here
from credtrail.settings import Settings

# For each route: what of Ada's goes into the path or body when Cleo calls, and the status she gets.
FOREIGN = {
    ("POST", "/credential-interactions"): ("body", 400),
    ("POST", "/credential-interactions/batch"): ("body", 200),  # each item carries its own refusal
    ("GET", "/credential-interactions"): ("list", 200),
    ("GET", "/credential-interactions/export"): ("list", 200),
    ("GET", "/credential-interactions/{id}"): ("path", 404),
    ("GET", "/credential-interactions/set-aside"): ("list", 200),
    ("GET", "/credential-interactions/set-aside/counts"): ("counts", 200),
    ("GET", "/credentials"): ("list", 200),
    ("POST", "/credentials"): ("body", 404),
    ("GET", "/credentials/{id}"): ("path", 404),
    ("DELETE", "/credentials/{id}"): ("path", 404),
    ("POST", "/credentials/{id}/issue"): ("path", 404),
    ("POST", "/credentials/{id}/revoke"): ("path", 404),
    ("POST", "/credentials/{id}/reinstate"): ("path", 404),
    ("PATCH", "/credentials/{id}"): ("path", 404),
    ("POST", "/credentials/{id}/send"): ("path", 404),
    ("POST", "/credentials/{id}/schedule"): ("path", 404),
    ("GET", "/credentials/{id}/mails"): ("path", 404),
    ("GET", "/credentials/{id}/designs"): ("path", 404),
    ("GET", "/credentials/{id}/links"): ("path", 404),
    ("POST", "/credentials/create-issue-send"): ("body", 404),
    ("POST", "/credentials/search"): ("list", 200),
    ("POST", "/credentials/batch"): ("body", 200),  # each item carries its own refusal
    ("GET", "/credentials/{id}/privacy"): ("path", 404),
    ("PUT", "/credentials/{id}/privacy"): ("path", 404),
    ("GET", "/name-requests"): ("list", 200),
    ("GET", "/name-requests/{id}"): ("path", 404),
    ("POST", "/name-requests/{id}/accept"): ("path", 404),
    ("POST", "/name-requests/{id}/decline"): ("path", 404),
    ("PATCH", "/groups/{id}"): ("path", 404),
    ("DELETE", "/groups/{id}"): ("path", 404),
    ("GET", "/groups/{id}/settings"): ("path", 404),
    ("GET", "/attributes"): ("list", 200),
    ("POST", "/attributes"): ("list", 400),
    ("PATCH", "/attributes/{id}"): ("path", 404),
    ("DELETE", "/attributes/{id}"): ("path", 404),
    ("GET", "/email-templates"): ("list", 200),
    ("POST", "/email-templates"): ("list", 400),
    ("GET", "/email-templates/{id}"): ("path", 404),
    ("PATCH", "/email-templates/{id}"): ("path", 404),
    ("DELETE", "/email-templates/{id}"): ("path", 404),
    ("GET", "/groups"): ("list", 200),
    ("POST", "/groups"): ("list", 400),
    ("GET", "/groups/{id}"): ("path", 404),
    ("GET", "/designs"): ("list", 200),
    ("GET", "/designs/{id}"): ("path", 404),
    ("POST", "/designs"): ("body", 400),
    ("PATCH", "/designs/{id}"): ("path", 404),
    ("DELETE", "/designs/{id}"): ("path", 404),
    ("GET", "/designs/{id}/document"): ("path", 404),
    ("GET", "/designs/schema"): ("list", 200),
    ("GET", "/images"): ("list", 200),
    ("POST", "/images"): ("body", 415),
    ("GET", "/images/{id}"): ("path", 404),
    ("DELETE", "/images/{id}"): ("path", 404),
    ("GET", "/webhooks"): ("list", 200),
    ("POST", "/webhooks"): ("list", 400),
    ("GET", "/webhooks/{id}"): ("path", 404),
    ("PATCH", "/webhooks/{id}"): ("path", 404),
    ("DELETE", "/webhooks/{id}"): ("path", 404),
    ("POST", "/webhooks/{id}/rotate-secret"): ("path", 404),
    ("POST", "/webhooks/{id}/test"): ("path", 404),
    ("POST", "/webhooks/{id}/redeliver"): ("path", 404),
    ("GET", "/webhooks/{id}/deliveries"): ("path", 404),
    ("GET", "/webhooks/{id}/deliveries/{deliveryId}"): ("path", 404),
    ("POST", "/webhooks/{id}/deliveries/{deliveryId}/redeliver"): ("path", 404),
    ("GET", "/insights/summary"): ("query", 400),
    ("GET", "/insights/timeseries"): ("query", 400),
    ("GET", "/insights/funnel"): ("query", 400),
    ("GET", "/insights/channels"): ("query", 400),
    ("GET", "/insights/credentials"): ("query", 400),
    ("GET", "/workspace"): ("list", 200),
    ("GET", "/me"): ("list", 200),
}


PNG = base64.b64decode(
    "iVBORw0KGgoAAAANSUhEUgAAAAEAAAABCAYAAAAfFcSJAAAADUlEQVR42mNk+M9QDwADhgGAWjR9awAAAABJRU5ErkJggg=="
)


def a_design(image_id):
    """A design that shows an image."""
    box = {"kind": "image", "x": 0, "y": 0, "width": 9, "height": 9, "image": image_id}
    return {"name": "A", "document": {"version": 1, "type": "badge", "page": "square", "boxes": [box]}}


def test_every_route_has_its_line(house):
    assert {(one.method, one.path) for one in house.endpoints} == set(FOREIGN)


def snapshot(settings: Settings):
    """Every row of every table, but for what merely remembers that Cleo called."""
    from conftest import in_transaction

    def ask(transaction):
        fold_here(transaction)
        return {
            name: sorted(map(repr, transaction.connection.execute(select(table))))
            for name, table in metadata.tables.items()
        }

    return in_transaction(settings, ask)


class Adas(NamedTuple):
    """What Ada's workspace has: ids by the first word of their route, bodies by route, and what Cleo must not read."""

    ids: dict[str, str]
    delivery_id: str
    bodies: dict[str, object]
    secrets: list[str]


def furnish(client, cast, settings) -> Adas:
    """One of everything in Ada's workspace."""
    item = {
        "credentialId": cast.credential_id,
        "eventType": "credential_viewed",
        "triggeredBy": "guest",
        "triggeredAt": "2024-03-12T17:33:05.784Z",
    }
    made = client.post("/v1/credential-interactions", headers=headers(cast.ada), json=item).json()
    report = {"token": "made up", "eventType": "credential_viewed", "triggeredBy": "guest"}
    aside = client.post(f"/credentials/{cast.public_id}/interactions", json=report)
    assert aside.headers["credtrail-set-aside"] == "wrong_origin"
    image = client.post(
        "/v1/images", headers=headers(cast.ada, **{"Content-Type": "image/png"}), content=PNG
    ).json()
    design = client.post("/v1/designs", headers=headers(cast.ada), json=a_design(image["id"])).json()
    template = client.post(
        "/v1/email-templates",
        headers=headers(cast.ada),
        json={"name": "Warm", "subject": "Ada's secret subject", "body": "x"},
    ).json()
    attribute = client.post("/v1/attributes", headers=headers(cast.ada), json={"name": "Ada grade"}).json()
    hook = client.post(
        "/v1/webhooks",
        headers=headers(cast.ada),
        json={"url": "https://ada.example/hook", "types": ["credential.viewed"]},
    ).json()
    client.post(f"/v1/webhooks/{hook['id']}/test", headers=headers(cast.ada), json={})
    deliveries = client.get(f"/v1/webhooks/{hook['id']}/deliveries", headers=headers(cast.ada)).json()
    ids = {
        "webhooks": hook["id"],
        "attributes": attribute["id"],
        "email-templates": template["id"],
        "credential-interactions": made["id"],
        "credentials": cast.draft_id,
        "name-requests": ask_for_name(settings, cast, "Ada's secret name").id,
        "groups": cast.group_id,
        "designs": design["id"],
        "images": image["id"],
    }
    new = {"groupId": cast.group_id, "recipient": {"name": "Mallory", "email": "mallory@learner.example"}}
    bodies: dict[str, object] = {
        "/credential-interactions": item,
        "/credential-interactions/batch": {"data": [item]},
        "/credentials": new,
        "/credentials/create-issue-send": new,
        "/credentials/batch": {"data": [new]},
        "/credentials/{id}/send": {"deliveryMethod": "email"},
        "/credentials/{id}/schedule": {"issueAt": "2099-01-01T00:00:00Z"},
        "/credentials/{id}/privacy": {"privacy": "private"},
        "/attributes/{id}": {"name": "Mallory's"},
        "/groups": {"name": "Mallory's", "designIds": [design["id"]]},
        "/designs": a_design(image["id"]),
        "/webhooks/{id}/redeliver": {"createdFrom": "2020-01-01T00:00:00Z"},
    }
    secrets = [
        made["id"],
        cast.draft_id,
        cast.workspace_id,
        cast.group_id,
        cast.public_id,
        "Robin Ñandú",
        "wrong_origin",
        design["id"],
        image["id"],
        "Ada's secret subject",
        "Ada grade",
        "Ada's secret name",
        hook["id"],
        hook["secret"],
        "ada.example",
    ]
    return Adas(ids, deliveries["data"][0]["id"], bodies, secrets)


def test_cleo_sees_and_changes_nothing_of_adas(client, cast, settings):
    """One world for all routes: each must leave every row as it is, so none changes what the next one meets."""
    adas = furnish(client, cast, settings)
    client.get("/v1/me", headers=headers(cast.cleo))  # notes that her token is used
    before = snapshot(settings)
    for route in sorted(FOREIGN):
        assert_closed(client, cast, adas, route)
        assert snapshot(settings) == before, route


def assert_closed(client, cast, adas, route):
    """The route answers Cleo as if there were nothing of Ada's."""
    method, path = route
    kind, status = FOREIGN[route]
    filled = path.replace("{id}", adas.ids.get(path.split("/")[1], "")).replace(
        "{deliveryId}", adas.delivery_id
    )
    filters = f"?credentialId={cast.credential_id}" if kind == "list" and "interactions" in path else ""
    if kind == "query":
        own = client.get(f"/v1{path}?from=2024-03-01&to=2024-03-31", headers=headers(cast.cleo)).text
        of_design = client.get(f"/v1{path}?designId={adas.ids['designs']}", headers=headers(cast.cleo))
        assert of_design.status_code == 400, route
        assert "credential_viewed" not in own, route
        assert cast.credential_id not in own, route
        filters = f"?groupId={cast.group_id}"
    answer = client.request(
        method,
        f"/v1{filled}{filters}",
        headers=headers(cast.cleo, **{"Content-Type": "application/json"}),
        content=json.dumps(adas.bodies.get(path, {})) if method in ("POST", "PATCH", "PUT") else None,
    )
    assert answer.status_code == status, (route, answer.text)
    is_cleos_own = path in ("/credentials", "/credentials/search")  # her own Robin bears the same name
    for secret in adas.secrets:
        assert secret not in answer.text or (is_cleos_own and secret == "Robin Ñandú"), (route, secret)
    if path.endswith("/batch"):
        code = "not_found" if path.startswith("/credentials/") else "validation_error"
        assert answer.json()["data"][0]["error"]["code"] == code, route


def test_cleos_cursor_does_not_open_adas_list(client, cast):
    for who in (cast.ada, cast.cleo):
        for name in ("a", "b"):
            client.post(
                "/v1/groups", headers=headers(who), json={"name": name, "designIds": [cast.design_id]}
            )
    cursor = client.get("/v1/groups?limit=1", headers=headers(cast.cleo)).json()["pagination"]["next"]
    assert client.get(f"/v1/groups?cursor={cursor}", headers=headers(cast.ada)).status_code == 400
