"""E-mail templates: what recipients read, with a preview that follows what is typed. Wired by `app`."""

from typing import Any

from msgspec.json import encode
from starlette.responses import Response

from credtrail.accounts.colors import text_on
from credtrail.accounts.store import find_domain, find_image, find_profile
from credtrail.attributes.store import list_attributes
from credtrail.credentials.links import home_of
from credtrail.dashboard.door import Undo, View, Visit
from credtrail.dashboard.words import refusal_words
from credtrail.database import Database, Transaction
from credtrail.errors import Refusal
from credtrail.groups.store import list_using_template
from credtrail.mail import acts
from credtrail.mail.letter import Letter, built_in, words_of, write_preview
from credtrail.mail.model import (
    PLACEHOLDERS,
    EmailTemplate,
    EmailTemplateChange,
    NewEmailTemplate,
    check_placeholders,
)
from credtrail.mail.notice_store import add_notice
from credtrail.mail.store import list_templates
from credtrail.values import add_period, day_of
from credtrail.web.language import find_language
from credtrail.web.parse import parse_body

_ON_A_PAGE = 50
_LABELS = {"name": "The name", "subject": "The subject", "body": "The text"}
_HOUR_MS = 3_600_000
_FRAME_POLICY = (
    "default-src 'none'; style-src 'unsafe-inline'; img-src data:; form-action 'none'; base-uri 'none'; "
)
_FRAME_HEADERS = {
    # Mail programs know no stylesheets, so letters have their styles inside; in a page of its own, without scripts.
    "content-security-policy": _FRAME_POLICY + "frame-ancestors 'self'; sandbox",
    "referrer-policy": "same-origin",
    "x-content-type-options": "nosniff",
    "cache-control": "no-store",
}
_MEANINGS = {
    "recipient.name": "the recipient’s name",
    "recipient.email": "their e-mail address",
    "group.name": "the group’s name",
    "certificate.issued_on": "the issue date",
    "certificate.expires_on": "the expiry date, or nothing",
    "certificate.uuid": "the public id",
    "issuer.name": "your workspace’s name",
    "credential.link": "the recipient’s own link; on a line of its own: a button",
}


