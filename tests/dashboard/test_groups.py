"""Groups and attributes in the dashboard."""

import re

import pytest

from conftest import ON_ONE, in_transaction
from credtrail.attributes.store import list_attributes
from credtrail.credentials.store import find_credential, save_credential
from credtrail.designs.acts import document_of, make_design
from credtrail.designs.model import BUILT_IN
from credtrail.designs.store import delete_design
from credtrail.groups.store import add_group, find_group, list_groups
from credtrail.mail.store import add_template

CLASSIC, MODERN, SEAL = (design.id for design in BUILT_IN[:3])


def form(**fields):
    """What the form of a group sends."""
    return {
        "name": "Field Guide",
        "designIds": [CLASSIC],
        "learningEventUrl": "",
        "description": "",
        "skills": "",
        "years": "",
        "months": "",
        "days": "",
        "emailTemplateId": "",
        **fields,
    }


def newest(settings, cast):
    """The group made last."""
    return in_transaction(
        settings, lambda tx: list_groups(tx, cast.workspace_id, edge=None, newer=False, limit=1)[0]
    )


def test_the_list_counts(ada_in, cast):
    page = ada_in.see(f"{ada_in.home}/groups")
    assert "Botany" in page
    assert re.search(r'data-label="Credentials" class="number"><a [^>]+>2</a>', page)
    assert re.search(r'data-label="Issued" class="number">1<', page)
    assert "Zoology" not in page, "another workspace's"


def test_a_group_is_made_with_all_it_can_have(ada_in, cast, settings):
    template = in_transaction(
        settings, lambda tx: add_template(tx, cast.workspace_id, "Warm", "Hello", "[credential.link]")
    )
    ada_in.see(f"{ada_in.home}/groups/new")
    page = ada_in.post(
        f"{ada_in.home}/groups/new",
        **form(
            designIds=[CLASSIC, SEAL],
            first=SEAL,
            learningEventUrl="https://meadow.example/guide",
            description="Thirty hours.\r\n\r\nIn the field.",
            skills="Plants\r\n\r\n  Field notes  ",
            years="2",
            months="6",
            emailTemplateId=template.id,
        ),
    )
    assert "here is its first credential" in page
    made = newest(settings, cast)
    assert made.design_ids == (SEAL, CLASSIC), "the main one first"
    assert made.learning_event_url == "https://meadow.example/guide"
    assert made.description == "Thirty hours.\n\nIn the field."
    assert made.skills == ("Plants", "Field notes")
    assert made.expires_after == "P2Y6M"
    assert made.email_template_id == template.id
    assert "after 2 years 6 months" in ada_in.see(f"{ada_in.home}/groups")


@ON_ONE
@pytest.mark.parametrize(
    ("wrong", "sentence"),
    [
        ({"name": " "}, "not blank"),
        ({"designIds": []}, "Choose at least one design"),
        ({"designIds": ["01h00000000000000000000000"]}, "Choose at least one design"),
        ({"learningEventUrl": "javascript:alert(1)"}, "must be an http:// or https:// address"),
        ({"skills": "\n".join(f"Skill {n}" for n in range(31))}, "at most 30"),
        ({"years": "-1"}, "whole numbers of years"),
        ({"emailTemplateId": "nothing"}, "e-mail template of the workspace"),
    ],
)
def test_what_is_wrong_is_said_and_what_was_typed_stays(ada_in, cast, settings, wrong, sentence):
    ada_in.see(f"{ada_in.home}/groups/new")
    page = ada_in.post(f"{ada_in.home}/groups/new", status=400, **form(description="A & B", **wrong))
    assert sentence.lower() in page.lower()
    assert "A &amp; B" in page
    assert newest(settings, cast).name == "Botany"


def test_a_group_is_changed(ada_in, cast, settings):
    address = f"{ada_in.home}/groups/{cast.group_id}"
    assert 'value="Botany"' in ada_in.see(address)
    ada_in.post(address, **form(name="Botany II", designIds=[CLASSIC, MODERN], days="90"))
    ada_in.post(address, **form(name="Botany II", designIds=[MODERN, CLASSIC], days="90"))
    changed = in_transaction(settings, lambda tx: find_group(tx, cast.workspace_id, cast.group_id))
    assert (changed.name, changed.expires_after) == ("Botany II", "P90D")
    assert changed.design_ids == (CLASSIC, MODERN), "order stays, unless another is made the main one"
    ada_in.post(address, **form(name="Botany II", designIds=[MODERN, CLASSIC], first=MODERN))
    changed = in_transaction(settings, lambda tx: find_group(tx, cast.workspace_id, cast.group_id))
    assert changed.design_ids == (MODERN, CLASSIC)
    assert changed.expires_after is None
    page = ada_in.post(address, status=400, **form(name="", designIds=[]))
    assert "Not kept yet" in page


def test_weeks_of_a_rule_are_shown_as_days(ada_in, cast, settings):
    id_ = in_transaction(
        settings, lambda tx: add_group(tx, cast.workspace_id, "Weekly", [CLASSIC], expires_after="P2W1D").id
    )
    assert re.search(r'name="days" type="number" value="15"', ada_in.see(f"{ada_in.home}/groups/{id_}"))
    assert "after 15 days" in ada_in.see(f"{ada_in.home}/groups")


def test_only_an_empty_group_is_deleted(ada_in, cast, settings):
    page = ada_in.see(f"{ada_in.home}/groups/{cast.group_id}")
    assert "A group that has credentials can’t be deleted" in page
    page = ada_in.post(f"{ada_in.home}/groups/{cast.group_id}/delete")
    assert "delete them first" in page
    id_ = in_transaction(settings, lambda tx: add_group(tx, cast.workspace_id, "Empty", [CLASSIC]).id)
    ada_in.see(f"{ada_in.home}/groups/{id_}")
    assert "The group Empty is deleted" in ada_in.post(f"{ada_in.home}/groups/{id_}/delete")
    ada_in.see(f"{ada_in.home}/groups/{id_}", 404)


