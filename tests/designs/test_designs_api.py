"""/v1/designs and /v1/images: what is taken, kept, refused; who sees it; what happens at the same time."""

import threading
from io import BytesIO

import pytest
from PIL import Image
from starlette.testclient import TestClient

from conftest import ON_ONE, headers, in_transaction
from credtrail.accounts.model import IssuerProfile
from credtrail.accounts.store import add_image, find_image, save_profile
from credtrail.app import build
from credtrail.credentials.store import find_public
from credtrail.designs.acts import MOST_IMAGES
from credtrail.designs.model import BUILT_IN
from credtrail.pages.documents import documents_of
from designs.samples import a_picture, an_image
from designs.test_svg import BLUE, svg

NAME = {"kind": "text", "x": 40, "y": 60, "width": 500, "height": 60, "content": "[recipient.name]"}


@pytest.fixture
def settings(settings, tmp_path):
    """With a folder of the test's own."""
    return settings.model_copy(update={"cache_dir": str(tmp_path / "cache")})


def a_document(*boxes, **more):
    """A certificate."""
    return {"version": 1, "type": "certificate", "page": "a4-landscape", "boxes": [NAME, *boxes], **more}


def create(client, **more):
    """A design of Ada's."""
    return client.post("/v1/designs", json={"name": "Ours", "document": a_document(), **more})


def upload(client, raw=None, media_type="image/png"):
    """An image of Ada's."""
    raw = a_picture() if raw is None else raw
    return client.post("/v1/images", content=raw, headers={"Content-Type": media_type})


def details(answer):
    """Which fields an answer calls wrong, with the words."""
    assert answer.status_code == 400, answer.text
    return {one["field"]: one["message"] for one in answer.json()["error"]["details"]}


def test_an_own_design_is_drawn_on_the_page_with_its_images_and_attributes(ada, cast, settings):
    photo = upload(ada, a_picture(900, 600, "RGB", "JPEG"), "image/jpeg").json()
    portrait = upload(ada, a_picture(310, 300)).json()
    ada.post("/v1/attributes", json={"name": "Photo", "tag": "photo", "type": "image"})
    boxes = [
        {"kind": "attribute-image", "x": 0, "y": 0, "width": 99, "height": 99, "attribute": "custom.photo"}
    ]
    design = create(ada, document=a_document(*boxes, background={"image": photo["id"]})).json()
    group = ada.post("/v1/groups", json={"name": "Botany", "designIds": [design["id"]]}).json()
    assert group["certificateDesignId"] == design["id"]
    new = {"groupId": group["id"], "recipient": {"name": "Robin"}}
    plain = ada.post("/v1/credentials", json=new).json()
    new["customAttributes"] = {"custom.photo": portrait["id"]}
    pictured = ada.post("/v1/credentials", json=new).json()
    contents = []
    for one in (plain, pictured):
        assert ada.post(f"/v1/credentials/{one['id']}/issue").status_code == 200
        view = in_transaction(
            settings, lambda transaction, one=one: find_public(transaction, one["publicId"])
        )
        (shown,) = documents_of(view, settings.public_url)
        assert (shown.name, shown.width, shown.height) == ("Ours", 1684, 1190)
        page = ada.get(f"/credentials/{one['publicId']}")
        assert shown.png_path in page.text
        assert ada.get(shown.pdf_path).content.startswith(b"%PDF")
        assert ada.get(shown.preview_path).status_code == 200
        contents.append(ada.get(shown.png_path).content)
    before, after = (Image.open(BytesIO(content)).convert("RGB") for content in contents)
    assert before.getpixel((1600, 100)) == (0, 0, 0)  # the ground is the photo
    assert before.crop((0, 0, 198, 198)).tobytes() != after.crop((0, 0, 198, 198)).tobytes()
    assert before.crop((300, 300, 1684, 1190)).tobytes() == after.crop((300, 300, 1684, 1190)).tobytes()


def test_a_change_of_the_design_changes_the_addresses_of_its_documents(ada, cast, settings):
    design = create(ada).json()
    ada.patch(f"/v1/groups/{cast.group_id}", json={"designIds": [design["id"]]})

    def path():
        view = in_transaction(settings, lambda transaction: find_public(transaction, cast.public_id))
        return documents_of(view, settings.public_url)[0].png_path

    old = path()
    assert ada.patch(f"/v1/designs/{design['id']}", json={"name": "Another"}).status_code == 200
    assert path() == old
    moved = a_document({**NAME, "y": 300})
    assert ada.patch(f"/v1/designs/{design['id']}", json={"document": moved}).status_code == 200
    assert path() != old
    stale = ada.get(old)
    assert (stale.status_code, stale.headers["location"]) == (302, path())


