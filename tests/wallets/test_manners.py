"""What wallets are told, in the shapes of the specifications, and what is refused."""

import base64
from itertools import product

import jsonschema_rs
import pytest
from authlib.oauth2.rfc8414 import AuthorizationServerMetadata
from sqlalchemy import func, select

from conftest import in_transaction
from credtrail.settings import Settings
from credtrail.wallets import store
from credtrail.wallets.model import fits_redirect_uri, form_target_of, place_of
from wallets.conftest import BACK, PROFILE, READ, Wallet

# As the specification's OpenAPI file has them (Open Badges 3.0, section B.2 and C).
STATUS_INFO = {
    "type": "object",
    "required": ["imsx_codeMajor", "imsx_severity"],
    "properties": {
        "imsx_codeMajor": {"enum": ["failure", "processing", "success", "unsupported"]},
        "imsx_severity": {"enum": ["error", "status", "warning"]},
        "imsx_description": {"type": "string"},
        "imsx_codeMinor": {
            "type": "object",
            "required": ["imsx_codeMinorField"],
            "properties": {
                "imsx_codeMinorField": {
                    "type": "array",
                    "minItems": 1,
                    "items": {
                        "type": "object",
                        "required": ["imsx_codeMinorFieldName", "imsx_codeMinorFieldValue"],
                        "properties": {
                            "imsx_codeMinorFieldName": {"type": "string"},
                            "imsx_codeMinorFieldValue": {
                                "enum": [
                                    "forbidden",
                                    "fullsuccess",
                                    "internal_server_error",
                                    "invalid_data",
                                    "invalid_query_parameter",
                                    "misdirected_request",
                                    "not_acceptable",
                                    "not_allowed",
                                    "not_found",
                                    "not_modified",
                                    "server_busy",
                                    "unauthorizedrequest",
                                    "unknown",
                                ]
                            },
                        },
                        "additionalProperties": False,
                    },
                }
            },
            "additionalProperties": False,
        },
    },
    "additionalProperties": False,
}
SERVICE_DESCRIPTION = {
    "type": "object",
    "required": ["openapi", "info", "components"],
    "properties": {
        "openapi": {"type": "string", "pattern": r"^3\.0\.\d+$"},
        "info": {
            "type": "object",
            "required": ["termsOfService", "title", "version", "x-imssf-privacyPolicyUrl"],
            "additionalProperties": {"type": "string"},
        },
        "components": {
            "type": "object",
            "required": ["securitySchemes"],
            "properties": {
                "securitySchemes": {
                    "type": "object",
                    "required": ["OAuth2ACG"],
                    "properties": {
                        "OAuth2ACG": {
                            "type": "object",
                            "required": ["type", "x-imssf-registrationUrl"],
                            "properties": {
                                "type": {"const": "oauth2"},
                                "flows": {
                                    "type": "object",
                                    "required": ["authorizationCode"],
                                    "properties": {
                                        "authorizationCode": {
                                            "type": "object",
                                            "required": ["authorizationUrl", "tokenUrl", "scopes"],
                                        }
                                    },
                                },
                            },
                        }
                    },
                    "additionalProperties": False,
                }
            },
        },
    },
}


def check(schema, value):
    """Every word of it."""
    jsonschema_rs.validator_for(schema).validate(value)


def refused(answer, status):
    """The minor code of a refusal in the API's shape."""
    assert answer.status_code == status, answer.text
    assert answer.headers["access-control-allow-origin"] == "*"
    check(STATUS_INFO, answer.json())
    return answer.json()["imsx_codeMinor"]["imsx_codeMinorField"][0]["imsx_codeMinorFieldValue"]