class EmailTemplates:
    """What groups send their credentials by; `mail_from` is the sender where the workspace names none."""

    def __init__(self, database: Database, mail_from: str, public_url: str) -> None:
        self._database = database
        self._mail_from = mail_from
        self._public_url = public_url

    def views(self) -> list[View]:
        """Everybody sees; editors change. Fixed names come before ids, being none."""
        path = "/w/{workspace_id}/email-templates"
        one = path + "/{template_id}"
        return [
            View("GET", path, self.show_all),
            View("GET", path + "/new", self.ask_new, "editor"),
            View("POST", path + "/new", self.create, "editor"),
            View("POST", path + "/preview", self.preview, "editor"),
            View("POST", path + "/test", self.send_test, "editor"),
            View("POST", path + "/undo", self.restore, "editor"),
            View("GET", one, self.show),
            View("POST", one, self.change, "editor"),
            View("POST", one + "/delete", self.delete, "editor"),
        ]

    async def show_all(self, visit: Visit) -> Response:
        """The list, each with the groups that send by it."""
        slice_ = visit.slice(_ON_A_PAGE, "email-templates")

        def ask(transaction: Transaction) -> dict[str, Any]:
            rows = list_templates(transaction, visit.workspace_id, **slice_._asdict())
            shown, around = visit.page_of(rows, slice_, "email-templates")
            used = list_using_template(transaction, [one.id for one in shown])
            return {"templates": shown, "around": around, "used": used}

        return visit.page("email_templates.html", **await self._database.read(ask))

    async def ask_new(self, visit: Visit) -> Response:
        """The form, filled with the words of the built-in template, to begin from."""

        def ask(transaction: Transaction) -> dict[str, Any]:
            subject, body = built_in(find_profile(transaction, visit.workspace_id).language)
            return {
                "given": {"name": "", "subject": subject, "body": body},
                **_around(transaction, visit, None),
            }

        return self._form(visit, await self._database.read(ask))

    async def create(self, visit: Visit) -> Response:
        """Create it; groups choose it on their own pages."""

        def act(transaction: Transaction) -> EmailTemplate:
            made = acts.create_template(transaction, visit.workspace_id, new)
            visit.note(transaction, "email_template_created", made.name)
            return made

        try:
            new = parse_body(NewEmailTemplate, encode(_typed(visit)))
            made = await self._database.write(act)
        except Refusal as refusal:
            values = await self._database.read(lambda tx: _around(tx, visit, None))
            return self._form(visit, {"given": _typed(visit), **values}, refusal)
        return visit.go(
            f"{visit.home}/email-templates", f"{made.name} is made; choose it on the page of a group"
        )

    async def show(self, visit: Visit) -> Response:
        """One template: for editors as the form, for others as it is."""

        def ask(transaction: Transaction) -> dict[str, Any]:
            one = acts.get_template(transaction, visit.workspace_id, visit.path("template_id"))
            given = {"name": one.name, "subject": one.subject, "body": one.body}
            return {"given": given, **_around(transaction, visit, one)}

        return self._form(visit, await self._database.read(ask))

    async def change(self, visit: Visit) -> Response:
        """Keep what was typed; mails from now on say it."""
        id_ = visit.path("template_id")

        def act(transaction: Transaction) -> None:
            changed = acts.change_template(transaction, visit.workspace_id, id_, change)
            visit.note(transaction, "email_template_changed", changed.name)

        try:
            change = parse_body(EmailTemplateChange, encode(_typed(visit)))
            await self._database.write(act)
        except Refusal as refusal:
            if refusal.kind == "not_found":
                raise
            values = await self._database.read(
                lambda tx: _around(tx, visit, acts.get_template(tx, visit.workspace_id, id_))
            )
            return self._form(visit, {"given": _typed(visit), **values}, refusal)
        return visit.go(f"{visit.home}/email-templates/{id_}", "Kept; mails that go out from now on say it")

    async def delete(self, visit: Visit) -> Response:
        """Groups that send by it get the built-in one."""

        def act(transaction: Transaction) -> EmailTemplate:
            gone = acts.delete_template(transaction, visit.workspace_id, visit.path("template_id"))
            visit.note(transaction, "email_template_deleted", gone.name)
            return gone

        gone = await self._database.write(act)
        return visit.go(f"{visit.home}/email-templates", f"{gone.name} is deleted", _undo_of(visit, gone))

    async def restore(self, visit: Visit) -> Response:
        """Bring back one that was deleted just now."""
        gone = visit.read_undo(EmailTemplate)

        def act(transaction: Transaction) -> None:
            acts.restore_template(transaction, gone)
            visit.note(transaction, "email_template_restored", gone.name)

        await self._database.write(act)
        return visit.go(f"{visit.home}/email-templates/{gone.id}", f"{gone.name} is back")

    async def preview(self, visit: Visit) -> Response:
        """What is in the form, as a recipient would see it: a page for a frame, which may run nothing."""
        try:
            letter = await self._letter(visit)
            text = write_preview(letter)
        except Refusal as refusal:
            text = visit.write("letter_refused.html", sentence=refusal_words(refusal, _LABELS))
        return Response(text, media_type="text/html; charset=utf-8", headers=_FRAME_HEADERS)

    async def send_test(self, visit: Visit) -> Response:
        """What is in the form, as plain text, to whoever asks; what was typed stays in the form."""
        refused = None
        told = f"A test mail is on the way to {visit.me.email}: the text without its look"
        try:
            letter = await self._letter(visit)
            words = words_of(letter)

            def act(transaction: Transaction) -> None:
                subject = f"Test: {words.subject}"
                add_notice(
                    transaction,
                    visit.me.email,
                    subject,
                    words.text + "\n",
                    good_for_ms=_HOUR_MS,
                    from_name=letter.from_name,
                )

            await self._database.write(act)
        except Refusal as refusal:
            refused, told = refusal, refusal_words(refusal, _LABELS)
        if visit.is_part:
            return Response(
                told, media_type="text/plain; charset=utf-8", headers={"cache-control": "no-store"}
            )
        values = await self._database.read(lambda tx: _around(tx, visit, None))
        return self._form(visit, {"given": _typed(visit), **values, "told": told}, refused)

    async def _letter(self, visit: Visit) -> Letter:
        """A letter to nobody, by the form's words; refuses what can't be sent."""
        typed = {**_typed(visit), "name": visit.text("name") or "preview"}
        new = parse_body(NewEmailTemplate, encode(typed))
        check_placeholders("subject", new.subject)
        check_placeholders("body", new.body)
        return await self._database.read(
            lambda tx: _sample(tx, visit, (new.subject, new.body), self._mail_from, self._public_url)
        )

    def _form(self, visit: Visit, values: dict[str, Any], refusal: Refusal | None = None) -> Response:
        values = {"told": "", **values}
        if refusal is None:
            answer = visit.page("email_template.html", problems={}, **values)
        else:
            answer = visit.again("email_template.html", refusal, **values)
        answer.headers["content-security-policy"] += "; frame-src 'self'"
        return answer


