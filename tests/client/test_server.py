"""The client against the real server, on both databases, waiting and awaiting."""

import asyncio
import random
from datetime import UTC, date, datetime, timedelta
from uuid import uuid4

import msgspec
import pytest

from conftest import ON_ONE, Server, add_cast
from credtrail.client import (
    AsyncClient,
    Client,
    Conflict,
    Forbidden,
    NotFound,
    Retries,
    Unauthorized,
    ValidationError,
)
from loopback import breaking

DAY = datetime(2024, 3, 12, 17, 33, 5, 784_000, UTC)
STUBBORN = Retries(attempts=100, total_seconds=60, first_pause_seconds=0.002, longest_pause_seconds=0.02)


@pytest.fixture
def server(standing_servers, dialect):
    return standing_servers(dialect).server


@pytest.fixture
def cast(standing_servers, dialect):
    return add_cast(standing_servers(dialect).settings, f" {uuid4()}")


@pytest.fixture
def ada(server, cast):
    with Client(cast.ada, server.url) as client:
        yield client


def viewed(cast, at=DAY, **more):
    return {
        "credential_id": cast.credential_id,
        "event_type": "credential_viewed",
        "triggered_by": "guest",
        "triggered_at": at,
        **more,
    }


def test_an_interaction_is_recorded_got_and_listed(ada, cast):
    made = ada.interactions.create(**viewed(cast))
    assert (made.credential_id, made.event_type, made.triggered_at) == (
        cast.credential_id,
        "credential_viewed",
        DAY,
    )
    assert ada.interactions.get(made.id) == made
    assert list(ada.interactions.list(credential_id=cast.credential_id)) == [made]
    assert list(ada.interactions.list(event_type=["credential_verified", "credential_downloaded"])) == []
    assert list(ada.interactions.list(triggered_from=DAY, triggered_to=DAY + timedelta(1))) == [made]
    assert ada.interactions.page(limit=1).data == [made]


def test_what_happened_without_a_time_happened_now(ada, cast):
    new = viewed(cast)
    del new["triggered_at"]
    made = ada.interactions.create(**new)
    assert abs(datetime.now(UTC) - made.triggered_at) < timedelta(minutes=1)


def test_many_interactions_go_in_thousands_and_come_back_in_order(ada, cast):
    news = [viewed(cast, DAY + timedelta(seconds=n)) for n in range(2_101)]
    news[1_500]["event_type"] = "credential_eaten"
    results = ada.interactions.create_many(iter(news), idempotency_key="all of March")
    assert len(results) == len(news)
    assert results[1_500].status == 400
    assert results[1_500].error.details[0].field == "eventType"
    made = [result.credential_interaction for result in results if result.error is None]
    assert [one.triggered_at for one in made] == [
        new["triggered_at"] for new in news if new is not news[1_500]
    ]

    again = ada.interactions.create_many(news, idempotency_key="all of March")
    assert again == results, "the same key gives the same results"
    listed = list(ada.interactions.list())
    assert sorted(one.id for one in listed) == sorted(one.id for one in made), "and nothing twice"


def test_an_export_comes_in_pieces(ada, cast, tmp_path):
    made = [ada.interactions.create(**viewed(cast, DAY + timedelta(seconds=n))) for n in range(3)]
    lines = b"".join(ada.interactions.export(triggered_from=DAY)).splitlines()
    assert [msgspec.json.decode(line)["id"] for line in lines] == [one.id for one in made]
    with (tmp_path / "interactions.csv").open("wb") as file:
        file.writelines(ada.interactions.export("csv"))
    assert len((tmp_path / "interactions.csv").read_text().splitlines()) == 4
    with pytest.raises(ValidationError) as refused:
        list(ada.interactions.export("xml"))
    assert refused.value.details[0].field == "format"


def test_what_was_set_aside_is_listed_and_counted(ada):
    assert list(ada.interactions.list_set_aside(reason="robot")) == []
    assert ada.interactions.count_set_aside(day_from=date(2026, 11, 1), day_to="2026-11-02").data == []


