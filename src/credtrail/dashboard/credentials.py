"""All credentials of a workspace: found by filters, and acted on many at a time. Wired by `app`."""

from collections.abc import Callable, Mapping
from functools import partial
from typing import Any, NamedTuple

from starlette.responses import Response

from credtrail.accounts.store import time_zone_of
from credtrail.credentials import acts
from credtrail.credentials.links import page_address
from credtrail.credentials.model import Credential
from credtrail.credentials.search_sql import (
    Found,
    count_found,
    read_edge,
    search_credentials,
    write_edge,
)
from credtrail.credentials.store import delete_credential, find_credentials
from credtrail.dashboard import credential_filter
from credtrail.dashboard.credential_filter import Wanted, read_wanted
from credtrail.dashboard.credential_words import MAIL_STATES, State, counted, state_of
from credtrail.dashboard.door import View, Visit
from credtrail.database import Database, Transaction
from credtrail.designs.press import Press
from credtrail.errors import Refusal
from credtrail.groups.store import find_groups, list_by_name
from credtrail.interactions.counts import sum_interactions
from credtrail.interactions.visits import count_set_aside
from credtrail.mail.store import count_mails, find_latest_mails
from credtrail.recipients.store import count_waiting
from credtrail.values import Moment, day_of

_ON_A_PAGE = 50
_COUNTED_TO = 1_000
MOST_AT_ONCE = 1_000
"""Credentials that one confirmation is about."""
_IN_ONE_TRANSACTION = 50
"""So few that whoever else writes doesn't wait long."""
MOST_GROUPS = 1_000
"""Groups that a field to choose from offers."""


class Line(NamedTuple):
    """What the list shows of a credential."""

    credential: Credential
    state: State
    group: str
    opened: bool
    guest_views: int
    shares: int
    mail: State | None

    @property
    def engagement(self) -> list[str]:
        """What people did with it, in words."""
        counts = ((self.shares, "share"), (self.guest_views, "guest view"))
        return ["opened"] * self.opened + [counted(count, words) for count, words in counts if count]


class Losses(NamedTuple):
    """What goes when credentials are deleted."""

    pages: int
    interactions: int
    set_aside: int
    mails: int


class Credentials:
    """The list; `public_url` is the address that documents bear, which are forgotten with their credentials."""

    def __init__(self, database: Database, press: Press, public_url: str) -> None:
        self._database = database
        self._press = press
        self._public_url = public_url

    def views(self) -> list[View]:
        """Everybody sees; editors act."""
        path = "/w/{workspace_id}/credentials"
        return [
            View("GET", path, self.show),
            View("POST", path + "/many", self.act_on_many, "editor"),
        ]

    async def show(self, visit: Visit) -> Response:
        """One page of what the filter finds. htmx takes the results out of it while somebody types."""
        wanted = read_wanted(visit.request.query_params)
        try:
            values = await self._find(visit, wanted)
        except Refusal as refusal:
            nothing = {"lines": [], "around": {"newer": None, "older": None}, "found": ""}
            values = await self._database.read(lambda tx: _choices(tx, visit.workspace_id)) | nothing
            answer = visit.again("credentials.html", refusal, wanted=wanted, **values)
        else:
            answer = visit.page("credentials.html", problems={}, wanted=wanted, **values)
        if visit.is_part:
            answer.headers["hx-replace-url"] = _address(visit, wanted.query)
        return answer

    async def _find(self, visit: Visit, wanted: Wanted) -> dict[str, Any]:
        conditions, here = wanted.conditions(), visit.workspace_id
        slice_ = visit.slice(_ON_A_PAGE, "credentials", wanted)

        def ask(transaction: Transaction) -> dict[str, Any]:
            zone = time_zone_of(transaction, here)
            today = day_of(transaction.at, zone)
            rows = search_credentials(
                transaction,
                here,
                conditions,
                wanted.order,
                today=today,
                edge=read_edge(slice_.edge),
                back=slice_.newer,
                limit=slice_.limit,
            )
            shown, around = visit.page_of(rows, slice_, "credentials", wanted, id_of=write_edge)
            count = len(shown)
            if around["newer"] or around["older"]:
                count = count_found(transaction, here, conditions, today=today, limit=_COUNTED_TO + 1)
            return {
                "lines": _lines(transaction, here, shown, zone),
                "around": around,
                "found": _found_words(count),
                **_choices(transaction, here),
            }

        return await self._database.read(ask)

    async def act_on_many(self, visit: Visit) -> Response:
        """First say what will happen to the chosen ones; once that is confirmed, do it to exactly those."""
        act = _ACTS.get(visit.text("act"))
        if act is None:
            raise Refusal("not_found")
        wanted = read_wanted(dict(visit.form.items()))  # type: ignore[arg-type]  # an upload here would be nobody's
        ids = await self._chosen(visit, wanted)
        if not ids:
            return visit.go(
                _address(visit, wanted.query), "Choose credentials first: nothing was changed", refused=True
            )
        if visit.text("sure") != "yes":
            return await self._ask_first(visit, act, ids, wanted)
        done = await self._act(visit, act, ids)
        left = len(ids) - done
        told = f"{counted(done, 'credential')} {act.done}"
        if left:
            told += f"; {counted(left, 'other')} left as {'it was' if left == 1 else 'they were'}"
        return visit.go(_address(visit, wanted.query), told)

    async def _chosen(self, visit: Visit, wanted: Wanted) -> list[str]:
        if visit.text("ids"):
            return visit.text("ids").split(",")[:MOST_AT_ONCE]
        if visit.text("whole") != "yes":
            return visit.texts("id")[:MOST_AT_ONCE]

        def ask(transaction: Transaction) -> list[str]:
            today = day_of(transaction.at, time_zone_of(transaction, visit.workspace_id))
            found = search_credentials(
                transaction,
                visit.workspace_id,
                wanted.conditions(),
                wanted.order,
                today=today,
                edge=None,
                back=False,
                limit=MOST_AT_ONCE,
            )
            return [one.credential.id for one in found]

        return await self._database.read(ask)

    async def _ask_first(self, visit: Visit, act: "_Act", ids: list[str], wanted: Wanted) -> Response:
        def ask(transaction: Transaction) -> dict[str, Any]:
            zone = time_zone_of(transaction, visit.workspace_id)
            known = find_credentials(transaction, ids).values()
            here = [one for one in known if one.workspace_id == visit.workspace_id]
            fit = [one for one in here if act.fits(one, state_of(one, transaction.at, zone)[0])]
            return {
                "fit": fit[:20],
                "count": len(fit),
                "left": len(here) - len(fit),
                "losses": losses_of(transaction, fit),
                "ids": ",".join(one.id for one in fit),
            }

        values = await self._database.read(ask)
        return visit.page(
            "credentials_many.html",
            problems={},
            act=act,
            back=_address(visit, wanted.query),
            wanted=wanted,
            **values,
        )

    async def _act(self, visit: Visit, act: "_Act", ids: list[str]) -> int:
        done = 0
        for start in range(0, len(ids), _IN_ONE_TRANSACTION):
            some = ids[start : start + _IN_ONE_TRANSACTION]
            names = await self._database.write(partial(_act_on, visit=visit, act=act, ids=some))
            done += len(names)
            if act.name == "delete":
                for public_id in names:
                    await self._press.forget(page_address(self._public_url, public_id))
        return done


