"""Webhooks in the dashboard: endpoints, their secrets, deliveries with every attempt. Wired by `app`."""

from datetime import date, timedelta
from typing import Any

from msgspec import ValidationError, convert
from msgspec.json import decode, format
from starlette.responses import Response

from credtrail.dashboard.door import View, Visit
from credtrail.database import Database, Transaction
from credtrail.errors import Refusal, invalid
from credtrail.seal import Seal
from credtrail.values import Moment, first_moment_of
from credtrail.webhooks import delivery_store, manage, store
from credtrail.webhooks.model import TYPES, Endpoint, EndpointChange, NewEndpoint

_ON_A_PAGE = 25
_STATUSES = ("enabled", "paused", "disabled")

TYPE_WORDS = {
    "credential.created": "created",
    "credential.updated": "changed",
    "credential.deleted": "deleted",
    "credential.issued": "issued",
    "credential.sent": "mailed",
    "credential.expired": "expired",
    "credential.revoked": "revoked",
    "credential.reinstated": "reinstated",
    "credential.viewed": "viewed",
    "credential.downloaded": "downloaded",
    "credential.shared": "shared",
    "credential.added_to_linkedin_profile": "added to a LinkedIn profile",
    "credential.link_copied": "link copied",
    "credential.verified": "verified",
}

FAILURE_WORDS = {
    "dns_failed": "the host name doesn't resolve",
    "address_not_allowed": "it leads to an address inside this server's network",
    "refused": "nobody listens there",
    "timeout": "no whole answer within 15 seconds",
    "tls_failed": "no safe connection: the certificate doesn't prove the name",
    "connection_lost": "the connection broke off",
    "not_2xx": "answered with another status than 2xx",
    "redirect": "answered with a redirect, which isn't followed",
    "gone": "answered 410: gone for good",
    "too_large": "answered with more than 64 KB",
    "interrupted": "our worker ended midway; it was sent again",
}


