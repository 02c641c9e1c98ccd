"""What the list of credentials is asked for: read from its address, and written back into it. Pure."""

from collections.abc import Mapping
from typing import Any, NamedTuple
from urllib.parse import urlencode

from credtrail.credentials.search import Condition, Engagement, Junction, Order
from credtrail.errors import invalid
from credtrail.values import EVENT_TYPES, parse_date

STATUSES = (
    ("", "any"),
    ("draft", "draft"),
    ("scheduled", "scheduled"),
    ("issued", "issued"),
    ("expired", "expired"),
    ("revoked", "revoked"),
)
ENGAGEMENTS = (
    ("", "any"),
    ("opened", "opened"),
    ("not_opened", "not opened"),
    ("shared", "shared"),
    ("added", "on a LinkedIn profile"),
    ("verified", "verified"),
)
MAILS = (
    ("", "any"),
    ("none", "never sent"),
    ("waiting", "waiting"),
    ("sent", "sent"),
    ("bounced", "bounced"),
    ("uncertain", "uncertain"),
)
_SORTS: dict[str, tuple[str, Order]] = {
    "": ("newest first", Order("id", "desc")),
    "oldest": ("oldest first", Order("id", "asc")),
    "name": ("by name", Order("recipient.name", "asc")),
    "issue_date": ("latest issue date first", Order("issueDate", "desc")),
    "expiry_date": ("next expiry date first", Order("expiryDate", "asc")),
    "changed": ("last changed first", Order("updatedAt", "desc")),
}
SORTS = tuple((name, words) for name, (words, _) in _SORTS.items())
LABELS = {
    "group": "Group",
    "status": "State",
    "engagement": "Engagement",
    "views": "The number of guests’ views",
    "mail": "Latest mail",
    "issued_from": "Issued from",
    "issued_to": "Issued until",
    "expires_from": "Expires from",
    "expires_to": "Expires until",
}
"""What the fields are called where a refusal names them."""
_SHARED = tuple(name for name in EVENT_TYPES if name.startswith("credential_shared_to_"))
_ENGAGED = {
    "opened": Engagement(("credential_viewed",), "recipient", 1),
    "shared": Engagement(_SHARED, None, 1),
    "added": Engagement(("credential_added_to_linkedin_profile",), None, 1),
    "verified": Engagement(("credential_verified",), None, 1),
}
_MOST_VIEWS = 10**9


class Wanted(NamedTuple):
    """The fields of the filter as they stand in the form; an empty one asks for nothing."""

    text: str = ""
    group: str = ""
    status: str = ""
    issued_from: str = ""
    issued_to: str = ""
    expires_from: str = ""
    expires_to: str = ""
    engagement: str = ""
    views: str = ""
    mail: str = ""
    sort: str = ""

    @property
    def is_narrow(self) -> bool:
        """Whether it asks for less than everything."""
        return any(self[:-1])

    @property
    def has_more(self) -> bool:
        """Whether it uses one of the rarer fields."""
        return any(self[3:-1])

    @property
    def query(self) -> str:
        """As part of an address, shortest."""
        return urlencode({name: value for name, value in self._asdict().items() if value})

    @property
    def order(self) -> Order:
        """The order; newest first where it isn't one of those offered."""
        return _SORTS.get(self.sort, _SORTS[""])[1]

    def conditions(self) -> Junction:
        """The tree that the search takes; refuses (400) what isn't a day, a number or one of those offered."""
        return Junction("AND", tuple(part for part in _parts(self) if part is not None))


def read_wanted(query: Mapping[str, str]) -> Wanted:
    """The filter in an address; unknown names mean nothing."""
    return Wanted(*(query.get(name, "").replace("\x00", "").strip()[:255] for name in Wanted._fields))


def _parts(wanted: Wanted) -> list[Junction | Condition | None]:
    return [
        _text(wanted.text),
        Condition("groupId", "equals", wanted.group) if wanted.group else None,
        _status(wanted.status),
        _day("issued_from", "issueDate", "gte", wanted.issued_from),
        _day("issued_to", "issueDate", "lte", wanted.issued_to),
        _day("expires_from", "expiryDate", "gte", wanted.expires_from),
        _day("expires_to", "expiryDate", "lte", wanted.expires_to),
        _engagement(wanted.engagement),
        _views(wanted.views),
        Condition("mail", "equals", _offered("mail", wanted.mail, MAILS)) if wanted.mail else None,
    ]


def _text(text: str) -> Junction | None:
    if not text:
        return None
    fields = ("recipient.name", "recipient.email")
    return Junction("OR", tuple(Condition(field, "contains", text) for field in fields))


def _status(status: str) -> Junction | Condition | None:
    if not _offered("status", status, STATUSES):
        return None
    revoked = Condition("revoked", "equals", True)
    if status == "revoked":
        return revoked
    return Junction("AND", (Condition("status", "equals", status), Junction("NOT", (revoked,))))


def _day(name: str, field: str, operator: str, text: str) -> Condition | None:
    if not text:
        return None
    try:
        return Condition(field, operator, parse_date(text).isoformat())
    except ValueError:
        raise invalid(name, "must be a day") from None


def _engagement(engagement: str) -> Junction | Condition | None:
    if not _offered("engagement", engagement, ENGAGEMENTS):
        return None
    if engagement == "not_opened":
        return Junction("NOT", (Condition("interactions", "gte", _ENGAGED["opened"]),))
    return Condition("interactions", "gte", _ENGAGED[engagement])


def _views(text: str) -> Condition | None:
    if not text:
        return None
    if not (text.isascii() and text.isdigit() and int(text) <= _MOST_VIEWS):
        raise invalid("views", "must be a whole number")
    if int(text) == 0:
        return None
    return Condition("interactions", "gte", Engagement(("credential_viewed",), "guest", int(text)))


def _offered(name: str, value: str, options: tuple[tuple[str, Any], ...]) -> str:
    if value not in dict(options):
        raise invalid(name, "must be one of those offered")
    return value
