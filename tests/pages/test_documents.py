"""Documents on the wire: addresses that change with what is shown, who gets them, what else is served."""

import re
import time
from urllib.parse import unquote

import pytest

from conftest import headers, in_transaction
from credtrail.accounts.model import IssuerProfile
from credtrail.accounts.store import add_image, save_profile
from credtrail.credentials.store import find_public, revoke_credential
from credtrail.designs.images import read_image
from credtrail.designs.model import BUILT_IN
from credtrail.groups.store import add_group
from credtrail.pages.documents import documents_of, logo_path


@pytest.fixture
def settings(settings, tmp_path):
    """With a folder of the test's own."""
    return settings.model_copy(update={"cache_dir": str(tmp_path / "cache")})


def view_of(settings, public_id):
    """The credential as pages see it."""
    return in_transaction(settings, lambda transaction: find_public(transaction, public_id))


def documents(settings, cast):
    """Robin's documents."""
    return documents_of(view_of(settings, cast.public_id), settings.public_url)


def picture():
    """A small PNG."""
    from io import BytesIO

    from PIL import Image

    written = BytesIO()
    Image.new("RGB", (60, 20), "#a03030").save(written, "PNG")
    return read_image(written.getvalue())


def test_each_design_of_the_group_has_its_documents(client, settings, cast):
    def act(transaction):
        ids = [BUILT_IN[2].id, "x", BUILT_IN[1].id, "y"]
        return add_group(transaction, cast.workspace_id, "Botany", ids)

    group = in_transaction(settings, act)
    view = view_of(settings, cast.public_id)._replace(group=group)
    found = documents_of(view, settings.public_url)
    assert [one.name for one in found] == ["Seal badge", "Classic certificate", "Modern certificate"]
    assert [(one.width, one.height) for one in found] == [(1200, 1200), (1684, 1190), (1684, 1190)]
    assert found[0].alt == "Badge: Botany, presented to Robin Ñandú – Open Meadow Academy, 12 March 2024"


def test_the_documents_are_served(client, settings, cast):
    (one,) = documents(settings, cast)
    for path, media_type, start in (
        (one.pdf_path, "application/pdf", b"%PDF-"),
        (one.png_path, "image/png", b"\x89PNG"),
        (one.preview_path, "image/jpeg", b"\xff\xd8"),
    ):
        answer = client.get(path)
        assert answer.status_code == 200
        assert answer.headers["content-type"] == media_type
        assert answer.headers["cache-control"] == "public, max-age=86400, immutable"
        assert answer.headers["x-content-type-options"] == "nosniff"
        assert answer.content.startswith(start)
        head = client.head(path)
        assert (head.status_code, head.content) == (200, b"")
        assert head.headers["content-length"] == str(len(answer.content))
    assert "content-disposition" not in client.get(one.png_path).headers


def test_a_download_has_a_name_to_read(client, settings, cast):
    (one,) = documents(settings, cast)
    for path, ending in ((one.pdf_path, "pdf"), (f"{one.png_path}?download", "png")):
        disposition = client.get(path).headers["content-disposition"]
        assert disposition.startswith(f'attachment; filename="Robin Nandu - Botany.{ending}"; ')
        assert unquote(disposition.split("''")[1]) == f"Robin Ñandú – Botany.{ending}"


def test_a_hostile_name_stays_in_its_header(client, settings, cast):
    def act(transaction):
        from sqlalchemy import update

        from credtrail.credentials.store import credentials

        where = credentials.c.public_id == cast.public_id
        name = 'A"; x=\r\nSet-Cookie: a=b/../..'
        transaction.connection.execute(update(credentials).where(where).values(recipient_name=name))

    in_transaction(settings, act)
    (one,) = documents(settings, cast)
    answer = client.get(one.pdf_path)
    assert "set-cookie" not in answer.headers
    assert re.fullmatch(
        r'attachment; filename="[^"/\\\r\n]+"; filename\*=UTF-8\'\'[\w%.~-]+',
        answer.headers["content-disposition"],
    )


def test_a_stale_address_leads_to_the_current_one(client, settings, cast):
    (old,) = documents(settings, cast)
    in_transaction(
        settings,
        lambda transaction: save_profile(
            transaction, cast.workspace_id, IssuerProfile(brand_color="#aa2200")
        ),
    )
    (new,) = documents(settings, cast)
    assert old.png_path != new.png_path
    for before, after in (
        (old.pdf_path, new.pdf_path),
        (f"{old.png_path}?download", f"{new.png_path}?download"),
        (old.preview_path, new.preview_path),
    ):
        answer = client.get(before)
        assert (answer.status_code, answer.headers["location"]) == (302, after)
        assert answer.headers["cache-control"] == "no-store"
        assert client.get(after).status_code == 200


