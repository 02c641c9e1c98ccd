"""Designs in the dashboard: the list, what the editor is told, saving, true pictures, fonts."""

import html
import json
import re
from io import BytesIO
from pathlib import Path

import msgspec
import pytest
from PIL import Image

import credtrail
from conftest import ON_ONE, in_transaction
from credtrail.accounts.model import IssuerProfile
from credtrail.accounts.store import add_workspace, save_profile
from credtrail.attributes.store import add_attribute
from credtrail.credentials.store import add_credential, find_longest_name
from credtrail.designs.acts import document_of, make_design
from credtrail.designs.artwork import proof_of
from credtrail.designs.document import PAGES, Document, check_document, write_document
from credtrail.designs.fonts import web_fonts
from credtrail.designs.model import BUILT_IN, Design
from credtrail.designs.store import find_designs, list_designs
from credtrail.groups.store import add_group
from designs.samples import a_picture

CLASSIC, MODERN, SEAL, HEXAGON = BUILT_IN


def own_designs(settings, workspace_id):
    """Its own ones, the newest first."""

    def ask(transaction):
        found = list_designs(transaction, workspace_id, edge=None, newer=False, limit=100)
        return [design for design in found if design.document]

    return in_transaction(settings, ask)


def add_design(settings, workspace_id, built_in=CLASSIC, name="Own"):
    return in_transaction(settings, lambda tx: make_design(tx, workspace_id, name, document_of(built_in))).id


def find(settings, workspace_id, id_):
    return in_transaction(settings, lambda tx: find_designs(tx, workspace_id, [id_]).get(id_))


def told(page):
    """What the editor's scripts are given."""
    return json.loads(html.unescape(re.search(r'data-told="([^"]*)"', page)[1]))


def send(person, path, body, status=200):
    """As the scripts do."""
    given = {"x-csrf-token": person.csrf, "x-requested-with": "credtrail", "content-type": "application/json"}
    answer = person.client.post(path, content=json.dumps(body), headers=given)
    assert answer.status_code == status, answer.text[:500]
    return answer


def test_the_list_shows_pictures_and_who_uses_what(ada_in, settings, cast):
    own = add_design(settings, cast.workspace_id, SEAL, "شارة المرج")
    for number in range(4):
        in_transaction(
            settings, lambda tx, number=number: add_group(tx, cast.workspace_id, f"Group {number}", [own])
        )
    page = ada_in.see(f"{ada_in.home}/designs")
    assert "شارة المرج" in page
    assert "Classic certificate" in page
    assert "Group 0" in page
    assert "and 1 more" in page
    assert "Group 3" not in page
    for address in re.findall(r'src="(/designs/[^"]+\.png)"', page):
        assert ada_in.client.get(address).headers["content-type"] == "image/png"


@ON_ONE
@pytest.mark.parametrize("design", BUILT_IN, ids=lambda design: design.slug)
def test_every_built_in_design_can_be_started_from(ada_in, settings, cast, design):
    ada_in.see(f"{ada_in.home}/designs")
    page = ada_in.post(f"{ada_in.home}/designs", **{"from": design.id, "name": f"My {design.name}"})
    assert f"My {design.name}" in page
    (made,) = own_designs(settings, cast.workspace_id)
    assert made.type == design.type
    assert document_of(made) == document_of(design)
    again = ada_in.post(f"{ada_in.home}/designs", **{"from": made.id, "name": "Second"})
    assert told(again)["document"] == told(page)["document"]


@ON_ONE
@pytest.mark.parametrize("page", [*PAGES, "badge"])
def test_an_empty_page_is_whole(ada_in, settings, cast, page):
    ada_in.see(f"{ada_in.home}/designs")
    ada_in.post(f"{ada_in.home}/designs", page=page, name="Empty")
    document = document_of(own_designs(settings, cast.workspace_id)[0])
    check_document(document)
    assert document.type == ("badge" if page == "badge" else "certificate")