def test_the_preview_shows_the_workspaces_own_name_and_colour(ada, cast, settings):
    shape = {"kind": "rectangle", "x": 0, "y": 300, "width": 842, "height": 295, "fill": "brand"}
    design = create(ada, document=a_document(shape)).json()
    path = design["previewUrl"].removeprefix("http://testserver")
    first = ada.get(path)
    assert (first.status_code, first.headers["content-type"]) == (200, "image/png")
    profile = IssuerProfile(brand_color="#aa2200")
    in_transaction(settings, lambda transaction: save_profile(transaction, cast.workspace_id, profile))
    stale = ada.get(path)
    current = ada.get(f"/v1/designs/{design['id']}").json()["previewUrl"].removeprefix("http://testserver")
    assert (stale.status_code, stale.headers["location"]) == (302, current)
    with Image.open(BytesIO(ada.get(current).content)) as picture:
        assert picture.convert("RGB").getpixel((800, 900)) == (0xAA, 0x22, 0x00)
    assert ada.get("/designs/0/01hrsvjp560yksep2a3bek3z97.png").status_code == 404
    assert ada.get("/designs/0/a%00b.png").status_code == 404


def test_designs_are_listed_newest_first_with_the_built_in_ones_page_by_page(ada, cast):
    own = [create(ada, name=f"Design {n}").json()["id"] for n in range(3)]
    expected = sorted([*own, *(one.id for one in BUILT_IN)], reverse=True)
    found, cursor = [], ""
    while cursor is not None:
        page = ada.get(f"/v1/designs?limit=2{cursor}").json()
        found += [one["id"] for one in page["data"]]
        following, back = page["pagination"]["next"], page["pagination"]["prev"]
        cursor = f"&cursor={following}" if following else None
    assert found == expected
    before = ada.get(f"/v1/designs?limit=3&cursor={back}").json()["data"]
    assert [one["id"] for one in before] == expected[-4:-1]


def test_a_design_is_copied_from_a_built_in_one_and_from_an_own_one(ada, cast):
    for built_in in BUILT_IN:
        copy = ada.post("/v1/designs", json={"name": "Copy", "copyOf": built_in.id}).json()
        assert copy["type"] == built_in.type
        told = ada.get(f"/v1/designs/{copy['id']}/document").json()
        assert told == ada.get(f"/v1/designs/{built_in.id}/document").json()
        again = ada.post("/v1/designs", json={"name": "Again", "copyOf": copy["id"]}).json()
        assert ada.get(f"/v1/designs/{again['id']}/document").json() == told


def test_an_editor_can_send_back_what_it_got(ada, cast):
    design = create(ada, document=a_document(unknown=1)).json()
    told = ada.get(f"/v1/designs/{design['id']}/document").json()
    assert "unknown" not in told
    same = ada.patch(f"/v1/designs/{design['id']}", json={"document": told}).json()
    assert same == design  # nothing changed, so updatedAt stays
    told["boxes"][0]["x"] += 0.25
    changed = ada.patch(f"/v1/designs/{design['id']}", json={"document": told, "name": "Moved"}).json()
    assert (changed["id"], changed["name"]) == (design["id"], "Moved")
    assert changed["updatedAt"] >= design["updatedAt"]
    assert changed["previewUrl"] != design["previewUrl"]
    assert ada.get(f"/v1/designs/{design['id']}/document").json() == told


def test_the_same_key_makes_one_design(ada, cast):
    ada.headers["Idempotency-Key"] = "once"
    assert create(ada).json() == create(ada).json()
    del ada.headers["Idempotency-Key"]
    assert len(ada.get("/v1/designs").json()["data"]) == len(BUILT_IN) + 1


