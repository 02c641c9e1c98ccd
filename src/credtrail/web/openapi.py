"""The OpenAPI 3.1 document, made from the same endpoints and types that serve and parse. Called by `app`."""

from collections.abc import Sequence
from typing import Any

import msgspec
from msgspec.json import schema_components

from credtrail import __version__
from credtrail.errors import ERRORS, Kind
from credtrail.web.endpoint import Endpoint

_ALWAYS: tuple[Kind, ...] = (
    "unauthorized",
    "missing_version",
    "invalid_version",
    "validation_error",
    "rate_limited",
    "internal_server_error",
    "service_unavailable",
)
_WITH_BODY: tuple[Kind, ...] = ("invalid_json", "body_too_large", "unsupported_media_type")

_VERSION = {
    "name": "Certifier-Version",
    "in": "header",
    "required": True,
    "description": "API version header. Required for all requests.",
    "schema": {"type": "string", "enum": ["2022-10-26"]},
}
_IDEMPOTENCY_KEY = {
    "name": "Idempotency-Key",
    "in": "header",
    "required": False,
    "description": "Up to 255 printable characters. A request sent again with the same key within 24 hours gets "
    "the first answer again and has no second effect.",
    "schema": {"type": "string", "minLength": 1, "maxLength": 255, "pattern": "^[!-~]+$"},
}
_ID = {"type": "string", "minLength": 1, "maxLength": 64, "pattern": "^[^/\\u0000]+$"}
_ERROR = {
    "type": "object",
    "required": ["error"],
    "properties": {
        "error": {
            "type": "object",
            "required": ["code", "message"],
            "properties": {
                "code": {"type": "string", "enum": sorted({error.code for error in ERRORS.values()})},
                "message": {"type": "string"},
                "details": {
                    "type": "array",
                    "description": "Each wrong field by its path, and what it must be (only with validation_error).",
                    "items": {
                        "type": "object",
                        "required": ["field", "message"],
                        "properties": {"field": {"type": "string"}, "message": {"type": "string"}},
                    },
                },
            },
        }
    },
}


def make_document(endpoints: Sequence[Endpoint], public_url: str) -> dict[str, Any]:
    """The whole document, ready for JSON. Pure: nothing is read but the endpoints."""
    types = [type_ for one in endpoints for type_ in (one.body, one.answer) if type_ not in (None, bytes)]
    schemas, components = schema_components(types, ref_template="#/components/schemas/{name}")
    schema_of = dict(zip(map(id, types), schemas, strict=True))
    paths: dict[str, dict[str, Any]] = {}
    for endpoint in endpoints:
        operation = _operation(endpoint, schema_of)
        if links := _links(endpoint, endpoints):
            operation["responses"][str(endpoint.status)]["links"] = links
        paths.setdefault(endpoint.path, {})[endpoint.method.lower()] = operation
    return {
        "openapi": "3.1.0",
        "info": {
            "title": "Credtrail API",
            "version": "2022-10-26",
            "summary": "Credentials, and what people do with them.",
            "description": f"Served by Credtrail {__version__}. Wire-compatible with Certifier's public API: "
            "a client of that API needs another base URL and another token, and nothing else.",
            "license": {"name": "MIT", "identifier": "MIT"},
        },
        "servers": [{"url": f"{public_url}/v1"}],
        "security": [{"BearerAuth": []}],
        "tags": [{"name": tag} for tag in dict.fromkeys(one.tag for one in endpoints)],
        "paths": paths,
        "components": {
            "securitySchemes": {
                "BearerAuth": {
                    "type": "http",
                    "scheme": "bearer",
                    "description": "Provide your access token in the Authorization header.",
                }
            },
            "schemas": {**components, "Error": _ERROR},
        },
    }


