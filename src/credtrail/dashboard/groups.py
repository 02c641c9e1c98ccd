"""Groups: what sets of credentials have in common, made and changed. Wired by `app`."""

from typing import Any, NamedTuple

from msgspec.json import encode
from starlette.responses import Response

from credtrail.accounts.store import find_profile
from credtrail.credentials.store import count_by_group
from credtrail.dashboard.credential_words import counted
from credtrail.dashboard.door import Undo, View, Visit
from credtrail.database import Database, Transaction
from credtrail.designs.artwork import sample_of, sample_path
from credtrail.designs.model import Design
from credtrail.designs.store import find_designs, list_designs
from credtrail.errors import Refusal, invalid
from credtrail.groups import acts
from credtrail.groups.model import Group, GroupChange, NewGroup
from credtrail.groups.store import list_groups
from credtrail.mail.store import list_templates
from credtrail.values import split_period
from credtrail.web.parse import parse_body

_ON_A_PAGE = 50
_MOST_CHOICES = 500
_PERIOD = (("years", "Y", 999), ("months", "M", 9_999), ("days", "D", 99_999))


class DesignChoice(NamedTuple):
    """A design to choose by its picture."""

    id: str
    name: str
    type: str
    picture: str


class Groups:
    """What each credential belongs to."""

    def __init__(self, database: Database) -> None:
        self._database = database

    def views(self) -> list[View]:
        """Everybody sees; editors change. `new` comes before ids, being none."""
        path = "/w/{workspace_id}/groups"
        one = path + "/{group_id}"
        return [
            View("GET", path, self.show_all),
            View("GET", path + "/new", self.ask_new, "editor"),
            View("POST", path + "/new", self.create, "editor"),
            View("POST", path + "/undo", self.restore, "editor"),
            View("GET", one, self.show),
            View("POST", one, self.change, "editor"),
            View("POST", one + "/delete", self.delete, "editor"),
        ]

    async def show_all(self, visit: Visit) -> Response:
        """The list with counts, newest first."""
        slice_ = visit.slice(_ON_A_PAGE, "groups")

        def ask(transaction: Transaction) -> dict[str, Any]:
            rows = list_groups(transaction, visit.workspace_id, **slice_._asdict())
            shown, around = visit.page_of(rows, slice_, "groups")
            named = {id_ for group in shown for id_ in group.design_ids}
            return {
                "groups": shown,
                "around": around,
                "counts": count_by_group(transaction, [group.id for group in shown]),
                "designs": _choices_of(
                    transaction, visit, list(find_designs(transaction, visit.workspace_id, named).values())
                ),
                "expiry_words": expiry_words,
            }

        return visit.page("groups.html", **await self._database.read(ask))

    async def ask_new(self, visit: Visit) -> Response:
        """The empty form."""
        choices = await self._database.read(lambda tx: _choices(tx, visit))
        return visit.page("group.html", problems={}, group=None, given={}, chosen=(), count=(0, 0), **choices)

    async def create(self, visit: Visit) -> Response:
        """Create it; the next step is its first credential."""

        def act(transaction: Transaction) -> Group:
            group = acts.create_group(transaction, visit.workspace_id, new)
            visit.note(transaction, "group_created", group.name)
            return group

        try:
            new = parse_body(NewGroup, encode(_read(visit, ())))
            group = await self._database.write(act)
        except Refusal as refusal:
            choices = await self._database.read(lambda tx: _choices(tx, visit))
            return visit.again("group.html", refusal, group=None, count=(0, 0), **choices, **_typed(visit))
        return visit.go(
            f"{visit.home}/credentials/new?group={group.id}",
            f"The group {group.name} is made; here is its first credential",
        )

    async def show(self, visit: Visit) -> Response:
        """One group: for editors as the form, for others as it is."""
        values = await self._database.read(lambda tx: self._find(tx, visit))
        group: Group = values["group"]
        return visit.page(
            "group.html", problems={}, given=_fields_of(group), chosen=group.design_ids, **values
        )

    def _find(self, transaction: Transaction, visit: Visit) -> dict[str, Any]:
        group = acts.get_group(transaction, visit.workspace_id, visit.path("group_id"))
        count = count_by_group(transaction, [group.id]).get(group.id, (0, 0))
        return {
            "group": group,
            "count": count,
            "can_undo": _undo_of(visit, group) is not None,
            **_choices(transaction, visit, group.design_ids),
        }

    async def change(self, visit: Visit) -> Response:
        """Keep what was typed; pages and documents of its credentials follow."""
        values = await self._database.read(lambda tx: self._find(tx, visit))
        group: Group = values["group"]

        def act(transaction: Transaction) -> None:
            changed = acts.change_group(transaction, visit.workspace_id, group.id, change)
            visit.note(transaction, "group_changed", changed.name)

        try:
            change = parse_body(GroupChange, encode(_read(visit, group.design_ids)))
            await self._database.write(act)
        except Refusal as refusal:
            return visit.again("group.html", refusal, **values, **_typed(visit))
        return visit.go(f"{visit.home}/groups/{group.id}", "Changed; its credentials show it from now on")

    async def delete(self, visit: Visit) -> Response:
        """Only a group without credentials can go."""
        id_ = visit.path("group_id")

        def act(transaction: Transaction) -> Group:
            group = acts.delete_group(transaction, visit.workspace_id, id_)
            visit.note(transaction, "group_deleted", group.name)
            return group

        try:
            group = await self._database.write(act)
        except Refusal as refusal:
            if refusal.kind != "conflict":
                raise
            return visit.go(f"{visit.home}/groups/{id_}", refusal.message, refused=True)
        return visit.go(f"{visit.home}/groups", f"The group {group.name} is deleted", _undo_of(visit, group))

    async def restore(self, visit: Visit) -> Response:
        """Bring back one that was deleted just now."""
        gone = visit.read_undo(Group)

        def act(transaction: Transaction) -> None:
            acts.restore_group(transaction, gone)
            visit.note(transaction, "group_restored", gone.name)

        await self._database.write(act)
        return visit.go(f"{visit.home}/groups/{gone.id}", f"The group {gone.name} is back")