@ON_ONE
@pytest.mark.parametrize(
    ("fields", "status", "sentence"),
    [
        ({"from": "", "page": "a3", "name": "X"}, 400, "must be one of those offered"),
        ({"from": "", "page": "square", "name": " "}, 400, "1 to 255"),
        ({"from": "", "page": "square", "name": "x" * 256}, 400, "1 to 255"),
        ({"from": "nothing", "name": "X"}, 404, "no longer there"),
    ],
)
def test_what_can_t_be_begun(ada_in, settings, cast, fields, status, sentence):
    ada_in.see(f"{ada_in.home}/designs")
    assert sentence in ada_in.post(f"{ada_in.home}/designs", status=status, **fields)
    assert own_designs(settings, cast.workspace_id) == []


def test_rename_and_delete(ada_in, settings, cast):
    id_ = add_design(settings, cast.workspace_id)
    here = f"{ada_in.home}/designs"
    ada_in.see(here)
    assert "It is called 植物學 now" in ada_in.post(f"{here}/{id_}/rename", name="植物學")
    assert "1 to 255" in ada_in.post(f"{here}/{id_}/rename", name="", status=400)
    group = in_transaction(settings, lambda tx: add_group(tx, cast.workspace_id, "Botany", [id_]))
    assert "give the group another" in html.unescape(ada_in.post(f"{here}/{id_}/delete", status=409))
    in_transaction(
        settings, lambda tx: tx.connection.exec_driver_sql(f"delete from groups where id = '{group.id}'")
    )
    assert "植物學 is deleted" in ada_in.post(f"{here}/{id_}/delete")
    assert find(settings, cast.workspace_id, id_) is None
    assert "stays as it is" in ada_in.post(f"{here}/{CLASSIC.id}/delete", status=409)
    assert "stays as it is" in ada_in.post(f"{here}/{CLASSIC.id}/rename", name="Mine", status=409)
    log = ada_in.see(f"{ada_in.home}/audit-log")
    assert "deleted the design" in log
    assert "gave another name to a design" in log


def test_another_workspace_s_design_is_not_there(ada_in, settings, cast):
    other = in_transaction(settings, lambda tx: add_workspace(tx, "Yet another one")).id
    id_ = add_design(settings, other)
    here = f"{ada_in.home}/designs"
    ada_in.see(here)
    ada_in.see(f"{here}/{id_}", 404)
    ada_in.post(f"{here}/{id_}/delete", status=404)
    ada_in.post(here, status=404, **{"from": id_, "name": "Mine"})
    document = {"document": told(ada_in.see(f"{here}/{CLASSIC.id}"))["document"]}
    send(ada_in, f"{here}/{id_}/document", document, 404)
    assert find(settings, other, id_)


def test_addresses_that_are_none(ada_in):
    ada_in.see(f"{ada_in.home}/designs/%00", 404)
    ada_in.see(f"{ada_in.home}/images/%00", 404)
    ada_in.see("/dashboard/w/%00/designs", 404)


def test_what_the_editor_is_told(ada_in, settings, cast):
    def prepare(transaction):
        here = cast.workspace_id
        add_attribute(transaction, here, "grade", "Grade", "text")
        add_attribute(transaction, here, "photo", "Photo", "image")
        save_profile(transaction, here, IssuerProfile(brand_color="#ffee00", language="ar"))
        for name in ("Li", "Maximiliane Alexandra von und zu Hohenberg"):
            add_credential(transaction, here, cast.group_id, (None, name, None), ("2026-01-01", None))

    in_transaction(settings, prepare)
    id_ = add_design(settings, cast.workspace_id)
    given = told(ada_in.see(f"{ada_in.home}/designs/{id_}"))
    assert msgspec.convert(given["document"], Document) == document_of(CLASSIC)
    names = [one["name"] for one in given["placeholders"]]
    assert names[0] == "recipient.name"
    assert names[-1] == "custom.grade"
    assert [one["name"] for one in given["imageAttributes"]] == ["custom.photo"]
    assert {"words": "The longest name here", "name": "Maximiliane Alexandra von und zu Hohenberg"} in given[
        "names"
    ]
    assert (given["issuer"]["brand"], given["issuer"]["onBrand"], given["issuer"]["rtl"]) == (
        "#ffee00",
        "#0c1116",
        True,
    )
    assert not given["readOnly"]
    for kind, blank in given["blanks"].items():
        assert blank["kind"] == kind
        msgspec.convert({**given["document"], "boxes": [blank]}, Document)