@ON_ONE
@pytest.mark.parametrize(
    ("box", "field"),
    [
        ({"size": 3}, "document.boxes.1.size"),
        ({"size": "12"}, "document.boxes.1.size"),
        ({"x": 2_001}, "document.boxes.1.x"),
        ({"width": 0}, "document.boxes.1.width"),
        ({"rotation": None}, "document.boxes.1.rotation"),
        ({"color": "red"}, "document.boxes.1.color"),
        ({"color": '#000000"}}'}, "document.boxes.1.color"),
        ({"font": "Comic Sans"}, "document.boxes.1.font"),
        ({"content": "x" * 2_001}, "document.boxes.1.content"),
        ({"content": "\x00"}, "document.boxes.1.content"),
        ({"content": "[recipient.age]"}, "document.boxes.1.content"),
        ({"kind": "video"}, "document.boxes.1.kind"),
        ({"kind": None}, "document.boxes.1.kind"),
        ({"kind": "image", "image": "../secret"}, "document.boxes.1.image"),
        ({"kind": "image", "image": "0" * 64}, "document.boxes.1.image"),
        ({"kind": "image"}, "document.boxes.1.image"),
        ({"kind": "polygon", "sides": 2}, "document.boxes.1.sides"),
        ({"kind": "attribute-image", "attribute": "recipient.name"}, "document.boxes.1.attribute"),
    ],
)
def test_a_wrong_box_is_named(ada, cast, box, field):
    assert list(details(create(ada, document=a_document({**NAME, **box})))) == [field]


def test_every_wrong_box_is_named_at_once(ada, cast):
    wrong = details(create(ada, document=a_document({**NAME, "x": "a"}, 7, {**NAME, "y": "b", "size": 0})))
    assert wrong == {
        "document.boxes.1.x": "must be a number of points from -2,000 to 2,000",
        "document.boxes.2": "must be a JSON object",
        "document.boxes.3.y": "must be a number of points from -2,000 to 2,000",
        "document.boxes.3.size": "must be a number of points from 4 to 400",
    }


def test_other_refusals_of_designs(ada, cast):
    assert set(details(ada.post("/v1/designs", json={}))) == {"name"}
    assert set(details(ada.post("/v1/designs", json={"name": "x"}))) == {"document"}
    assert set(details(create(ada, copyOf=BUILT_IN[0].id))) == {"document"}
    assert set(details(ada.post("/v1/designs", json={"name": "x", "copyOf": "nobody"}))) == {"copyOf"}
    assert set(details(create(ada, document=a_document(version=2)))) == {"document.version"}
    assert set(details(create(ada, document=a_document(page="a3")))) == {"document.page"}
    assert set(details(create(ada, document=a_document(*[NAME] * 100)))) == {"document.boxes"}
    assert set(details(create(ada, document=a_document(background={"image": "0" * 64})))) == {
        "document.background.image"
    }
    assert set(details(create(ada, document={**a_document(), "boxes": []}))) == {"document.boxes"}
    design = create(ada).json()["id"]
    badge = {**a_document(), "type": "badge", "page": "square"}
    assert set(details(ada.patch(f"/v1/designs/{design}", json={"document": badge}))) == {"document.type"}
    assert set(details(ada.patch(f"/v1/designs/{design}", json={"name": ""}))) == {"name"}
    for path in (f"/v1/designs/{BUILT_IN[0].id}", f"/v1/designs/{BUILT_IN[3].id}"):
        assert ada.patch(path, json={"name": "Mine"}).status_code == 409
        assert ada.delete(path).status_code == 409


def test_a_design_in_use_stays(ada, cast):
    design = create(ada).json()["id"]
    ada.patch(f"/v1/groups/{cast.group_id}", json={"designIds": [design]})
    assert ada.delete(f"/v1/designs/{design}").status_code == 409
    ada.patch(f"/v1/groups/{cast.group_id}", json={"designIds": [BUILT_IN[0].id]})
    assert ada.delete(f"/v1/designs/{design}").status_code == 204
    assert ada.get(f"/v1/designs/{design}").status_code == 404
    assert ada.delete(f"/v1/designs/{design}").status_code == 404


def test_cleo_knows_nothing_of_adas(ada, cast):
    image, design = upload(ada).json()["id"], create(ada).json()["id"]
    ada.headers.update(headers(cast.cleo))
    assert {one["id"] for one in ada.get("/v1/designs").json()["data"]} == {one.id for one in BUILT_IN}
    assert set(details(create(ada, document=a_document(background={"image": image})))) == {
        "document.background.image"
    }
    assert set(details(ada.post("/v1/designs", json={"name": "x", "copyOf": design}))) == {"copyOf"}
    assert set(details(ada.post("/v1/groups", json={"name": "x", "designIds": [design]}))) == {"designIds"}
    assert ada.get(f"/v1/images/{image}").status_code == 404


def test_ben_may_look_only(ada, cast):
    design, image = create(ada).json()["id"], upload(ada).json()["id"]
    ada.headers.update(headers(cast.ben))
    assert create(ada).status_code == upload(ada).status_code == 403
    assert ada.delete(f"/v1/designs/{design}").status_code == 403
    assert ada.get(f"/v1/designs/{design}/document").status_code == 200
    assert ada.get(f"/v1/images/{image}").status_code == 200