def test_what_interactions_say(ada, cast):
    ada.interactions.create(**viewed(cast))
    days = {"day_from": DAY.date(), "day_to": DAY.date()}
    summary = ada.insights.summary(**days, group_id=cast.group_id)
    assert summary.period.first == DAY.date()
    assert summary.guest_views.value == 1
    assert summary.views_per_share.value is None
    [series] = ada.insights.timeseries(**days, bucket="hour").series
    assert (series.total, sum(series.counts), len(series.counts)) == (1, 1, 24)
    assert ada.insights.funnel(design_id=cast.design_id).data[0].step == "issued"
    assert len(ada.insights.channels(**days).data) == 10
    assert ada.insights.credentials(**days, sort="shares").data == []


def test_a_credential_from_draft_to_deletion(ada, cast):
    made = ada.credentials.create(
        group_id=cast.group_id,
        recipient={"name": "Noor Haddad", "email": "noor@learner.example"},
        issue_date=date(2026, 1, 2),
    )
    assert (made.status, made.recipient.name, made.issue_date) == ("draft", "Noor Haddad", date(2026, 1, 2))
    issued = ada.credentials.issue(made.id)
    assert issued.status == "issued"
    with pytest.raises(Conflict):
        ada.credentials.issue(made.id)
    assert ada.credentials.revoke(made.id, "Issued by mistake").status == "issued"
    assert ada.credentials.get(made.id).public_id == made.public_id
    assert made.id in {one.id for one in ada.credentials.list()}
    assert ada.credentials.page(limit=1).data[0].id == made.id
    assert ada.credentials.delete(made.id) is None
    with pytest.raises(NotFound) as refused:
        ada.credentials.delete(made.id)
    assert (refused.value.status, refused.value.code) == (404, "not_found")
    assert len(refused.value.request_id) == 24


def test_a_credential_is_changed_and_searched(ada, cast):
    grade = ada.attributes.create("Final grade", type="text")
    assert (grade.parent, grade.tag, grade.is_default) == ("custom", "final_grade", False)
    made = ada.credentials.create(
        group_id=cast.group_id,
        recipient={"name": "Noor Haddad", "email": "noor@learner.example"},
        expiry_date=date(2030, 1, 1),
        custom_attributes={"custom.final_grade": "A"},
    )
    changed = ada.credentials.change(made.id, recipient={"name": "Noor H."}, expiry_date=None)
    assert (changed.recipient.name, changed.recipient.email) == ("Noor H.", "noor@learner.example")
    assert (changed.expiry_date, changed.custom_attributes) == (None, {"custom.final_grade": "A"})
    assert (
        ada.credentials.change(made.id, custom_attributes={"custom.final_grade": None}).custom_attributes
        == {}
    )
    hers = {"recipient": {"email": {"startsWith": "NOOR"}}}
    assert [one.id for one in ada.credentials.search(hers)] == [made.id]
    oldest = {"property": "createdAt", "order": "asc"}
    found = [one.id for one in ada.credentials.search({"NOT": hers}, sort=oldest)]
    assert set(found) == {cast.credential_id, cast.draft_id}
    assert len(list(ada.credentials.search())) == 3
    assert grade in ada.attributes.list()
    assert ada.attributes.change(grade.id, name="Mark").name == "Mark"
    assert ada.attributes.delete(grade.id) is None


def test_a_credential_is_scheduled_mailed_and_found(ada, cast):
    new = {"group_id": cast.group_id, "recipient": {"name": "Noor", "email": "noor@learner.example"}}
    draft = ada.credentials.create(**new)
    tomorrow = datetime.now(UTC) + timedelta(days=1)
    assert ada.credentials.schedule(draft.id, tomorrow, send_at_issuance=True).status == "scheduled"
    assert ada.credentials.get_links(draft.id).page is None
    sent = ada.credentials.create_issue_send(**new)
    assert sent.status == "issued"
    assert ada.credentials.get_links(sent.id).page.endswith(f"/credentials/{sent.public_id}")
    assert ada.credentials.get_links(sent.id).linked_in_profile
    assert {one.format for one in ada.credentials.list_designs(sent.id)[0].previews} == {"png", "pdf"}
    assert ada.credentials.send(sent.id, idempotency_key="send once").id == sent.id
    assert ada.credentials.send(sent.id, idempotency_key="send once").id == sent.id
    assert {one.email for one in ada.credentials.list_mails(sent.id)} == {"noor@learner.example"}


