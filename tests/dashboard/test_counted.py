"""On PostgreSQL: every page and every answer that tells of sums tells of what was recorded just before."""

import pytest

from conftest import headers, in_transaction
from recount import count_pending

pytestmark = pytest.mark.parametrize("dialect", ["postgresql"], indirect=True)

PAGES = (
    "",
    "/insights",
    "/insights/funnel",
    "/insights/series",
    "/insights/channels",
    "/insights/best",
    "/insights/set-aside",
    "/insights/series.csv",
    "/credentials",
    "/credentials/{id}",
)
ANSWERS = (("POST", "/credentials/search", {"filter": {}}), ("GET", "/credentials/{id}/mails", None))
"""And all of /insights."""


def test_nothing_is_pending_where_sums_are_told(idle, ada_in, cast, settings, house):
    client, ada = ada_in.client, headers(cast.ada)
    sent = {
        "credentialId": cast.credential_id,
        "eventType": "credential_viewed",
        "triggeredBy": "guest",
        "triggeredAt": "2024-03-12T17:33:05.784Z",
    }

    idle()

    def pending():
        return in_transaction(settings, count_pending)

    def leave_one():
        assert client.post("/v1/credential-interactions", json=sent, headers=ada).status_code == 201
        assert pending() == 1

    for page in PAGES:
        leave_one()
        ada_in.see(ada_in.home + page.format(id=cast.credential_id))
        assert pending() == 0, page
    insights = [("GET", one.path, None) for one in house.endpoints if one.path.startswith("/insights/")]
    assert len(insights) >= 5
    for method, path, body in (*ANSWERS, *insights):
        leave_one()
        asked = client.request(method, "/v1" + path.format(id=cast.credential_id), json=body, headers=ada)
        assert asked.status_code == 200, path
        assert pending() == 0, path
    leave_one()
    ada_in.see(f"{ada_in.home}/persons")
    robin = "robin@learner.example"
    ada_in.post(f"{ada_in.home}/persons/export", email=robin)
    assert pending() == 0
    leave_one()
    ada_in.see(f"{ada_in.home}/persons")
    ada_in.post(f"{ada_in.home}/persons/erase", email=robin, confirm=robin)
    assert pending() == 0