@pytest.mark.parametrize(
    ("raw", "media_type", "kept", "size"),
    [
        (a_picture(600, 200), "image/png", "image/png", (600, 200)),
        (a_picture(600, 200, "RGB", "JPEG"), "image/jpeg", "image/jpeg", (600, 200)),
        (a_picture(600, 200, "RGB", "WEBP"), "image/webp", "image/jpeg", (600, 200)),
        (a_picture(600, 200, "RGBA", "WEBP"), "image/webp", "image/png", (600, 200)),
        (a_picture(4096, 2048, "RGB", "JPEG"), "image/jpeg", "image/jpeg", (2400, 1200)),
        (svg(BLUE), "image/svg+xml; charset=utf-8", "image/png", (1600, 800)),
        (b"\xef\xbb\xbf  " + svg(BLUE), "image/svg+xml", "image/png", (1600, 800)),
    ],
    ids=["png", "jpeg", "webp", "transparent", "large", "svg", "marked-svg"],
)
def test_an_upload_is_kept_as_a_picture_of_ours(ada, cast, raw, media_type, kept, size):
    answer = upload(ada, raw, media_type)
    assert answer.status_code == 201, answer.text
    told = answer.json()
    assert list(told) == ["id", "mediaType", "width", "height", "bytes"]
    assert (told["mediaType"], told["width"], told["height"]) == (kept, *size)
    found = ada.get(f"/v1/images/{told['id']}")
    assert (found.headers["content-type"], len(found.content)) == (kept, told["bytes"])
    assert found.headers["x-content-type-options"] == "nosniff"
    with Image.open(BytesIO(found.content)) as picture:
        assert picture.size == size
    assert upload(ada, raw, media_type).json() == told


def test_images_are_listed_latest_first_page_by_page(ada, cast):
    made = [upload(ada, a_picture(200 + n, 100)).json() for n in range(5)]
    made.append(made.pop(1))
    assert upload(ada, a_picture(201, 100)).json() == made[-1]  # once more: the latest now
    found, cursor = [], ""
    while cursor is not None:
        page = ada.get(f"/v1/images?limit=2{cursor}").json()
        found += page["data"]
        following, back = page["pagination"]["next"], page["pagination"]["prev"]
        cursor = f"&cursor={following}" if following else None
    assert found == made[::-1]
    assert ada.get(f"/v1/images?limit=3&cursor={back}").json()["data"] == found[1:4]
    ada.headers.update(headers(cast.cleo))
    assert ada.get("/v1/images").json()["data"] == []


def test_metadata_of_a_photo_is_not_kept(ada, cast):
    exif = Image.Exif()
    exif[0x010F] = "Camera of somebody"
    exif[0x0112] = 6  # lies on its side
    raw = a_picture(600, 200, "RGB", "JPEG", exif=exif.tobytes())
    assert b"Camera" in raw
    told = upload(ada, raw, "image/jpeg").json()
    assert (told["width"], told["height"]) == (200, 600)
    assert b"Camera" not in ada.get(f"/v1/images/{told['id']}").content


def test_noise_is_kept_within_bounds(ada, cast):
    written = BytesIO()
    Image.effect_noise((2_000, 1_500), 120).convert("RGB").save(written, "JPEG", quality=98)
    told = upload(ada, written.getvalue(), "image/jpeg").json()
    assert told["bytes"] <= 2_000_000


@ON_ONE
@pytest.mark.parametrize(
    ("raw", "media_type", "status"),
    [
        (b"hello", "image/png", 400),
        (b"", "image/png", 400),
        (a_picture()[:300], "image/png", 400),
        (a_picture(mode="RGB", format="GIF"), "image/png", 400),
        (a_picture(4097, 10), "image/png", 400),
        (svg('<image href="/etc/passwd" width="9" height="9"/>'), "image/svg+xml", 400),
        (a_picture(), "application/json", 415),
        (a_picture(), "image/gif", 415),
        (a_picture(), "text/html", 415),
        (b"\0" * 8_000_001, "image/png", 413),
    ],
)
def test_other_uploads_are_refused_with_a_sentence(ada, cast, raw, media_type, status):
    answer = upload(ada, raw, media_type)
    assert answer.status_code == status
    if status == 400:
        assert details(answer)["body"].startswith("must ")
    assert answer.json()["error"]["code"] == "validation_error"