def test_many_credentials_come_back_in_order(ada, cast):
    news = [{"group_id": cast.group_id, "recipient": {"name": f"Person {n}"}} for n in range(1_005)]
    news[3]["group_id"] = "nobody's"
    results = ada.credentials.create_many(news, then="issue")
    assert [result.status for result in results] == [201, 201, 201, 404, *[201] * 1_001]
    assert (results[3].error.code, results[3].credential) == ("not_found", None)
    assert results[-1].credential.recipient.name == "Person 1004"
    assert {one.status for one in ada.credentials.list()} == {"issued", "draft"}
    assert len(list(ada.credentials.list())) == 1_006


def test_groups_and_email_templates_change_and_go(ada, cast):
    template = ada.email_templates.create(name="Hello", subject="Yours", body="Dear [recipient.name]")
    assert ada.email_templates.get(template.id) == template
    assert ada.email_templates.change(template.id, subject="Hers").subject == "Hers"
    assert [one.id for one in ada.email_templates.list()] == [template.id]
    group = ada.groups.create(name="Mycology", design_ids=[cast.design_id], expires_after="P1Y")
    changed = ada.groups.change(group.id, name="Fungi", email_template_id=template.id)
    assert (changed.name, changed.design_ids) == ("Fungi", [cast.design_id])
    told = ada.groups.get_settings(group.id)
    assert (told.expires_after, told.email_template_id) == ("P1Y", template.id)
    with pytest.raises(Conflict):
        ada.groups.delete(cast.group_id)
    assert ada.groups.delete(group.id) is None
    assert ada.email_templates.delete(template.id) is None


def test_own_designs_and_their_pictures(ada):
    drawing = b'<svg xmlns="http://www.w3.org/2000/svg" width="20" height="10"><circle r="9"/></svg>'
    image = ada.designs.upload_image(drawing, "image/svg+xml")
    assert (image.width, image.height) == (1600, 800)
    assert list(ada.designs.list_images()) == [image]
    assert b"".join(ada.designs.download_image(image.id)).startswith(b"\x89PNG")
    box = {"kind": "image", "x": 0, "y": 0, "width": 90, "height": 45, "image": image.id}
    document = {"version": 1, "type": "badge", "page": "square", "boxes": [box]}
    design = ada.designs.create(name="Ours", document=document)
    told = ada.designs.get_document(design.id)
    assert ada.designs.change(design.id, name="Theirs", document=told).name == "Theirs"
    assert ada.designs.create(name="Copy", copy_of=design.id).type == "badge"
    assert ada.designs.get_schema()["$ref"] == "#/$defs/Document"
    with pytest.raises(Conflict):
        ada.designs.delete_image(image.id)
    for one in ada.designs.list():
        if one.name in ("Theirs", "Copy"):
            assert ada.designs.delete(one.id) is None
    assert ada.designs.delete_image(image.id) is None


def test_groups_designs_and_who_is_asking(ada, cast):
    designs = list(ada.designs.list())
    assert {one.type for one in designs} == {"certificate", "badge"}
    assert ada.designs.get(designs[0].id) == designs[0]
    made = ada.groups.create(name="Mycology", design_ids=[designs[0].id])
    assert ada.groups.get(made.id) == made
    assert [one.id for one in ada.groups.list()] == [made.id, cast.group_id]
    assert ada.groups.page(limit=1).pagination.next
    assert ada.me().token.name == "Ada's"
    assert ada.workspace() == ada.me().workspace


def test_whatever_else_there_is_can_be_called(ada, cast):
    assert ada.call("GET", "/workspace")["id"] == cast.workspace_id
    assert len(ada.call("GET", "/designs", query={"limit": 2})["data"]) == 2
    assert ada.call("POST", f"/credentials/{cast.draft_id}/issue")["status"] == "issued"
    assert ada.call("DELETE", f"/credentials/{cast.draft_id}") is None