def test_the_server_describes_itself(client, wallet, tokens):
    described = client.get("/ims/ob/v3p0/discovery")
    check(SERVICE_DESCRIPTION, described.json())
    assert "max-age" in described.headers["cache-control"]
    assert (
        client.get(described.json()["info"]["x-imssf-image"].removeprefix("http://testserver")).status_code
        == 200
    )
    schemas = described.json()["components"]["schemas"]

    def check_own(name, value):
        check({"$ref": f"#/components/schemas/{name}", "components": {"schemas": schemas}}, value)

    access = tokens["access_token"]
    check_own("GetOpenBadgeCredentialsResponse", wallet.get("credentials", access).json())
    check_own("GetOpenBadgeCredentialsResponse", wallet.get("credentials", access, format="vc_jwt").json())
    check_own("Profile", wallet.get("profile", access).json())
    check_own("Imsx_StatusInfo", wallet.get("profile", "none").json())


def test_metadata_is_sound():
    from credtrail.wallets.model import server_metadata

    AuthorizationServerMetadata(server_metadata("https://credentials.example")).validate()


def test_who_shows_no_token_gets_nothing(client, cast):
    for path, authorization in product(
        ("/ims/ob/v3p0/credentials", "/ims/ob/v3p0/profile"),
        (None, "Bearer", "Bearer made-up", f"Bearer {cast.ada}", "Basic YTpi"),
    ):
        answer = client.get(path, headers={"Authorization": authorization} if authorization else {})
        assert refused(answer, 401) == "unauthorizedrequest"
        assert answer.headers["www-authenticate"].startswith("Bearer")


def test_nothing_is_taken_in(client, cast):
    for method, what in (
        ("POST", "credentials"),
        ("PUT", "profile"),
        ("POST", "discovery"),
        ("DELETE", "profile"),
    ):
        answer = client.request(method, f"/ims/ob/v3p0/{what}", json={})
        assert refused(answer, 405) == "not_allowed"
        assert "GET" in answer.headers["allow"]
    assert (
        client.options("/ims/ob/v3p0/credentials").headers["access-control-allow-headers"].startswith("auth")
    )


CANNOT_REGISTER = (
    ({"redirect_uris": ["http://wallet.example/back"]}, "invalid_redirect_uri"),
    ({"redirect_uris": ["https://wallet.example/back#part"]}, "invalid_redirect_uri"),
    ({"redirect_uris": ["https://user@wallet.example/back"]}, "invalid_redirect_uri"),
    ({"redirect_uris": ["javascript:alert(1)"]}, "invalid_redirect_uri"),
    ({"redirect_uris": ["data:text/html,x"]}, "invalid_redirect_uri"),
    ({"redirect_uris": ["http://127.0.0.1.evil.example/"]}, "invalid_redirect_uri"),
    ({"redirect_uris": ["https://"]}, "invalid_redirect_uri"),
    ({"redirect_uris": ["https://[/"]}, "invalid_redirect_uri"),
    ({"redirect_uris": []}, "invalid_redirect_uri"),
    ({"redirect_uris": None}, "invalid_redirect_uri"),
    ({"redirect_uris": [BACK] * 11}, "invalid_redirect_uri"),
    ({"redirect_uris": [f"https://wallet.example/{'x' * 1000}"]}, "invalid_redirect_uri"),
    ({"redirect_uris": ["https://wallet.example/\u00e4"]}, "invalid_redirect_uri"),
    ({"client_name": None}, "invalid_client_metadata"),
    ({"client_name": "x" * 101}, "invalid_client_metadata"),
    ({"client_name": "a\nb"}, "invalid_client_metadata"),
    ({"client_uri": "https://elsewhere.example/"}, "invalid_client_metadata"),
    ({"policy_uri": "http://wallet.example/"}, "invalid_client_metadata"),
    ({"tos_uri": 5}, "invalid_client_metadata"),
    ({"grant_types": ["implicit"]}, "invalid_client_metadata"),
    ({"response_types": ["token"]}, "invalid_client_metadata"),
    ({"token_endpoint_auth_method": "private_key_jwt"}, "invalid_client_metadata"),
)