def losses_of(transaction: Transaction, credentials: list[Credential]) -> Losses:
    """What would go with them."""
    ids = [one.id for one in credentials]
    sums = sum_interactions(transaction, ids)
    return Losses(
        sum(one.status == "issued" for one in credentials),
        sum(sum(each.values()) for each in sums.values()),
        count_set_aside(transaction, ids),
        count_mails(transaction, ids),
    )


class _Act(NamedTuple):
    """Something that can be done to many: its name in the form, its words, to which it can be done."""

    name: str
    title: str
    done: str
    noted: str
    fits: Callable[[Credential, str], bool]
    run: Callable[[Transaction, str, str, str | None], str]
    """On a credential, by workspace id and id, with a reason; its public id. Refuses what can't be done."""


def _delete(transaction: Transaction, workspace_id: str, id_: str, _: str | None) -> str:
    public_id = delete_credential(transaction, workspace_id, id_)
    if public_id is None:
        raise Refusal("not_found")
    return public_id


_ACTS: Mapping[str, _Act] = {
    act.name: act
    for act in (
        _Act(
            "issue",
            "Issue",
            "issued",
            "credentials_issued",
            lambda _, state: state in ("draft", "scheduled"),
            lambda tx, here, id_, _: acts.issue(tx, here, id_).public_id,
        ),
        _Act(
            "send",
            "Send",
            "on the way",
            "credentials_sent",
            lambda one, state: state == "issued" and one.recipient_email is not None,
            lambda tx, here, id_, _: acts.send(tx, here, id_).public_id,
        ),
        _Act(
            "revoke",
            "Revoke",
            "revoked",
            "credentials_revoked",
            lambda _, state: state in ("issued", "expired"),
            lambda tx, here, id_, reason: acts.revoke(tx, here, id_, reason).public_id,
        ),
        _Act("delete", "Delete", "deleted", "credentials_deleted", lambda *_: True, _delete),
    )
}


def _act_on(transaction: Transaction, visit: Visit, act: _Act, ids: list[str]) -> list[str]:
    """Do it to each that it can be done to; their public ids. Each is decided by what it is now."""
    done = []
    reason = visit.text("reason")[:1_000] or None
    for id_ in sorted(ids):  # in the order in which others lock them
        try:
            done.append(act.run(transaction, visit.workspace_id, id_, reason))
        except Refusal:
            continue
    if done:
        visit.note(transaction, act.noted, "", counted(len(done), "credential"))
    return done


def _lines(transaction: Transaction, workspace_id: str, found: list[Found], zone: str) -> list[Line]:
    credentials = [one.credential for one in found]
    ids = [one.id for one in credentials]
    groups = find_groups(transaction, workspace_id, {one.group_id for one in credentials})
    sums, mails = sum_interactions(transaction, ids), find_latest_mails(transaction, ids)
    return [
        _line(one, transaction.at, zone, groups[one.group_id].name, sums.get(one.id, {}), mails.get(one.id))
        for one in credentials
    ]


def _line(
    credential: Credential, at: Moment, zone: str, group: str, sums: Mapping[tuple[str, str], int], mail: Any
) -> Line:
    return Line(
        credential,
        state_of(credential, at, zone),
        group,
        ("credential_viewed", "recipient") in sums,
        sums.get(("credential_viewed", "guest"), 0),
        sum(count for (type_, _), count in sums.items() if type_.startswith("credential_shared_to_")),
        MAIL_STATES[mail.status] if mail else None,
    )


def _choices(transaction: Transaction, workspace_id: str) -> dict[str, Any]:
    return {
        "groups": list_by_name(transaction, workspace_id, MOST_GROUPS),
        "options": credential_filter,
        "waiting_names": count_waiting(transaction, workspace_id),
    }


def _found_words(count: int) -> str:
    if count > _COUNTED_TO:
        return f"More than {_COUNTED_TO:,} credentials"
    return counted(count, "credential")


def _address(visit: Visit, query: str) -> str:
    return f"{visit.home}/credentials?{query}" if query else f"{visit.home}/credentials"