def _undo_of(visit: Visit, template: EmailTemplate) -> Undo | None:
    return visit.undo_of(f"{visit.home}/email-templates/undo", template)


def _typed(visit: Visit) -> dict[str, str]:
    return {
        "name": visit.text("name"),
        "subject": visit.text("subject"),
        "body": visit.text("body").replace("\r\n", "\n"),
    }


def _around(transaction: Transaction, visit: Visit, one: EmailTemplate | None) -> dict[str, Any]:
    """What stands around the form: placeholders with their meanings, and the groups that send by it."""
    own = list_attributes(transaction, visit.workspace_id)
    used = list_using_template(transaction, [one.id]).get(one.id, []) if one else []
    return {
        "one": one,
        "used": used,
        "can_undo": one is not None and _undo_of(visit, one) is not None,
        "placeholders": [
            *((name, _MEANINGS[name]) for name in PLACEHOLDERS),
            *((f"custom.{attribute.tag}", attribute.name) for attribute in own if attribute.type != "image"),
        ],
    }


def _sample(
    transaction: Transaction, visit: Visit, template: tuple[str, str], mail_from: str, public_url: str
) -> Letter:
    """A letter to a made-up person, in the workspace's look and language."""
    here = visit.workspace_id
    profile = find_profile(transaction, here)
    logo = find_image(transaction, here, profile.logo_digest) if profile.logo_digest else None
    today, language = day_of(transaction.at, visit.time_zone), find_language(profile.language)
    issuer = visit.here.workspace_name
    values = {
        "recipient.name": "Robin Ñandú",
        "recipient.email": "robin@learner.example",
        "group.name": "Introduction to Botany",
        "certificate.issued_on": language.day(today),
        "certificate.expires_on": language.day(add_period(today, "P2Y")),
        "certificate.uuid": "0f5c8a8e-4a36-4c8c-9b0d-0f60a5a2c3de",
        "issuer.name": issuer,
        **{f"custom.{one.tag}": one.name for one in list_attributes(transaction, here)},
    }
    return Letter(
        id="preview",
        to_name="Robin Ñandú",
        to_address="robin@learner.example",
        from_name=profile.sender_name or issuer,
        from_address=profile.sender_email or mail_from,
        reply_to=profile.contact_email,
        template=template,
        values=values,
        link=f"{home_of(public_url, find_domain(transaction, here))}/credentials/…",
        brand_color=profile.brand_color,
        text_on_brand=text_on(profile.brand_color),
        logo=logo.content if logo else None,
        language=profile.language,
    )