def test_revoked_deleted_draft_and_unknown_have_none(client, settings, cast):
    (one,) = documents(settings, cast)
    assert client.get(one.png_path).status_code == 200
    unknown = client.get("/credentials/00000000-0000-4000-8000-000000000000")
    draft = f"/credentials/{cast.draft_id}/documents/x/classic-certificate.png"
    wrong = [
        draft,
        "/credentials/nobody/documents/x/classic-certificate.png",
        "/credentials/a%00b/documents/x/classic-certificate.png",
        one.png_path.replace("classic", "modern"),
        one.png_path.replace(".png", ".svg"),
        one.png_path.replace("classic-certificate.png", "png"),
    ]
    for path in wrong:
        answer = client.get(path)
        assert (answer.status_code, answer.text) == (404, unknown.text)
    in_transaction(
        settings,
        lambda transaction: revoke_credential(transaction, cast.workspace_id, cast.credential_id, "Error"),
    )
    deadline = time.monotonic() + 2
    while client.get(one.png_path).status_code == 200 and time.monotonic() < deadline:
        pass  # answers are given again for half a second
    for path in (one.pdf_path, one.png_path, one.preview_path):
        answer = client.get(path)
        assert (answer.status_code, answer.text) == (404, unknown.text)
        assert answer.headers["cache-control"] == "no-store"
    client.delete(f"/v1/credentials/{cast.credential_id}", headers=headers(cast.ada))
    assert client.get(one.png_path).text == unknown.text


def test_an_expired_one_is_still_served(client, settings, cast):
    def act(transaction):
        from sqlalchemy import update

        from credtrail.credentials.store import credentials

        where = credentials.c.public_id == cast.public_id
        transaction.connection.execute(update(credentials).where(where).values(expiry_date="2024-03-13"))

    in_transaction(settings, act)
    (one,) = documents(settings, cast)
    assert client.get(one.pdf_path).status_code == 200


def test_the_logo_is_served_and_the_signature_is_not(client, settings, cast):
    logo = picture()
    signature = logo._replace(digest="f" * 64)

    def act(transaction):
        add_image(transaction, cast.workspace_id, logo)
        add_image(transaction, cast.workspace_id, signature)
        profile = IssuerProfile(logo_digest=logo.digest, signature_digest=signature.digest)
        save_profile(transaction, cast.workspace_id, profile)

    assert logo_path(view_of(settings, cast.public_id)) is None
    in_transaction(settings, act)
    path = logo_path(view_of(settings, cast.public_id))
    answer = client.get(path)
    assert (answer.status_code, answer.content) == (200, logo.content)
    assert answer.headers["cache-control"] == "public, max-age=31536000, immutable"
    assert answer.headers["x-content-type-options"] == "nosniff"
    for wrong in (signature.digest, "0" * 64):
        assert client.get(path.replace(logo.digest, wrong)).status_code == 404
    assert client.get(f"/issuers/nobody/images/{logo.digest}.png").status_code == 404
    assert client.get(f"/issuers/a%00b/images/{logo.digest}.png").status_code == 404
    (one,) = documents(settings, cast)
    assert client.get(one.png_path).status_code == 200


def test_every_built_in_design_shows_a_sample(client, settings, cast):
    designs = client.get("/v1/designs", headers=headers(cast.ada)).json()["data"]
    assert len(designs) == len(BUILT_IN) == 4
    for design in designs:
        path = design["previewUrl"].removeprefix(settings.public_url)
        answer = client.get(path)
        assert (answer.status_code, answer.headers["content-type"]) == (200, "image/png")
        assert client.get(path.replace(path.split("/")[2], "0" * 32)).status_code == 404
    assert client.get("/designs/x/unknown.png").status_code == 404


def test_a_deleted_credentials_documents_are_deleted_of_every_name(client, settings, cast):
    folder = settings.cache_folder
    other = client.post(
        "/v1/credentials/batch",
        headers=headers(cast.ada),
        json={"data": [{"groupId": cast.group_id, "recipient": {"name": "Li"}}], "then": "issue"},
    ).json()["data"][0]["credential"]
    for public_id in (cast.public_id, other["publicId"]):
        (one,) = documents_of(view_of(settings, public_id), settings.public_url)
        assert client.get(one.png_path).status_code == 200
    path = f"/v1/credentials/{cast.credential_id}"
    client.patch(path, headers=headers(cast.ada), json={"recipient": {"name": "Another Name"}})
    (renamed,) = documents(settings, cast)
    assert client.get(renamed.png_path).status_code == 200
    assert len(list(folder.iterdir())) == 3
    assert client.delete(path, headers=headers(cast.ada)).status_code == 204
    assert len(list(folder.iterdir())) == 1


def test_documents_are_in_the_workspaces_language_and_their_words_in_the_viewers(client, settings, cast):
    (before,) = documents(settings, cast)
    in_transaction(
        settings,
        lambda transaction: save_profile(transaction, cast.workspace_id, IssuerProfile(language="de")),
    )
    (after,) = documents(settings, cast)
    assert before.pdf_path != after.pdf_path
    pdf = client.get(after.pdf_path).content
    assert b"/Lang (de)" in pdf or b"/Lang(de)" in pdf
    assert "Certificate: Botany" in client.get(f"/credentials/{cast.public_id}").text
    assert "Zertifikat: Botany" in client.get(f"/credentials/{cast.public_id}?lang=de").text
