"""What this server tells wallets of itself: the Service Description Document of Open Badges 3.0. Pure.

It is an OpenAPI document with what is offered and nothing else, so that a wallet knows beforehand. Source: Open Badges
3.0, sections 6.3 and 7.1.
"""

from typing import Any

from credtrail import __version__
from credtrail.wallets.model import (
    API,
    AUTHORIZE,
    MOST_AT_ONCE,
    READ_CREDENTIALS,
    READ_PROFILE,
    REGISTER,
    STAY_CONNECTED,
    TOKEN,
)

_TOLD = {
    READ_CREDENTIALS: "Read the credentials that were issued to the person.",
    READ_PROFILE: "Read the person's e-mail address and name.",
    STAY_CONNECTED: "Stay connected: get a refresh token.",
}


def describe_service(public_url: str, image_url: str, terms_url: str, privacy_url: str) -> dict[str, Any]:
    """The document; the last two addresses are the operator's pages for people."""
    return {
        "openapi": "3.0.1",
        "info": {
            "title": "Credtrail",
            "version": "3.0",
            "description": f"Open Badges 3.0 by Credtrail {__version__}: a provider of what is issued here, read-only.",
            "termsOfService": terms_url,
            "x-imssf-privacyPolicyUrl": privacy_url,
            "x-imssf-image": image_url,
        },
        "servers": [{"url": public_url + API}],
        "paths": {
            "/credentials": {"get": _credentials()},
            "/profile": {"get": _profile()},
            "/discovery": {"get": _discovery()},
        },
        "components": {"securitySchemes": {"OAuth2ACG": _security(public_url)}, "schemas": _SCHEMAS},
    }


def _security(public_url: str) -> dict[str, Any]:
    return {
        "type": "oauth2",
        "description": "Authorization code with PKCE (S256); wallets register themselves.",
        "x-imssf-registrationUrl": public_url + REGISTER,
        "flows": {
            "authorizationCode": {
                "authorizationUrl": public_url + AUTHORIZE,
                "tokenUrl": public_url + TOKEN,
                "refreshUrl": public_url + TOKEN,
                "scopes": _TOLD,
            }
        },
    }


def _credentials() -> dict[str, Any]:
    return {
        "tags": ["OpenBadgeCredentials"],
        "summary": "Credentials issued to the person, oldest first.",
        "operationId": "getCredentials",
        "parameters": [
            _parameter("limit", f"At most so many; {MOST_AT_ONCE} are the most.", type="integer", minimum=1),
            _parameter("offset", "The index of the first, from 0.", type="integer", minimum=0),
            _parameter("since", "Issued or changed after this.", type="string", format="date-time"),
            _parameter(
                "format",
                "An addition of this server: with a proof inside, or each as a VC-JWT.",
                type="string",
                enum=["json_ld", "vc_jwt"],
                default="json_ld",
            ),
        ],
        "responses": {
            "200": {
                **_answer("The credentials.", "GetOpenBadgeCredentialsResponse"),
                "headers": {
                    "X-Total-Count": {"schema": {"type": "integer"}},
                    "Link": {"schema": {"type": "string"}},
                },
            },
            "default": _answer("What is wrong.", "Imsx_StatusInfo"),
        },
        "security": [{"OAuth2ACG": [READ_CREDENTIALS]}],
    }


def _profile() -> dict[str, Any]:
    return {
        "tags": ["OpenBadgeCredentials"],
        "summary": "The person.",
        "operationId": "getProfile",
        "responses": {
            "200": _answer("The person as a Profile.", "Profile"),
            "default": _answer("What is wrong.", "Imsx_StatusInfo"),
        },
        "security": [{"OAuth2ACG": [READ_PROFILE]}],
    }


def _discovery() -> dict[str, Any]:
    return {
        "tags": ["Discovery"],
        "summary": "This document.",
        "operationId": "getServiceDescription",
        "responses": {
            "200": {"description": "It.", "content": {"application/json": {"schema": {"type": "object"}}}}
        },
    }


def _parameter(name: str, told: str, **schema: Any) -> dict[str, Any]:
    return {"name": name, "in": "query", "required": False, "description": told, "schema": schema}


def _answer(told: str, schema: str) -> dict[str, Any]:
    content = {"application/json": {"schema": {"$ref": f"#/components/schemas/{schema}"}}}
    return {"description": told, "content": content}


_SCHEMAS: dict[str, Any] = {
    "GetOpenBadgeCredentialsResponse": {
        "type": "object",
        "properties": {
            "credential": {"type": "array", "items": {"$ref": "#/components/schemas/AchievementCredential"}},
            "compactJwsString": {
                "type": "array",
                "items": {"type": "string", "pattern": r"^[a-zA-Z0-9_-]+\.[a-zA-Z0-9_-]*\.[a-zA-Z0-9_-]+$"},
            },
        },
        "additionalProperties": False,
    },
    "AchievementCredential": {
        "type": "object",
        "required": [
            "@context",
            "id",
            "type",
            "name",
            "credentialSubject",
            "issuer",
            "validFrom",
            "credentialStatus",
            "proof",
        ],
        "additionalProperties": True,
        "externalDocs": {"url": "https://www.imsglobal.org/spec/ob/v3p0/#achievementcredential"},
    },
    "Profile": {
        "type": "object",
        "required": ["@context", "id", "type", "email"],
        "properties": {
            "@context": {"type": "array", "items": {"type": "string"}},
            "id": {"type": "string"},
            "type": {"type": "array", "items": {"type": "string"}},
            "name": {"type": "string"},
            "email": {"type": "string"},
        },
        "additionalProperties": True,
    },
    "Imsx_StatusInfo": {
        "type": "object",
        "required": ["imsx_codeMajor", "imsx_severity"],
        "properties": {
            "imsx_codeMajor": {"type": "string", "enum": ["failure", "processing", "success", "unsupported"]},
            "imsx_severity": {"type": "string", "enum": ["error", "status", "warning"]},
            "imsx_description": {"type": "string"},
            "imsx_codeMinor": {"type": "object", "additionalProperties": True},
        },
        "additionalProperties": False,
    },
}