def test_no_credential_has_no_longest_name(settings, cast):
    other = in_transaction(settings, lambda tx: add_workspace(tx, "Yet another one")).id
    assert in_transaction(settings, lambda tx: find_longest_name(tx, other)) is None


def test_viewers_may_look_and_try_names_but_not_change(in_role, settings, cast):
    viewer = in_role("viewer")
    id_ = add_design(settings, cast.workspace_id)
    page = viewer.see(f"{viewer.home}/designs/{id_}")
    assert "editors may change it" in page
    given = told(page)
    assert given["readOnly"]
    asked = {"document": given["document"], "recipientName": "Li"}
    assert send(viewer, f"{given['path']}/proof.png", asked).content.startswith(b"\x89PNG")
    send(viewer, f"{given['path']}/document", {"document": given["document"]}, 403)
    assert "Start from this" not in viewer.see(f"{viewer.home}/designs")


def test_a_built_in_design_is_shown_and_stays(ada_in):
    page = ada_in.see(f"{ada_in.home}/designs/{CLASSIC.id}")
    assert "Built in" in page
    given = told(page)
    assert given["readOnly"]
    send(ada_in, f"{given['path']}/document", {"document": given["document"]}, 409)


def test_saving_and_a_conflict(ada_in, settings, cast):
    id_ = add_design(settings, cast.workspace_id)
    given = told(ada_in.see(f"{ada_in.home}/designs/{id_}"))
    document, path = given["document"], f"{given['path']}/document"
    document["boxes"][0]["x"] = 25
    saved = send(ada_in, path, {"document": document, "updatedAt": given["updatedAt"]}).json()
    kept = find(settings, cast.workspace_id, id_)
    assert document_of(kept).boxes[0].x == 25
    assert saved == {"id": id_, "updatedAt": kept.updated_at}
    assert "changed the design" in ada_in.see(f"{ada_in.home}/audit-log")
    ada_in.see(f"{ada_in.home}/designs/{id_}")

    old = {"document": document, "updatedAt": given["updatedAt"]}
    assert send(ada_in, path, old).json() == saved, "an answer that was lost is no conflict"
    document["boxes"][0]["x"] = 30
    refused = send(ada_in, path, {"document": document, "updatedAt": given["updatedAt"]}, 409).json()
    assert "Somebody else" in refused["message"]
    assert refused["updatedAt"] == kept.updated_at
    assert refused["theirs"]["boxes"][0]["x"] == 25
    copied = send(ada_in, path, {"document": document, "copyName": "Mine"}).json()
    assert document_of(find(settings, cast.workspace_id, copied["id"])).boxes[0].x == 30
    send(ada_in, path, {"document": document})
    assert document_of(find(settings, cast.workspace_id, id_)).boxes[0].x == 30


def test_refusals_name_the_box(ada_in, settings, cast):
    id_ = add_design(settings, cast.workspace_id)
    given = told(ada_in.see(f"{ada_in.home}/designs/{id_}"))
    path, document = f"{given['path']}/document", given["document"]

    def refused(change):
        changed = json.loads(json.dumps(document))
        change(changed)
        answer = send(ada_in, path, {"document": changed, "updatedAt": given["updatedAt"]}, 400).json()
        return {one["field"] for one in answer["details"]}

    def set_in(at, name, value):
        return lambda changed: changed["boxes"][at].update({name: value})

    assert refused(set_in(4, "size", 1)) == {"document.boxes.4.size"}
    assert refused(set_in(4, "content", "[recipient.shoe]")) == {"document.boxes.4.content"}
    assert refused(set_in(6, "content", "nobody")) == {"document.boxes"}
    assert refused(lambda changed: changed["background"].update(image="0" * 64)) == {
        "document.background.image"
    }
    assert refused(lambda changed: changed.update(type="badge", page="square")) == {"document.type"}