def test_other_bodies_keep_their_bound(ada, cast):
    answer = ada.post("/v1/designs", content=b" " * 1_048_577, headers={"Content-Type": "application/json"})
    assert answer.status_code == 413


def test_an_image_in_use_stays(ada, cast, settings):
    image = upload(ada).json()["id"]
    design = create(ada, document=a_document(background={"image": image})).json()["id"]
    assert ada.delete(f"/v1/images/{image}").status_code == 409
    ada.patch(f"/v1/designs/{design}", json={"document": a_document()})
    assert ada.delete(f"/v1/images/{image}").status_code == 204
    assert ada.get(f"/v1/images/{image}").status_code == 404
    assert ada.delete(f"/v1/images/{image}").status_code == 404


def test_logos_and_uploads_leave_each_other_alone(ada, cast, settings):
    logo, other = an_image(), an_image(width=500)

    def name(**digests):
        def act(transaction):
            for image in (logo, other):
                add_image(transaction, cast.workspace_id, image)
            save_profile(transaction, cast.workspace_id, IssuerProfile(**digests))
            return [bool(find_image(transaction, cast.workspace_id, image.digest)) for image in (logo, other)]

        return in_transaction(settings, act)

    image = upload(ada).json()["id"]
    assert name(logo_digest=logo.digest) == [True, False]
    assert ada.get(f"/v1/images/{image}").status_code == 200
    assert ada.get(f"/v1/images/{logo.digest}").status_code == 404  # a logo is no upload
    assert set(details(create(ada, document=a_document(background={"image": logo.digest})))) == {
        "document.background.image"
    }
    assert name() == [False, False]
    same = upload(ada, logo.content).json()["id"]
    kept = in_transaction(settings, lambda transaction: find_image(transaction, cast.workspace_id, same))
    assert kept is not None
    in_transaction(
        settings,
        lambda transaction: save_profile(transaction, cast.workspace_id, IssuerProfile(logo_digest=same)),
    )
    assert ada.delete(f"/v1/images/{same}").status_code == 409


def test_a_workspace_keeps_so_many_images(ada, cast, monkeypatch):
    assert MOST_IMAGES == 2_000
    monkeypatch.setattr("credtrail.designs.acts.MOST_IMAGES", 1)
    assert upload(ada).status_code == 201
    assert upload(ada, a_picture(500, 100)).status_code == 409


def _at_once(settings, cast, *acts):
    """What each act answers, all begun at the same time, each through a house of its own."""
    answers, start = [None] * len(acts), threading.Barrier(len(acts))

    def run(number, act):
        with TestClient(build(settings).application, raise_server_exceptions=False) as client:
            client.headers.update(headers(cast.ada))
            start.wait()
            answers[number] = act(client).status_code

    threads = [threading.Thread(target=run, args=one) for one in enumerate(acts)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    return answers


@pytest.mark.parametrize("_turn", range(5))
def test_no_group_ends_with_a_design_that_was_deleted_meanwhile(ada, cast, settings, _turn):
    design = create(ada).json()["id"]
    answers = _at_once(
        settings,
        cast,
        lambda client: client.delete(f"/v1/designs/{design}"),
        lambda client: client.post("/v1/groups", json={"name": "New", "designIds": [design]}),
        lambda client: client.patch(f"/v1/groups/{cast.group_id}", json={"designIds": [design]}),
    )
    there = ada.get(f"/v1/designs/{design}").status_code == 200
    assert answers in ([409, 201, 200], [204, 400, 400]) or (there and answers[0] == 409), answers
    assert there == (answers[0] == 409)
    assert there or all(status == 400 for status in answers[1:])


@pytest.mark.parametrize("_turn", range(3))
def test_no_design_ends_with_an_image_that_was_deleted_meanwhile(ada, cast, settings, _turn):
    image = upload(ada).json()["id"]
    new = {"name": "New", "document": a_document(background={"image": image})}
    answers = _at_once(
        settings,
        cast,
        lambda client: client.delete(f"/v1/images/{image}"),
        lambda client: client.post("/v1/designs", json=new),
        lambda client: client.post("/v1/designs", json=new),
    )
    there = ada.get(f"/v1/images/{image}").status_code == 200
    assert sorted(answers[1:]) in ([201, 201], [400, 400], [201, 400]), answers
    assert there == (answers[0] == 409) == (201 in answers[1:])


def test_the_same_image_uploaded_twice_at_once_is_kept_once(ada, cast, settings):
    raw = a_picture()
    assert _at_once(settings, cast, *[lambda client: upload(client, raw)] * 3) == [201] * 3