def test_the_same_key_makes_one_credential(ada, cast):
    new = {"group_id": cast.group_id, "recipient": {"name": "Noor Haddad"}, "idempotency_key": "order 4711"}
    assert ada.credentials.create(**new) == ada.credentials.create(**new)
    with pytest.raises(Conflict):
        ada.credentials.create(**{**new, "recipient": {"name": "Someone Else"}})


def test_refusals_are_told_apart(ada, server, cast):
    with pytest.raises(ValidationError) as refused:
        ada.interactions.create(**viewed(cast, credential_id="nobody's"))
    assert [detail.field for detail in refused.value.details] == ["credentialId"]
    assert "400 validation_error, request " in str(refused.value)
    assert not refused.value.in_doubt
    with Client(cast.ben, server.url) as ben, pytest.raises(Forbidden):
        ben.interactions.create(**viewed(cast))
    with Client("ctr_nonsense", server.url) as nobody, pytest.raises(Unauthorized):
        nobody.me()
    with Client(cast.cleo, server.url) as cleo, pytest.raises(NotFound):
        cleo.credentials.get(cast.credential_id)


@ON_ONE
@pytest.mark.parametrize("tail", ["", "/", "/v1", "/v1/"])
def test_the_base_url_may_end_as_it_likes(server, cast, tail):
    with Client(cast.ada, server.url + tail) as client:
        assert client.workspace().id == cast.workspace_id


def test_the_rate_limit_is_waited_for(settings):
    cast = add_cast(settings)
    limits = {"CREDTRAIL_RATE_LIMIT_PER_SECOND": "1", "CREDTRAIL_RATE_LIMIT_BURST": "1"}
    running = Server(settings, **limits).start()
    try:
        with Client(cast.ada, running.url) as client:
            began = datetime.now(UTC)
            for _ in range(3):
                client.me()
            assert datetime.now(UTC) - began >= timedelta(seconds=1.9)
    finally:
        running.stop()


def test_the_same_methods_are_awaited(server, cast):
    async def act():
        async with AsyncClient(cast.ada, server.url) as client:
            news = [viewed(cast, DAY + timedelta(seconds=n)) for n in range(150)]
            results = await client.interactions.create_many(news)
            listed = [one async for one in client.interactions.list()]
            assert [one.id for one in listed] == [one.credential_interaction.id for one in reversed(results)]
            made = await client.interactions.create(**viewed(cast))
            assert await client.interactions.get(made.id) == made
            export = b"".join([piece async for piece in client.interactions.export()])
            assert len(export.splitlines()) == 151
            assert await client.credentials.delete(cast.draft_id) is None
            with pytest.raises(NotFound):
                await client.credentials.delete(cast.draft_id)

    asyncio.run(act())


@pytest.mark.parametrize("seed", range(2))
def test_however_often_the_line_breaks_each_create_is_recorded_once(server, cast, seed):
    """A request has some 600 bytes, an answer 500: most lines break in their first or second exchange."""
    times = [DAY + timedelta(seconds=n) for n in range(60)]
    with (
        breaking(server.port, random.Random(seed), bytes_up=1_500, bytes_down=1_200) as line,
        Client(cast.ada, line.url, retries=STUBBORN) as client,
    ):
        made = [client.interactions.create(**viewed(cast, at)).id for at in times]
    assert line.breaks > 10
    with Client(cast.ada, server.url) as direct:
        listed = list(direct.interactions.list())
    assert sorted(one.id for one in listed) == sorted(made)
    assert sorted(one.triggered_at for one in listed) == times


def test_the_same_holds_for_many_at_once(server, cast):
    times = [DAY + timedelta(seconds=n) for n in range(80)]

    async def act(url):
        async with AsyncClient(cast.ada, url, retries=STUBBORN) as client:
            return await asyncio.gather(*(client.interactions.create(**viewed(cast, at)) for at in times))

    with breaking(server.port, random.Random(3), bytes_up=1_500, bytes_down=1_200) as line:
        made = asyncio.run(act(line.url))
    assert line.breaks > 10
    with Client(cast.ada, server.url) as direct:
        listed = list(direct.interactions.list())
    assert sorted(one.id for one in listed) == sorted(one.id for one in made)
    assert sorted(one.triggered_at for one in listed) == times
