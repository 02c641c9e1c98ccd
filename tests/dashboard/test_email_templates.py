"""E-mail templates in the dashboard: words, preview, test mail."""

import pytest

from conftest import ON_ONE, in_transaction
from credtrail.accounts.model import IssuerProfile
from credtrail.accounts.store import save_profile
from credtrail.attributes.store import add_attribute
from credtrail.groups.store import find_group, save_group
from credtrail.mail.store import add_template, list_templates

WORDS = {
    "name": "Warm",
    "subject": "Well done, [recipient.name]!",
    "body": "Dear [recipient.name],\r\n\r\n[credential.link]\r\n\r\nGrade: [custom.grade]",
}


def own(settings, cast):
    """The workspace's templates, newest first."""
    return in_transaction(
        settings, lambda tx: list_templates(tx, cast.workspace_id, edge=None, newer=False, limit=10)
    )


def test_a_template_is_made_used_changed_and_deleted(ada_in, cast, settings):
    assert "No template of your own yet" in ada_in.see(f"{ada_in.home}/email-templates")
    page = ada_in.see(f"{ada_in.home}/email-templates/new")
    assert "Your credential: [group.name]" in page, "it begins with the built-in words"
    page = ada_in.post(f"{ada_in.home}/email-templates/new", **WORDS)
    assert "Warm is made" in page
    assert "no group yet" in page
    [made] = own(settings, cast)
    assert made.body == "Dear [recipient.name],\n\n[credential.link]\n\nGrade: [custom.grade]"

    def use(transaction):
        group = find_group(transaction, cast.workspace_id, cast.group_id)
        save_group(transaction, group._replace(email_template_id=made.id))

    in_transaction(settings, use)
    assert "Botany" in ada_in.see(f"{ada_in.home}/email-templates")
    address = f"{ada_in.home}/email-templates/{made.id}"
    page = ada_in.see(address)
    assert "1 group sends by" in page
    assert "Kept" in ada_in.post(address, **{**WORDS, "subject": "Congratulations"})
    assert own(settings, cast)[0].subject == "Congratulations"
    assert "Warm is deleted" in ada_in.post(f"{address}/delete")
    assert own(settings, cast) == []
    ada_in.see(address, 404)
    ada_in.post(address, status=404, **WORDS)


def test_a_deleted_template_is_brought_back_as_it_was(ada_in, cast, settings):
    def make(transaction):
        made = add_template(
            transaction, cast.workspace_id, "ترحيب", "Well done", "Dear [recipient.name],\n\n植物學"
        )
        group = find_group(transaction, cast.workspace_id, cast.group_id)
        save_group(transaction, group._replace(email_template_id=made.id))
        return made

    made = in_transaction(settings, make)
    address = f"{ada_in.home}/email-templates/{made.id}"
    assert "You can undo it for ten minutes" in ada_in.see(address)
    page = ada_in.post(f"{address}/delete")
    assert own(settings, cast) == []
    assert "ترحيب is back" in ada_in.undo(page)
    assert own(settings, cast) == [made]
    assert "1 group sends by" in ada_in.see(address), "the group that sent by it does again"
    assert "is there already" in ada_in.undo(page, status=409)
    assert "brought back the e-mail template" in ada_in.see(f"{ada_in.home}/audit-log")


def test_a_very_long_template_says_that_it_goes_for_good(ada_in, cast, settings):
    id_ = in_transaction(
        settings, lambda tx: add_template(tx, cast.workspace_id, "Long", "Hello", "植" * 5_000)
    ).id
    assert "This can’t be undone" in ada_in.see(f"{ada_in.home}/email-templates/{id_}")
    page = ada_in.post(f"{ada_in.home}/email-templates/{id_}/delete")
    assert "Long is deleted" in page
    assert 'name="undo"' not in page