def _undo_of(visit: Visit, group: Group) -> Undo | None:
    return visit.undo_of(f"{visit.home}/groups/undo", group)


def expiry_words(period: str | None) -> str:
    """An expiry rule in words: `2 years 6 months`, `never`."""
    if period is None:
        return "never"
    units = zip(split_period(period), ("year", "month", "day"), strict=True)
    return " ".join(counted(count, unit) for count, unit in units if count) or "on the day itself"


def _read(visit: Visit, present: tuple[str, ...]) -> dict[str, Any]:
    """What the form asks for, with the wire's names; designs that it has already keep their order, but for the first."""
    chosen = visit.texts("designIds")
    first = [id_ for id_ in visit.texts("first") if id_ in chosen]
    kept = [id_ for id_ in present if id_ in chosen]
    return {
        "name": visit.text("name"),
        "designIds": list(dict.fromkeys([*first, *kept, *chosen])),
        "learningEventUrl": visit.text("learningEventUrl") or None,
        "description": visit.text("description").replace("\r\n", "\n") or None,
        "skills": [line.strip() for line in visit.text("skills").splitlines() if line.strip()],
        "expiresAfter": _read_period(visit),
        "emailTemplateId": visit.text("emailTemplateId") or None,
    }


def _read_period(visit: Visit) -> str | None:
    parts = []
    for name, letter, most in _PERIOD:
        text = visit.text(name) or "0"
        if not (text.isascii() and text.isdigit() and int(text) <= most):
            raise invalid("expiresAfter", "must be made of whole numbers of years, months and days")
        if int(text):
            parts.append(f"{int(text)}{letter}")
    return "P" + "".join(parts) if parts else None


def _fields_of(group: Group) -> dict[str, str]:
    years, months, days = split_period(group.expires_after) if group.expires_after else (0, 0, 0)
    return {
        "name": group.name,
        "learningEventUrl": group.learning_event_url or "",
        "description": group.description or "",
        "skills": "\n".join(group.skills),
        "years": str(years or ""),
        "months": str(months or ""),
        "days": str(days or ""),
        "emailTemplateId": group.email_template_id or "",
    }


def _typed(visit: Visit) -> dict[str, Any]:
    given = {name: value for name, value in visit.form.multi_items() if isinstance(value, str)}
    chosen = visit.texts("designIds")
    first = [id_ for id_ in visit.texts("first") if id_ in chosen]
    return {"given": given, "chosen": tuple(dict.fromkeys([*first, *chosen]))}


def _choices(transaction: Transaction, visit: Visit, first: tuple[str, ...] = ()) -> dict[str, Any]:
    """Designs, the group's own first, and e-mail templates."""
    here = visit.workspace_id
    designs = list_designs(transaction, here, edge=None, newer=False, limit=_MOST_CHOICES)
    designs.sort(key=lambda design: first.index(design.id) if design.id in first else len(first))
    templates = list_templates(transaction, here, edge=None, newer=False, limit=_MOST_CHOICES)
    return {
        "designs": list(_choices_of(transaction, visit, designs).values()),
        "templates": [("", "the built-in one"), *((one.id, one.name) for one in templates)],
    }


def _choices_of(transaction: Transaction, visit: Visit, designs: list[Design]) -> dict[str, DesignChoice]:
    """Own designs are drawn with the workspace's own name, logo and colour."""
    profile = find_profile(transaction, visit.workspace_id)

    def picture(design: Design) -> str:
        if design.document is None:
            return sample_path(design, sample_of(design))
        return sample_path(design, sample_of(design, visit.here.workspace_name, profile))

    return {one.id: DesignChoice(one.id, one.name, one.type, picture(one)) for one in designs}