class WebhookPages:
    """For admins. `hosts` are those that may have any address."""

    def __init__(self, database: Database, seal: Seal, hosts: frozenset[str]) -> None:
        self._database = database
        self._seal = seal
        self._hosts = hosts

    def views(self) -> list[View]:
        """The list, one endpoint, one delivery."""
        path = "/w/{workspace_id}/webhooks"
        one = path + "/{webhook_id}"
        delivery = one + "/deliveries/{delivery_id}"
        return [
            View("GET", path, self.show_all, "admin"),
            View("POST", path, self.create, "admin"),
            View("GET", one, self.show, "admin"),
            View("POST", one, self.change, "admin"),
            View("POST", one + "/status", self.set_status, "admin"),
            View("POST", one + "/secret", self.rotate, "admin"),
            View("POST", one + "/test", self.test, "admin"),
            View("POST", one + "/redeliver", self.redeliver_some, "admin"),
            View("POST", one + "/delete", self.delete, "admin"),
            View("GET", delivery, self.show_delivery, "admin"),
            View("POST", delivery + "/redeliver", self.redeliver, "admin"),
        ]

    async def show_all(self, visit: Visit) -> Response:
        """The list and the form."""
        return visit.page("webhooks.html", problems={}, **await self._list(visit))

    async def _list(self, visit: Visit) -> dict[str, Any]:
        found = await self._database.read(
            lambda tx: store.list_endpoints(
                tx, visit.workspace_id, edge=None, newer=False, limit=manage.MOST_ENDPOINTS
            )
        )
        return {"endpoints": found, "types": TYPE_WORDS}

    async def create(self, visit: Visit) -> Response:
        """The secret is in this answer and nowhere else."""
        try:
            new = _read(NewEndpoint, visit)

            def act(transaction: Transaction) -> tuple[Endpoint, str]:
                made = manage.create_endpoint(transaction, visit.workspace_id, new, self._seal, self._hosts)
                visit.note(transaction, "webhook_created", made[0].url)
                return made

            endpoint, secret = await self._database.write(act)
        except Refusal as refusal:
            return visit.again("webhooks.html", refusal, **await self._list(visit))
        return visit.page("webhook_secret.html", endpoint=endpoint, secret=secret, is_new=True)

    async def show(self, visit: Visit) -> Response:
        """One endpoint with its latest deliveries."""
        return visit.page("webhook.html", problems={}, **await self._find(visit))

    async def _find(self, visit: Visit) -> dict[str, Any]:
        status = visit.query("status")
        wanted = status if status in ("waiting", "sending", "delivered", "failed") else None
        scope = ("webhook", visit.path("webhook_id"), wanted)
        slice_ = visit.slice(_ON_A_PAGE, *scope)

        def ask(transaction: Transaction) -> tuple[Endpoint, list[Any]]:
            endpoint = self._get(visit, transaction)
            found = delivery_store.list_deliveries(transaction, endpoint.id, wanted, **slice_._asdict())
            return endpoint, found

        endpoint, found = await self._database.read(ask)
        deliveries, around = visit.page_of(found, slice_, *scope)
        return {
            "endpoint": endpoint,
            "deliveries": deliveries,
            "around": around,
            "wanted": wanted or "",
            "types": TYPE_WORDS,
        }

    def _get(self, visit: Visit, transaction: Transaction, *, lock: bool = False) -> Endpoint:
        endpoint = store.find_endpoint(transaction, visit.workspace_id, visit.path("webhook_id"), lock=lock)
        if endpoint is None:
            raise Refusal("not_found", "There is no such webhook here any more")
        return endpoint

    async def change(self, visit: Visit) -> Response:
        """Keep the form."""
        try:
            change = _read(EndpointChange, visit)
            await self._change(visit, change, "webhook_changed")
        except Refusal as refusal:
            if refusal.kind == "not_found":
                raise
            return visit.again("webhook.html", refusal, **await self._find(visit))
        return visit.go(self._address(visit), "Saved")

    async def set_status(self, visit: Visit) -> Response:
        """Enable, pause, disable."""
        status = visit.text("status")
        if status not in _STATUSES:
            raise invalid("status", f"must be one of {', '.join(_STATUSES)}")
        await self._change(visit, EndpointChange(status=status), "webhook_changed")  # type: ignore[arg-type]  # one of them
        return visit.go(self._address(visit), f"The webhook is {status} now")

    async def _change(self, visit: Visit, change: EndpointChange, action: str) -> None:
        def act(transaction: Transaction) -> None:
            endpoint = self._get(visit, transaction, lock=True)
            changed = manage.change_endpoint(transaction, endpoint, change, self._hosts)
            visit.note(transaction, action, changed.url, changed.status)

        await self._database.write(act)

    async def rotate(self, visit: Visit) -> Response:
        """A new secret, shown in this answer only."""
        hours = visit.text("grace_hours", "24")
        if not (hours.isascii() and hours.isdigit() and int(hours) <= 168):
            raise invalid("grace_hours", "must be a whole number from 0 to 168")

        def act(transaction: Transaction) -> tuple[Endpoint, str]:
            endpoint = self._get(visit, transaction, lock=True)
            visit.note(transaction, "webhook_secret_rotated", endpoint.url)
            return manage.rotate_secret(transaction, endpoint, self._seal, int(hours))

        endpoint, secret = await self._database.write(act)
        return visit.page("webhook_secret.html", endpoint=endpoint, secret=secret, is_new=False)

    async def test(self, visit: Visit) -> Response:
        """Queue a test message."""
        await self._database.write(lambda tx: manage.send_test(tx, self._get(visit, tx), None))
        return visit.go(self._address(visit), "A test message is on its way; it appears below")

    async def redeliver_some(self, visit: Visit) -> Response:
        """All that have failed, or that were delivered, on some days of the workspace."""
        status = visit.text("which", "failed")
        if status not in ("failed", "delivered"):
            raise invalid("which", "must be one of failed, delivered")
        begin, end = _read_day(visit, "from_day"), _read_day(visit, "to_day", days_later=1)
        count = await self._database.write(
            lambda tx: manage.redeliver(tx, self._get(visit, tx), status, begin, end)  # type: ignore[arg-type]  # one of them
        )
        return visit.go(self._address(visit), f"{count} will be delivered again")

    async def delete(self, visit: Visit) -> Response:
        """For good, with its deliveries."""

        def act(transaction: Transaction) -> str:
            endpoint = self._get(visit, transaction)
            store.delete_endpoint(transaction, visit.workspace_id, endpoint.id)
            visit.note(transaction, "webhook_deleted", endpoint.url)
            return endpoint.url

        url = await self._database.write(act)
        return visit.go(f"{visit.home}/webhooks", f"{url} is not told any more")

    async def show_delivery(self, visit: Visit) -> Response:
        """The very body that is sent, and every attempt."""

        def ask(transaction: Transaction) -> tuple[Endpoint, Any]:
            endpoint = self._get(visit, transaction)
            return endpoint, delivery_store.find_delivery(transaction, endpoint, visit.path("delivery_id"))

        endpoint, found = await self._database.read(ask)
        if found is None:
            raise Refusal("not_found", "This delivery isn't kept any more")
        delivery, body, attempts = found
        return visit.page(
            "webhook_delivery.html",
            endpoint=endpoint,
            delivery=delivery,
            body=format(body, indent=2).decode(),
            attempts=[(one, decode(one.headers)) for one in reversed(attempts)],
            failures=FAILURE_WORDS,
        )

    async def redeliver(self, visit: Visit) -> Response:
        """Once more, with the same id and bytes."""
        id_ = visit.path("delivery_id")
        page = f"{self._address(visit)}/deliveries/{id_}"
        try:
            await self._database.write(lambda tx: manage.redeliver_one(tx, self._get(visit, tx), id_))
        except Refusal as refusal:
            if refusal.kind != "conflict":
                raise
            return visit.go(page, refusal.message, refused=True)
        return visit.go(page, "It will be delivered again")

    def _address(self, visit: Visit) -> str:
        return f"{visit.home}/webhooks/{visit.path('webhook_id')}"


def _read(type_: type[Any], visit: Visit) -> Any:
    """The form as the API's own type, with its checks. Refuses (400) with the API's words."""
    rate = visit.text("rate_per_second")
    given = {
        "url": visit.text("url"),
        "description": visit.text("description"),
        "types": [one for one in visit.texts("types") if one in TYPES],
        "body": "thin" if visit.text("thin") else "full",
        "ratePerSecond": _number(rate) if rate else None,
    }
    try:
        return convert(given, type_)
    except ValidationError as problem:
        field = str(problem).partition("$.")[2].rstrip("`") or "url"
        raise invalid(field, str(problem).partition(" - at")[0]) from None


def _read_day(visit: Visit, field: str, days_later: int = 0) -> Moment | None:
    """When the day in that field begins in the workspace's time zone, or one so many days later; None where it is empty."""
    if not visit.text(field):
        return None
    try:
        day = date.fromisoformat(visit.text(field)) + timedelta(days_later)
        return first_moment_of(day.isoformat(), visit.time_zone)
    except (ValueError, OverflowError):
        raise invalid(field, "must be a day, such as 2026-03-01") from None


def _number(text: str) -> float:
    try:
        return float(text.replace(",", "."))
    except ValueError:
        raise invalid("ratePerSecond", "must be a number above 0 and up to 1,000") from None