@pytest.mark.parametrize("dialect", ["sqlite"])  # nothing of it reaches the database
def test_what_cannot_register(client):
    wallet = Wallet(client)
    for changes, error in CANNOT_REGISTER:
        answer = wallet.register(**changes)
        assert (answer.status_code, answer.json()["error"]) == (400, error), changes
        assert answer.json()["error_description"].isascii()


def test_what_can_register(client, cast):
    wallet = Wallet(client)
    made = wallet.register(scope=f"{READ} and more").json()
    assert (made["scope"], made["client_secret_expires_at"]) == (READ, 0)
    assert made["client_id_issued_at"] > 1_700_000_000
    app = wallet.register(
        redirect_uris=["org.example.app:/back", "http://127.0.0.1/back", "dccrequest://oauth"],
        client_uri=None,
        logo_uri=None,
        tos_uri=None,
        policy_uri=None,
        token_endpoint_auth_method="none",
        grant_types=["authorization_code"],
    ).json()
    assert "client_secret" not in app
    for body in (b"", b"[]", b"{", b'{"client_name": "\xff"}'):
        answer = client.post("/oauth/register", content=body)
        assert (answer.status_code, answer.json()["error"]) == (400, "invalid_client_metadata")
    assert client.post("/oauth/register", content=b"x" * 20_000).status_code == 413


def test_an_app_without_a_secret_comes_back_to_its_device(client, cast, robin):
    app = Wallet(client)
    app.register(
        redirect_uris=["http://127.0.0.1/back"],
        client_uri=None,
        logo_uri=None,
        tos_uri=None,
        policy_uri=None,
        token_endpoint_auth_method="none",
        grant_types=["authorization_code"],
    )
    assert app.secret is None
    back = "http://127.0.0.1:51004/back"
    answer = robin.connect(app, redirect_uri=back)
    assert answer.headers["location"].startswith(back + "?")
    tokens = app.fetch(app.came_back(answer)["code"], redirect_uri=back).json()
    assert "refresh_token" not in tokens
    assert app.get("profile", tokens["access_token"]).status_code == 200
    assert app.refresh("any").json()["error"] == "unauthorized_client"


def test_wallets_are_bounded_in_number_and_pace(settings, cast, templates):
    from starlette.testclient import TestClient

    from credtrail.app import build

    few = settings.model_copy(update={"wallet_limit": 2, "wallet_registrations_per_network": 3})
    with TestClient(build(few).application, client=("192.0.2.7", 1)) as client:
        wallet = Wallet(client)
        answers = [wallet.register() for _ in range(4)]
    assert [answer.status_code for answer in answers] == [201, 201, 503, 429]
    assert answers[2].json()["error"] == "temporarily_unavailable"
    assert int(answers[3].headers["retry-after"]) > 0
    in_transaction(settings, store.forget_old)
    count = select(func.count()).select_from(store.wallet_clients)
    assert in_transaction(settings, lambda tx: tx.connection.execute(count).scalar_one()) == 2


SENT_BACK = (
    ({"code_challenge": None}, "invalid_request"),
    ({"code_challenge_method": None}, "invalid_request"),
    ({"code_challenge_method": "plain"}, "invalid_request"),
    ({"code_challenge": "short"}, "invalid_request"),
    ({"response_type": "token"}, "unsupported_response_type"),
    ({"scope": None}, "invalid_scope"),
    ({"scope": "openid"}, "invalid_scope"),
)


def test_what_a_wallet_asks_for_wrongly_goes_back_to_it(client, wallet):
    for changes, error in SENT_BACK:
        answer = client.get(wallet.authorize_at, params=wallet.request(**changes))
        assert answer.headers["location"].startswith(BACK + "?")
        assert wallet.came_back(answer)["error"] == error, changes


