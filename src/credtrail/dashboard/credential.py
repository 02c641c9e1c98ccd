"""One credential: made by hand, shown with all that is known of it, changed, sent, taken back, deleted. Wired by `app`."""

from collections.abc import Callable
from typing import Any

from starlette.responses import Response

from credtrail.credentials import acts
from credtrail.credentials.links import RecipientLinks, page_address, recipient_address
from credtrail.credentials.model import Credential
from credtrail.credentials.store import delete_credential, find_opened_at, find_view
from credtrail.dashboard.credential_form import (
    fields_of,
    find_choices,
    read_change,
    read_new,
    read_schedule,
    typed,
)
from credtrail.dashboard.credential_words import REASONS, event_words, state_of
from credtrail.dashboard.credentials import MOST_GROUPS, losses_of
from credtrail.dashboard.door import View, Visit
from credtrail.dashboard.timeline import find_timeline
from credtrail.dashboard.webhooks import TYPE_WORDS
from credtrail.dashboard.words import refusal_words
from credtrail.database import Database, Transaction
from credtrail.designs.press import Press
from credtrail.errors import Refusal, invalid
from credtrail.groups.store import list_by_name
from credtrail.interactions.counts import sum_interactions
from credtrail.interactions.log import Log
from credtrail.interactions.visits import list_set_aside
from credtrail.pages.documents import Documents
from credtrail.recipients.store import find_waiting, list_names_of, list_proofs
from credtrail.values import EVENT_TYPES, day_of
from credtrail.webhooks.delivery_store import list_deliveries_about
from credtrail.webhooks.model import Delivery

_THEN = ("keep", "issue", "issue_and_send", "schedule")
_LABELS = {
    "issueAt": "The time to issue it",
    "sendAtIssuance": "“Send it then, too”",
    "recipient.email": "The e-mail address",
}
"""What fields are called where there is no form to put a refusal beside them."""
_ASIDE_ON_A_PAGE = 50
_TOLD_ON_A_PAGE = 50
_TOLD_AT_FIRST = 5