def test_a_deleted_group_is_brought_back_as_it_was(ada_in, cast, settings):
    def make(transaction):
        return add_group(
            transaction,
            cast.workspace_id,
            "مقدمة في علم النبات",
            [SEAL, CLASSIC],
            "https://learning.example/botany",
            description="Field work.",
            skills=("Herbarium", "植物學"),
            expires_after="P1Y6M",
        )

    group = in_transaction(settings, make)
    assert "You can undo it for ten minutes" in ada_in.see(f"{ada_in.home}/groups/{group.id}")
    page = ada_in.post(f"{ada_in.home}/groups/{group.id}/delete")
    assert "is back" in ada_in.undo(page)
    assert in_transaction(settings, lambda tx: find_group(tx, cast.workspace_id, group.id)) == group
    assert "is there already" in ada_in.undo(page, status=409)
    assert "brought back the group" in ada_in.see(f"{ada_in.home}/audit-log")


def test_a_group_whose_design_is_gone_since_stays_deleted(ada_in, cast, settings):
    def make(transaction):
        design = make_design(transaction, cast.workspace_id, "Own", document_of(BUILT_IN[0]))
        return add_group(transaction, cast.workspace_id, "Brief", [design.id]), design.id

    group, design_id = in_transaction(settings, make)
    ada_in.see(f"{ada_in.home}/groups/{group.id}")
    page = ada_in.post(f"{ada_in.home}/groups/{group.id}/delete")
    in_transaction(settings, lambda tx: delete_design(tx, design_id))
    assert "A design of the group is deleted since" in ada_in.undo(page, status=409)


def test_a_group_with_a_very_long_description_says_that_it_goes_for_good(ada_in, cast, settings):
    id_ = in_transaction(
        settings, lambda tx: add_group(tx, cast.workspace_id, "Long", [CLASSIC], description="植" * 5_000).id
    )
    assert "This can’t be undone" in ada_in.see(f"{ada_in.home}/groups/{id_}")
    page = ada_in.post(f"{ada_in.home}/groups/{id_}/delete")
    assert "The group Long is deleted" in page
    assert 'name="undo"' not in page


def test_another_workspaces_group_is_not_there(ada_in, cast):
    page = ada_in.see(f"{ada_in.home}/groups/{cast.cleos_group_id}", 404)
    assert "It may have been deleted meanwhile" in page
    assert 'aria-current="page"' not in page, "it is no place of the menu"
    ada_in.post(f"{ada_in.home}/groups/{cast.cleos_group_id}", status=404, **form())
    ada_in.post(f"{ada_in.home}/groups/{cast.cleos_group_id}/delete", status=404)


def test_viewers_see_the_group_but_no_button(in_role, cast):
    viewer = in_role("viewer")
    page = viewer.see(f"{viewer.home}/groups/{cast.group_id}")
    assert '<fieldset class="plain" disabled>' in page
    assert "Keep the changes" not in page


# Attributes


def own(settings, cast):
    """The workspace's own attributes."""
    return in_transaction(settings, lambda tx: list_attributes(tx, cast.workspace_id))


def test_attributes_are_made_renamed_and_deleted(ada_in, cast, settings):
    assert "Recipient&#39;s name" in ada_in.see(f"{ada_in.home}/attributes")
    page = ada_in.post(f"{ada_in.home}/attributes", name="Final grade", tag="", type="text")
    assert "[custom.final_grade]" in page
    [made] = own(settings, cast)
    address = f"{ada_in.home}/attributes/{made.id}"
    ada_in.see(address)
    assert "not blank" in ada_in.post(address, status=400, name=" ")
    assert "Grade" in ada_in.post(address, name="Grade")
    assert own(settings, cast)[0].tag == "final_grade"

    def give(transaction):
        one = find_credential(transaction, cast.workspace_id, cast.credential_id)
        save_credential(transaction, one._replace(custom_attributes={"custom.final_grade": "A"}))

    in_transaction(settings, give)
    assert "1 credential keeps its value" in ada_in.see(address)
    [as_it_was] = own(settings, cast)
    page = ada_in.post(f"{address}/delete")
    assert "The attribute Grade is deleted" in page
    assert own(settings, cast) == []
    assert "The attribute Grade is back" in ada_in.undo(page)
    assert own(settings, cast) == [as_it_was]
    assert "the tag final_grade already" in ada_in.undo(page, status=409)
    ada_in.post(f"{address}/delete")
    ada_in.post(f"{address}/delete", status=404)
    ada_in.post(address, status=404, name="x")


@pytest.mark.parametrize(
    ("fields", "status", "sentence"),
    [
        ({"name": "", "tag": "", "type": "text"}, 400, "not blank"),
        ({"name": "成績", "tag": "", "type": "text"}, 400, "is required where the name has no letters"),
        ({"name": "Grade", "tag": "Grade!", "type": "text"}, 400, "must be a tag"),
        ({"name": "Grade", "tag": "", "type": "colour"}, 400, "must be one of"),
        ({"name": "Other", "tag": "grade", "type": "date"}, 409, "the tag grade already"),
    ],
)
def test_attributes_that_cannot_be(ada_in, fields, status, sentence):
    ada_in.see(f"{ada_in.home}/attributes")
    ada_in.post(f"{ada_in.home}/attributes", name="Grade", tag="grade", type="text")
    page = ada_in.post(f"{ada_in.home}/attributes", status=status, **fields)
    assert sentence.lower() in page.lower()