def test_what_leads_nowhere_is_told_to_the_person(client, wallet):
    for changes in (
        {"client_id": None},
        {"client_id": "made-up"},
        {"client_id": "a\x00b"},
        {"redirect_uri": None},
        {"redirect_uri": BACK + "/"},
        {"redirect_uri": "https://evil.example/"},
        {"redirect_uri": 'https://evil.example/"\u00e4'},
        {"state": "x" * 9_000},
    ):
        answer = client.get(wallet.authorize_at, params=wallet.request(**changes))
        assert (answer.status_code, "location" in answer.headers) == (400, False), changes
        assert "This does not connect a wallet" in answer.text
    twice = [*wallet.request().items(), ("scope", PROFILE)]
    assert client.get(wallet.authorize_at, params=twice).status_code == 400


def test_forms_come_from_these_pages_alone(client, cast, wallet, robin):
    page = client.get(wallet.authorize_at, params=wallet.request())
    assert "set-cookie" not in page.headers
    assert "form-action 'self' https://wallet.example;" in page.headers["content-security-policy"]
    own, robin._headers = robin._headers, {"Origin": "https://evil.example"}
    assert robin.press(page, "refuse").status_code == 400
    robin._headers = own
    forged = {"form": "AAAA", "step": "refuse"}
    assert client.post(wallet.authorize_at, data=forged, headers=own).status_code == 400
    assert client.post(wallet.authorize_at, content=b"form=" + b"x" * 40_000, headers=own).status_code == 413
    asked = robin.press(page, "ask", email="anybody@learner.example")
    again = robin.press(asked, "again")
    assert ('value="anybody@learner.example"' in again.text, "That is not" in again.text) == (True, False)
    for wrong in ("", "robin", "x" * 250 + "@a.example", "ro\x00bin@learner.example"):
        answer = robin.press(page, "ask", email=wrong)
        assert (answer.status_code, "That is not an e-mail address" in answer.text) == (400, True)


def test_token_requests_that_make_no_sense(client, wallet):
    for authorization in (
        "Basic",
        "Basic ä".encode(),
        "Basic !!!",
        "Basic " + base64.b64encode(b"\xff\xfe").decode(),
    ):
        answer = client.post(
            wallet.token_at, data={"grant_type": "x"}, headers={"Authorization": authorization}
        )
        assert (answer.status_code, answer.json()["error"]) == (400, "unsupported_grant_type")
        fields = {"grant_type": "refresh_token", "refresh_token": "x"}
        answer = client.post(wallet.token_at, data=fields, headers={"Authorization": authorization})
        assert answer.json()["error"] == "invalid_client"
    assert client.post(wallet.token_at).json()["error"] == "unsupported_grant_type"
    assert wallet.post(wallet.revoke_at, {}).json()["error"] == "invalid_request"
    assert client.get(wallet.token_at).status_code == 405


def test_where_wallets_are_called_back():
    registered = ["http://127.0.0.1/back", "http://[::1]:7/back", "https://wallet.example/back"]
    assert fits_redirect_uri(registered, "http://127.0.0.1:9/back")
    assert fits_redirect_uri(registered, "http://[::1]:9/back")
    assert not fits_redirect_uri(registered, "http://127.0.0.1:9/elsewhere")
    assert not fits_redirect_uri(registered, "https://wallet.example:9/back")
    assert not fits_redirect_uri(registered, "http://x@127.0.0.1:9/back")
    assert form_target_of("https://wallet.example:8443/back") == "https://wallet.example:8443"
    assert form_target_of("http://[::1]:9/back") == "http:"
    assert form_target_of("org.example.app:/back") == "org.example.app:"
    assert place_of("https://wallet.example:8443/back") == "wallet.example"
    assert place_of("dccrequest://oauth") == "dccrequest:"


def test_settings_of_the_operators_pages(settings):
    from credtrail.wallets.description import describe_service

    told = describe_service("https://a.example", "", "https://a.example/terms", "https://a.example/privacy")
    assert told["info"]["termsOfService"] == "https://a.example/terms"
    assert Settings(database_url=settings.database_url, secret_key="x" * 32, privacy_url="").privacy_url == ""
