"""The OpenAPI document is valid, complete, and what a running server really answers."""

from collections import Counter
from typing import NamedTuple

import httpx2 as httpx
import pytest
import schemathesis
from hypothesis import HealthCheck, Phase, given
from hypothesis import settings as hypothesis_settings
from schemathesis.checks import not_a_server_error
from schemathesis.core.failures import FailureGroup
from schemathesis.specs.openapi.checks import (
    content_type_conformance,
    response_schema_conformance,
    status_code_conformance,
)

from conftest import examples, headers, in_transaction
from credtrail.accounts.model import digest_token, make_token
from credtrail.accounts.store import add_token, add_workspace
from credtrail.credentials.store import add_credential
from credtrail.designs.model import BUILT_IN
from credtrail.groups.store import add_group

CHECKS = [not_a_server_error, status_code_conformance, content_type_conformance, response_schema_conformance]
EXAMPLES_PER_OPERATION = examples(40)
WALKS, STEPS = examples(60), 20


def test_the_document_lists_every_endpoint_and_names_its_version(client, house):
    document = client.get("/v1/openapi.json").json()
    assert document["openapi"].startswith("3.1")
    listed = {(method.upper(), path) for path, item in document["paths"].items() for method in item}
    assert listed == {(one.method, one.path) for one in house.endpoints}
    ids = [item["operationId"] for path in document["paths"].values() for item in path.values()]
    assert len(set(ids)) == len(ids)


def test_the_document_is_readable_without_a_token(client):
    answer = client.get("/v1/openapi.json")
    assert answer.status_code == 200
    assert answer.headers["content-type"] == "application/json"


@pytest.mark.slow
def test_no_generated_request_breaks_the_server_or_the_document(server, cast):
    """Valid and invalid requests for every operation: never a 5xx, never an answer outside the document."""
    schema = schemathesis.openapi.from_url(f"{server.url}/v1/openapi.json")
    schema.config.generation.update(modes=list(schemathesis.GenerationMode))
    sent = 0
    for result in schema.get_all_operations():
        operation = result.ok()

        @given(case=operation.as_strategy())
        @hypothesis_settings(
            max_examples=EXAMPLES_PER_OPERATION,
            deadline=None,
            database=None,
            phases=[Phase.explicit, Phase.generate],
            suppress_health_check=list(HealthCheck),
        )
        def probe(case):
            nonlocal sent
            _point_at_the_cast(case, cast)
            case.call_and_validate(base_url=f"{server.url}/v1", headers=headers(cast.ada), checks=CHECKS)
            sent += 1

        probe()
    assert sent > 500
    still = httpx.get(f"{server.url}/v1/workspace", headers=headers(cast.ada), timeout=30)
    assert still.json()["id"] == cast.workspace_id


def test_no_walk_through_what_was_created_breaks_the_server_or_the_document(server, settings):
    """Create, then whatever the document's links offer, again and again, with all kinds of bodies.

    Each walk has a workspace of its own, so that none meets what another has left.
    """
    schema = schemathesis.openapi.from_url(f"{server.url}/v1/openapi.json")
    schema.config.generation.update(modes=list(schemathesis.GenerationMode))
    sent, wrong = Counter(), []

    class Walk(schema.as_state_machine()):
        def setup(self):
            self.place = _add_place(settings)

        def get_call_kwargs(self, case):
            return {"headers": headers(self.place.token)}

        def before_call(self, case):
            _fill_in_what_exists(case, self.place)

        def validate_response(self, response, case, **_):
            sent[case.operation.method.upper(), response.status_code] += 1
            try:
                case.validate_response(response, checks=CHECKS)
            except (
                Exception,
                FailureGroup,
            ) as problem:  # told below: a second run of the same walk meets another state
                wrong.append(str(problem))

    Walk.run(
        settings=hypothesis_settings(
            max_examples=WALKS,
            stateful_step_count=STEPS,
            deadline=None,
            database=None,
            phases=[Phase.generate],
            suppress_health_check=list(HealthCheck),
        )
    )
    assert wrong == []
    assert sum(sent.values()) > WALKS * STEPS / 3
    assert sent["POST", 201] > WALKS / 3
    assert sent["PATCH", 200] + sent["DELETE", 204] + sent["GET", 200] > WALKS / 3


class Place(NamedTuple):
    """A workspace with a group and a credential, and a token for it."""

    token: str
    group_id: str
    credential_id: str
    design_id: str = BUILT_IN[0].id


def _add_place(settings):
    token = make_token()

    def act(transaction):
        workspace = add_workspace(transaction, f"Walked {token}")
        add_token(transaction, workspace.id, "walk", digest_token(token))
        group = add_group(transaction, workspace.id, "Botany", [BUILT_IN[0].id])
        robin = (None, "Robin", "robin@learner.example")
        made = add_credential(
            transaction, workspace.id, group.id, robin, ("2024-03-12", None), status="issued"
        )
        return Place(token, group.id, made.id)

    return in_transaction(settings, act)


def _fill_in_what_exists(case, cast):
    """Bodies that name a group or a design name one that is there, so that creating succeeds."""
    if isinstance(case.body, dict):
        if "groupId" in case.body:
            case.body["groupId"] = cast.group_id
        if "designIds" in case.body:
            case.body = {**case.body, "designIds": [cast.design_id]}
            case.body.pop("certificateDesignId", None)
            case.body.pop("badgeDesignId", None)
        if "credentialId" in case.body:
            case.body["credentialId"] = cast.credential_id


def _point_at_the_cast(case, cast):
    """Half of the generated ids become real ones, so that more than refusals is seen."""
    real = {"credentialId": cast.credential_id, "groupId": cast.group_id}
    if isinstance(case.body, dict):
        for name, id_ in real.items():
            if isinstance(case.body.get(name), str) and len(case.body[name]) % 2:
                case.body[name] = id_
    id_ = (case.path_parameters or {}).get("id")
    if isinstance(id_, str) and len(id_) % 2:
        case.path_parameters["id"] = cast.design_id if "designs" in case.operation.path else cast.draft_id
