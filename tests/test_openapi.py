"""The OpenAPI document is valid, complete, and what a running server really answers."""

import json

import httpx2 as httpx
import pytest
import schemathesis
from hypothesis import HealthCheck, Phase, given
from hypothesis import settings as hypothesis_settings
from schemathesis.checks import not_a_server_error
from schemathesis.specs.openapi.checks import (
    content_type_conformance,
    response_schema_conformance,
    status_code_conformance,
)

from conftest import headers

CHECKS = [not_a_server_error, status_code_conformance, content_type_conformance, response_schema_conformance]
EXAMPLES_PER_OPERATION = 60


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


def test_the_server_still_serves_afterwards(server, cast):
    answer = httpx.get(f"{server.url}/v1/workspace", headers=headers(cast.ada))
    assert json.loads(answer.text)["id"] == cast.workspace_id