def picture_of(answer):
    assert answer.headers["content-type"] == "image/png"
    assert answer.headers["cache-control"] == "no-store"
    return Image.open(BytesIO(answer.content)).convert("RGB")


def test_the_true_picture_is_of_what_was_sent_and_is_kept_nowhere(ada_in, settings, cast):
    id_ = add_design(settings, cast.workspace_id, HEXAGON)
    given = told(ada_in.see(f"{ada_in.home}/designs/{id_}"))
    document = given["document"] | {"background": {"color": "#ff0000", "image": None, "fit": "cover"}}
    folder = Path(settings.cache_folder)
    before = sorted(folder.glob("*")) if folder.exists() else []
    asked = {"document": document, "recipientName": "अनन्या श्रीवास्तव"}
    picture = picture_of(send(ada_in, f"{given['path']}/proof.png", asked))
    assert picture.size == (1200, 1200)
    assert picture.getpixel((5, 5)) == (255, 0, 0)
    assert (sorted(folder.glob("*")) if folder.exists() else []) == before
    assert find(settings, cast.workspace_id, id_).document == write_document(document_of(HEXAGON))


def test_the_true_picture_shows_uploaded_ones(ada_in, settings, cast):
    home = ada_in.home
    ada_in.see(f"{home}/designs")
    file = {"image": ("blue.png", a_picture(300, 200), "image/png")}
    given = {"x-csrf-token": ada_in.csrf, "x-requested-with": "credtrail"}
    made = ada_in.client.post(f"{home}/images", files=file, headers=given).json()
    assert (made["width"], made["height"]) == (300, 200)
    listed = ada_in.client.get(f"{home}/images").json()
    assert listed == {"images": [made], "older": None}
    kept = ada_in.client.get(f"{home}/images/{made['id']}")
    assert kept.headers["content-type"] in ("image/png", "image/jpeg")
    assert "private" in kept.headers["cache-control"]
    ada_in.see(f"{home}/images/{'0' * 64}", 404)

    id_ = add_design(settings, cast.workspace_id)
    told_ = told(ada_in.see(f"{home}/designs/{id_}"))
    document = told_["document"]
    empty = picture_of(
        send(ada_in, f"{told_['path']}/proof.png", {"document": document, "recipientName": "Li"})
    )
    document["boxes"].append(
        told_["blanks"]["image"] | {"image": made["id"], "x": 0, "y": 0, "width": 300, "height": 200}
    )
    shown = picture_of(
        send(ada_in, f"{told_['path']}/proof.png", {"document": document, "recipientName": "Li"})
    )
    assert shown.crop((0, 0, 600, 400)) != empty.crop((0, 0, 600, 400))
    assert shown.crop((600, 400, 1684, 1190)) == empty.crop((600, 400, 1684, 1190))


def test_uploads_that_are_no_pictures(ada_in):
    home = ada_in.home
    ada_in.see(f"{home}/designs")
    given = {"x-csrf-token": ada_in.csrf, "x-requested-with": "credtrail"}
    for files in (
        {"image": ("x.png", b"not a picture", "image/png")},
        {"other": ("x.png", b"x", "image/png")},
    ):
        answer = ada_in.client.post(f"{home}/images", files=files, headers=given)
        assert answer.status_code == 400
        assert answer.json()["message"]
    huge = {"image": ("x.png", b"x" * 8_100_000, "image/png")}
    assert ada_in.client.post(f"{home}/images", files=huge, headers=given).status_code == 413