@ON_ONE
@pytest.mark.parametrize(
    ("wrong", "sentence"),
    [
        ({"name": ""}, "not blank"),
        ({"subject": " "}, "one line"),
        ({"body": ""}, "must be a text of 1"),
        ({"body": "[recipient.nmae]"}, "must not have the placeholder [recipient.nmae]"),
        ({"subject": "[group.title]"}, "must not have the placeholder [group.title]"),
    ],
)
def test_what_is_wrong_is_said_and_what_was_typed_stays(ada_in, cast, settings, wrong, sentence):
    id_ = in_transaction(settings, lambda tx: add_template(tx, cast.workspace_id, "Old", "Hello", "Text")).id
    for path in ("new", id_):
        ada_in.see(f"{ada_in.home}/email-templates/{path}")
        page = ada_in.post(f"{ada_in.home}/email-templates/{path}", status=400, **{**WORDS, **wrong})
        assert sentence.lower() in page.lower()
        assert "frame-src 'self'" in ada_in.last.headers["content-security-policy"]
        if "body" not in wrong:
            assert "Grade: [custom.grade]" in page


def test_the_preview_is_the_letter_in_a_frame_that_runs_nothing(ada_in, cast, settings):
    def act(transaction):
        add_attribute(transaction, cast.workspace_id, "grade", "Final <grade>", "text")
        profile = IssuerProfile(brand_color="#123456", sender_name="The <Registrar>", language="de")
        save_profile(transaction, cast.workspace_id, profile)

    in_transaction(settings, act)
    ada_in.see(f"{ada_in.home}/email-templates/new")
    page = ada_in.post(f"{ada_in.home}/email-templates/preview", **{**WORDS, "name": ""})
    policy = ada_in.last.headers["content-security-policy"]
    assert "default-src 'none'" in policy
    assert policy.endswith("frame-ancestors 'self'; sandbox")
    assert "script-src" not in policy
    for words in (
        "Well done, Robin Ñandú!",
        "#123456",
        "The &lt;Registrar&gt;",
        "Final &lt;grade&gt;",
        'lang="de"',
    ):
        assert words in page, words
    page = ada_in.post(f"{ada_in.home}/email-templates/preview", **{**WORDS, "body": "[recipient.nmae]"})
    assert "No preview yet" in page
    assert "The text must not have the placeholder [recipient.nmae]" in page
    assert ada_in.last.headers["content-security-policy"] == policy


def test_the_frame_of_somebody_who_was_signed_out_says_so(ada_in):
    ada_in.see(f"{ada_in.home}/email-templates/new")
    ada_in.client.cookies.clear()
    answer = ada_in.client.post(
        f"{ada_in.home}/email-templates/preview", data=WORDS, headers={"sec-fetch-dest": "iframe"}
    )
    assert answer.status_code == 401
    assert answer.text.startswith("You are signed out. What you have typed stays here")
    assert "content-security-policy" not in answer.headers, "which would keep it out of the frame"


def test_what_is_typed_into_it_stays_text(ada_in):
    ada_in.see(f"{ada_in.home}/email-templates/new")
    wicked = {"subject": "<script>1</script>", "body": "<img src=x onerror=1> </pre><script>2</script>"}
    page = ada_in.post(f"{ada_in.home}/email-templates/preview", **{**WORDS, **wicked})
    assert "<script>" not in page
    assert "<img" not in page


def test_a_test_mail_goes_to_whoever_asks(ada_in, letters):
    ada_in.see(f"{ada_in.home}/email-templates/new")
    page = ada_in.post(f"{ada_in.home}/email-templates/test", **WORDS)
    assert "A test mail is on the way to ada@meadow.example" in page
    assert "Grade: [custom.grade]" in page, "what was typed is still there"
    [(address, text)] = letters()
    assert address == "ada@meadow.example"
    assert text.startswith("Dear Robin Ñandú,")
    answer = ada_in.client.post(
        f"{ada_in.home}/email-templates/test",
        data={**WORDS, "body": "[group.title]"},
        headers={"HX-Request": "true", "X-CSRF-Token": ada_in.csrf},
    )
    assert answer.headers["content-type"].startswith("text/plain")
    assert "must not have the placeholder" in answer.text
    page = ada_in.post(f"{ada_in.home}/email-templates/test", status=400, **{**WORDS, "subject": ""})
    assert "one line" in page.lower()


def test_viewers_read_it(in_role, cast, settings):
    id_ = in_transaction(settings, lambda tx: add_template(tx, cast.workspace_id, "Old", "Hello", "Text")).id
    viewer = in_role("viewer")
    page = viewer.see(f"{viewer.home}/email-templates/{id_}")
    assert "Hello" in page
    assert "<iframe" not in page
    assert "Delete" not in page