class OneCredential:
    """A page for each; `public_url` is where public pages are."""

    def __init__(
        self,
        database: Database,
        log: Log,
        press: Press,
        documents: Documents,
        links: RecipientLinks,
        public_url: str,
    ) -> None:
        self._database = database
        self._log = log
        self._press = press
        self._documents = documents
        self._links = links
        self._public_url = public_url

    def views(self) -> list[View]:
        """Everybody sees; editors act. `new` comes before ids, being none."""
        all_ = "/w/{workspace_id}/credentials"
        one = all_ + "/{credential_id}"
        return [
            View("GET", all_ + "/new", self.ask_new, "editor"),
            View("POST", all_ + "/new", self.create, "editor"),
            View("GET", one, self.show),
            View("GET", one + "/picture.png", self.show_picture),
            View("GET", one + "/set-aside", self.show_set_aside),
            View("GET", one + "/webhooks", self.show_told, "admin"),
            View("GET", one + "/edit", self.ask_change, "editor"),
            View("POST", one + "/edit", self.change, "editor"),
            View("POST", one + "/issue", self.issue, "editor"),
            View("POST", one + "/schedule", self.schedule, "editor"),
            View("POST", one + "/send", self.send, "editor"),
            View("POST", one + "/revoke", self.revoke, "editor"),
            View("POST", one + "/reinstate", self.reinstate, "editor"),
            View("POST", one + "/delete", self.delete, "editor"),
        ]

    async def ask_new(self, visit: Visit) -> Response:
        """The empty form; the address may name the group."""
        values = await self._database.read(lambda tx: _new_choices(tx, visit.workspace_id))
        given = {"groupId": visit.query("group"), "issueDate": day_of(visit.at, values["zone"])}
        return visit.page("credential_new.html", problems={}, given=given, **values)

    async def create(self, visit: Visit) -> Response:
        """Create it, and do with it what was chosen, all or nothing."""
        values = await self._database.read(lambda tx: _new_choices(tx, visit.workspace_id))
        then = visit.text("then", "keep")
        try:
            if then not in _THEN:
                raise invalid("then", "must be one of those offered")
            new = read_new(visit, values["attributes"])
            plan = read_schedule(visit) if then == "schedule" else None

            def act(transaction: Transaction) -> Credential:
                credential = acts.create_credential(
                    transaction,
                    visit.workspace_id,
                    new,
                    "issued" if then in ("issue", "issue_and_send") else "draft",
                    send=then == "issue_and_send",
                )
                visit.note(transaction, "credential_created", credential.id, then)
                if plan is None:
                    return credential
                return acts.schedule(transaction, visit.workspace_id, credential.id, plan)

            made = await self._database.write(act)
        except Refusal as refusal:
            return visit.again("credential_new.html", refusal, given=typed(visit), **values)
        told = {
            "keep": "is kept as a draft",
            "issue": "is issued",
            "issue_and_send": "is issued, and its mail is on the way",
            "schedule": "is scheduled",
        }[then]
        if visit.text("another") == "yes":
            return visit.go(
                f"{visit.home}/credentials/new?group={made.group_id}",
                f"The credential of {made.recipient_name} {told}",
            )
        return visit.go(_address(visit, made.id), f"The credential {told}")

    async def show(self, visit: Visit) -> Response:
        """All that is known of it, and what can be done."""
        id_ = visit.path("credential_id")

        def ask(transaction: Transaction) -> dict[str, Any]:
            view = find_view(transaction, visit.workspace_id, id_)
            if view is None:
                raise Refusal("not_found")
            one = view.credential
            sums = sum_interactions(transaction, [id_]).get(id_, {})
            return {
                "view": view,
                "one": one,
                "state": state_of(one, transaction.at, view.time_zone),
                "counts": [
                    (event_words(name), sums.get((name, "recipient"), 0), sums.get((name, "guest"), 0))
                    for name in EVENT_TYPES
                    if (name, "recipient") in sums or (name, "guest") in sums
                ],
                "opened_at": find_opened_at(transaction, id_),
                "losses": losses_of(transaction, [one]),
                "timeline": find_timeline(transaction, self._log, visit, one),
                "attributes": find_choices(transaction, visit.workspace_id)["attributes"],
                "told": _find_told(transaction, visit, id_, limit=_TOLD_AT_FIRST + 1),
                "told_at_first": _TOLD_AT_FIRST,
                "types": TYPE_WORDS,
                "waiting": find_waiting(transaction, id_),
                "names": list_names_of(transaction, id_),
                "devices": len(list_proofs(transaction, id_)),
            }

        values = await self._database.read(ask)
        public_id, home = values["one"].public_id, values["view"].home(self._public_url)
        return visit.page(
            "credential.html",
            page=page_address(home, public_id),
            recipient_link=recipient_address(home, public_id, self._links),
            problems={},
            **values,
        )

    async def show_picture(self, visit: Visit) -> Response:
        """Its first document as it is drawn now, in any state."""
        id_ = visit.path("credential_id")
        view = await self._database.look(lambda tx: find_view(tx, visit.workspace_id, id_))
        if view is None:
            raise Refusal("not_found")
        headers = {"cache-control": "no-store", "x-content-type-options": "nosniff"}
        return Response(await self._documents.draw_first(view), media_type="image/png", headers=headers)

    async def show_set_aside(self, visit: Visit) -> Response:
        """What its page sent and wasn't counted, each with its reason in words."""
        id_ = visit.path("credential_id")
        slice_ = visit.slice(_ASIDE_ON_A_PAGE, "aside", id_)

        def ask(transaction: Transaction) -> dict[str, Any]:
            one = acts.get_credential(transaction, visit.workspace_id, id_)
            rows = list_set_aside(
                transaction, visit.workspace_id, credential_id=id_, reason=None, **slice_._asdict()
            )
            shown, around = visit.page_of(rows, slice_, "aside", id_)
            told = [(row, event_words(row.event_type), REASONS[row.reason]) for row in shown]
            return {"one": one, "aside": told, "around": around}

        return visit.page("credential_aside.html", **await self._database.read(ask))

    async def show_told(self, visit: Visit) -> Response:
        """What webhooks were told of it, and what became of that."""
        id_ = visit.path("credential_id")
        slice_ = visit.slice(_TOLD_ON_A_PAGE, "told", id_)

        def ask(transaction: Transaction) -> dict[str, Any]:
            one = acts.get_credential(transaction, visit.workspace_id, id_)
            rows = list_deliveries_about(transaction, visit.workspace_id, id_, **slice_._asdict())
            shown, around = visit.page_of(rows, slice_, "told", id_, id_of=lambda row: row[0].id)
            return {"one": one, "told": shown, "around": around}

        return visit.page("credential_told.html", types=TYPE_WORDS, **await self._database.read(ask))

    async def ask_change(self, visit: Visit) -> Response:
        """The form, filled."""
        id_ = visit.path("credential_id")

        def ask(transaction: Transaction) -> dict[str, Any]:
            one = acts.get_credential(transaction, visit.workspace_id, id_)
            return {"one": one, "given": fields_of(one), **find_choices(transaction, visit.workspace_id)}

        return visit.page("credential_edit.html", problems={}, **await self._database.read(ask))

    async def change(self, visit: Visit) -> Response:
        """Keep what was typed; documents and page show it at once."""
        id_ = visit.path("credential_id")

        def ask(transaction: Transaction) -> dict[str, Any]:
            one = acts.get_credential(transaction, visit.workspace_id, id_)
            return {"one": one, **find_choices(transaction, visit.workspace_id)}

        values = await self._database.read(ask)
        try:
            change = read_change(visit, values["attributes"])

            def act(transaction: Transaction) -> None:
                acts.change_given(transaction, visit.workspace_id, id_, change)
                visit.note(transaction, "credential_changed", id_)

            await self._database.write(act)
        except Refusal as refusal:
            return visit.again("credential_edit.html", refusal, given=typed(visit), **values)
        return visit.go(_address(visit, id_), "Changed; page and documents show it from now on")

    async def issue(self, visit: Visit) -> Response:
        """It gets its public page now."""
        return await self._act(visit, "credential_issued", "Issued: its page is there", acts.issue)

    async def schedule(self, visit: Visit) -> Response:
        """It is issued at a time."""
        try:
            plan = read_schedule(visit)
        except Refusal as refusal:
            told = refusal_words(refusal, _LABELS)
            return visit.go(_address(visit, visit.path("credential_id")), told, refused=True)
        return await self._act(
            visit,
            "credential_scheduled",
            "Scheduled",
            lambda tx, here, id_: acts.schedule(tx, here, id_, plan),
        )

    async def send(self, visit: Visit) -> Response:
        """One mail to the recipient."""
        return await self._act(visit, "credential_sent", "The mail is on the way", acts.send)

    async def revoke(self, visit: Visit) -> Response:
        """Taken back, with a reason for everybody to read."""
        reason = visit.text("reason")[:1_000] or None
        return await self._act(
            visit,
            "credential_revoked",
            "Revoked: its page says so from now on",
            lambda tx, here, id_: acts.revoke(tx, here, id_, reason),
        )

    async def reinstate(self, visit: Visit) -> Response:
        """In force again."""
        told = "Reinstated: its page and its documents are there again"
        return await self._act(visit, "credential_reinstated", told, acts.reinstate)

    async def delete(self, visit: Visit) -> Response:
        """Deleted with all that hangs on it, its drawn documents too."""
        id_ = visit.path("credential_id")

        def act(transaction: Transaction) -> str:
            public_id = delete_credential(transaction, visit.workspace_id, id_)
            if public_id is None:
                raise Refusal("not_found")
            visit.note(transaction, "credential_deleted", id_)
            return public_id

        public_id = await self._database.write(act)
        await self._press.forget(page_address(self._public_url, public_id))
        return visit.go(f"{visit.home}/credentials", "Deleted, with its page, interactions and mails")

    async def _act(
        self, visit: Visit, action: str, told: str, run: Callable[[Transaction, str, str], Credential]
    ) -> Response:
        """Do it, and tell on the credential's page that it was done, or why not."""
        id_ = visit.path("credential_id")

        def act(transaction: Transaction) -> None:
            run(transaction, visit.workspace_id, id_)
            visit.note(transaction, action, id_)

        try:
            await self._database.write(act)
        except Refusal as refusal:
            if refusal.kind not in ("conflict", "validation_error"):
                raise
            return visit.go(_address(visit, id_), refusal_words(refusal, _LABELS), refused=True)
        return visit.go(_address(visit, id_), told)


def _find_told(transaction: Transaction, visit: Visit, id_: str, *, limit: int) -> list[tuple[Delivery, str]]:
    """The latest deliveries about it, for those who may see where webhooks lead."""
    if not visit.may("admin"):
        return []
    return list_deliveries_about(transaction, visit.workspace_id, id_, edge=None, newer=False, limit=limit)


def _new_choices(transaction: Transaction, workspace_id: str) -> dict[str, Any]:
    groups = list_by_name(transaction, workspace_id, MOST_GROUPS)
    return {"groups": groups, **find_choices(transaction, workspace_id)}


def _address(visit: Visit, id_: str) -> str:
    return f"{visit.home}/credentials/{id_}"