def _operation(endpoint: Endpoint, schema_of: dict[int, dict[str, Any]]) -> dict[str, Any]:
    operation: dict[str, Any] = {
        "operationId": _name_of(endpoint),
        "summary": endpoint.summary,
        "tags": [endpoint.tag],
        "parameters": _parameters(endpoint),
        "responses": {str(endpoint.status): _success(endpoint, schema_of), **_refusals(endpoint)},
    }
    if endpoint.description:
        operation["description"] = endpoint.description
    if endpoint.body is not None:
        raw = {"type": "string", "format": "binary"}
        schema = raw if endpoint.body is bytes else schema_of[id(endpoint.body)]
        operation["requestBody"] = {
            "required": True,
            "content": {media_type: {"schema": schema} for media_type in endpoint.takes},
        }
    return operation


def _name_of(endpoint: Endpoint) -> str:
    return f"{endpoint.handler.__self__.__class__.__name__}.{endpoint.handler.__name__}"  # type: ignore[attr-defined]


def _links(endpoint: Endpoint, endpoints: Sequence[Endpoint]) -> dict[str, Any]:
    """What can be done with the thing that was just created: every path that goes on with its id."""
    if endpoint.status != 201 or "id" not in getattr(endpoint.answer, "__struct_fields__", ()):
        return {}
    path = f"/{endpoint.path.split('/')[1]}/{{id}}"
    return {
        _name_of(one): {"operationId": _name_of(one), "parameters": {"id": "$response.body#/id"}}
        for one in endpoints
        if one.path == path or one.path.startswith(f"{path}/")
    }


def _parameters(endpoint: Endpoint) -> list[dict[str, Any]]:
    parameters: list[dict[str, Any]] = [_VERSION]
    if endpoint.method == "POST":
        parameters.append(_IDEMPOTENCY_KEY)
    parameters += [
        {"name": name, "in": "path", "required": True, "schema": _ID} for name in endpoint.pattern.groupindex
    ]
    if endpoint.query is not None:
        _, components = schema_components([endpoint.query], ref_template="#/components/schemas/{name}")
        for name, schema in components[endpoint.query.__name__]["properties"].items():
            parameters.append(
                {"name": name, "in": "query", "required": False, "schema": _without_null(schema)}
            )
    return parameters


def _without_null(schema: dict[str, Any]) -> dict[str, Any]:
    """In a query an absent value is an absent parameter: null has no spelling."""
    members = [member for member in schema.get("anyOf", ()) if member != {"type": "null"}]
    if len(members) == 1:
        schema = {
            **members[0],
            **{key: value for key, value in schema.items() if key not in ("anyOf", "default")},
        }
    if "enum" in schema:
        schema = {**schema, "enum": [value for value in schema["enum"] if value is not None]}
    if schema.get("default", ...) is None:
        schema = {key: value for key, value in schema.items() if key != "default"}
    return schema


def _success(endpoint: Endpoint, schema_of: dict[int, dict[str, Any]]) -> dict[str, Any]:
    success: dict[str, Any] = {"description": endpoint.summary}
    if endpoint.answer is not None:
        success["content"] = {"application/json": {"schema": schema_of[id(endpoint.answer)]}}
    elif endpoint.media_types != ("application/json",):
        success["content"] = {
            media_type: {"schema": {"type": "string"}} for media_type in endpoint.media_types
        }
    return success


def _refusals(endpoint: Endpoint) -> dict[str, Any]:
    kinds = list(_ALWAYS) + list(endpoint.refusals)
    if endpoint.body is not None or endpoint.method == "POST":
        kinds += _WITH_BODY
    if endpoint.writes:
        kinds.append("forbidden")
    if endpoint.method == "POST":
        kinds.append("conflict")
    by_status: dict[int, list[str]] = {}
    for kind in dict.fromkeys(kinds):
        by_status.setdefault(ERRORS[kind].status, []).append(f"`{ERRORS[kind].code}`: {ERRORS[kind].message}")
    return {
        str(status): {
            "description": ". ".join(dict.fromkeys(sentences)),
            "content": {"application/json": {"schema": {"$ref": "#/components/schemas/Error"}}},
        }
        for status, sentences in sorted(by_status.items())
    }


def encode_document(endpoints: Sequence[Endpoint], public_url: str) -> bytes:
    """The document as JSON bytes."""
    return msgspec.json.encode(make_document(endpoints, public_url))