def test_what_isn_t_whole_is_drawn_and_what_can_t_be_is_refused(ada_in, settings, cast):
    id_ = add_design(settings, cast.workspace_id)
    given = told(ada_in.see(f"{ada_in.home}/designs/{id_}"))
    path = f"{given['path']}/proof.png"
    document = given["document"] | {"boxes": []}
    picture_of(send(ada_in, path, {"document": document, "recipientName": "Li"}))
    many = given["document"] | {"boxes": [given["blanks"]["image"]] * 11}
    refused = send(ada_in, path, {"document": many, "recipientName": "Li"}, 400).json()
    assert refused["details"] == [{"field": "document.boxes", "message": "must hold at most 10 images"}]
    send(ada_in, path, {"document": given["document"], "recipientName": ""}, 400)
    send(ada_in, path, [], 400)
    send(ada_in, path, {"document": given["document"], "recipientName": "x" * 2_000_000}, 413)


def test_the_page_as_pdf_comes_by_a_form(ada_in, settings, cast):
    id_ = add_design(settings, cast.workspace_id)
    given = told(ada_in.see(f"{ada_in.home}/designs/{id_}"))
    fields = {
        "csrf": ada_in.csrf,
        "document": json.dumps(given["document"]),
        "recipient_name": 'فاطمة "the" botanist',
    }
    answer = ada_in.client.post(f"{given['path']}/proof.pdf", data=fields)
    assert answer.headers["content-type"] == "application/pdf"
    assert answer.content.startswith(b"%PDF")
    broken = ada_in.client.post(f"{given['path']}/proof.pdf", data=fields | {"document": '{"a":1},"b":{}'})
    assert broken.status_code == 400
    assert ada_in.client.post(f"{given['path']}/proof.pdf", data={"csrf": ada_in.csrf}).status_code == 400


@pytest.mark.parametrize("dialect", ["sqlite"], indirect=True)
def test_the_browser_is_given_the_press_s_letters(ada_in, browser, cast):
    sheet = ada_in.client.get("/dashboard/fonts.css")
    assert sheet.headers["content-type"].startswith("text/css")
    addresses = re.findall(r'url\("([^"]+)"\)', sheet.text)
    assert len(addresses) == len(web_fonts())
    for address in addresses:
        answer = ada_in.client.get(address)
        assert answer.headers["content-type"] == "font/ttf"
        assert "immutable" in answer.headers["cache-control"]
        assert answer.content[:4] in (b"\x00\x01\x00\x00", b"true")
    ada_in.see("/dashboard/fonts/0000000000000000/inter", 404)
    ada_in.see("/dashboard/fonts/0000000000000000/nothing", 404)


def test_a_proof_has_every_placeholder_s_value():
    document = msgspec.convert(
        {
            "version": 1,
            "type": "certificate",
            "page": "square",
            "boxes": [
                {
                    "kind": "text",
                    "x": 0,
                    "y": 0,
                    "width": 9,
                    "height": 9,
                    "content": "[recipient.name] [certificate.expires_on] [signatory.name] [custom.grade]",
                }
            ],
        },
        Document,
    )
    design = Design("x", "X", "certificate", 0, 0, "own", write_document(document))
    artwork = proof_of(design, "Meadow", IssuerProfile(language="de"), "Li")
    assert dict(artwork.own.values) == {
        "recipient.name": "Li",
        "certificate.expires_on": "23. November 2028",
        "custom.grade": "[custom.grade]",
    }


@pytest.mark.parametrize(
    "script",
    sorted((Path(credtrail.__file__).parent / "dashboard/design_editor").glob("*.js")),
    ids=lambda path: path.name,
)
def test_no_script_nests_templates(script):
    """What makes scripts small for serving would take the spaces out of the inner ones."""
    inside = []
    for found in re.finditer(r"`|\$\{|[{}]", script.read_text()):
        match found[0]:
            case "`" if inside and inside[-1] == "`":
                inside.pop()
            case "`":
                assert "`" not in inside, (script.name, found.start())
                inside.append("`")
            case "${" if inside and inside[-1] == "`":
                inside.append("$")
            case "{" | "${" if not inside or inside[-1] != "`":
                inside.append("{")
            case "}" if inside and inside[-1] != "`":
                inside.pop()
