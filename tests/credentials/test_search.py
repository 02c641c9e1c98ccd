"""The search: what it finds is what a plain evaluation finds, page by page, on both databases."""

import json
from datetime import UTC, datetime, timedelta
from operator import contains, eq, ge, gt, le, lt
from unicodedata import normalize

import pytest
from hypothesis import HealthCheck, given
from hypothesis import settings as hypothesis_settings
from hypothesis import strategies as st

from conftest import examples, headers, in_transaction
from credtrail.attributes.store import add_attribute
from credtrail.credentials.model import Credential
from credtrail.credentials.store import add_credentials, find_credential
from credtrail.interactions.counts import credential_counts
from credtrail.values import present_moment

NAMES = [
    "Robin Ñandú",
    "robin ñandú",
    "Straße 100%",
    "STRASSE_1",
    "李小龍",
    "ﬁona",
    "Åsa",
    "Å\u030asa",
    "a\\b",
    "\U0010ffffx",
    "퟿",
    "",
]
EMAILS = ["robin@learner.example", "ROBIN@Learner.example", "li@other.example", "x_y@learner.example", None]
DAYS = ["2023-12-31", "2024-01-01", "2024-02-29", "2099-01-01"]
ZONE = "Pacific/Auckland"
NOON = int(datetime(2024, 1, 1, 12, tzinfo=UTC).timestamp() * 1000)


@pytest.fixture
def many(settings, cast):
    """Sixty credentials of every kind beside the cast's own, and their rows as a plain evaluation sees them."""

    def act(transaction):
        from sqlalchemy import insert, update

        from credtrail.accounts.store import workspaces

        transaction.connection.execute(
            update(workspaces).where(workspaces.c.id == cast.workspace_id).values(time_zone=ZONE)
        )
        add_attribute(transaction, cast.workspace_id, "grade", "Grade", "text")
        made = []
        for n in range(60):
            moment = NOON + (n % 5) * 6 * 3_600_000
            made.append(
                Credential(
                    id=transaction.new_id(),
                    public_id=f"public-{n:02}",
                    workspace_id=cast.workspace_id,
                    group_id=cast.group_id,
                    status=("draft", "scheduled", "issued", "issued")[n % 4],
                    recipient_id=f"recipient-{n}",
                    recipient_name=NAMES[n % len(NAMES)] or "?",
                    recipient_email=EMAILS[n % len(EMAILS)],
                    issue_date=DAYS[n % 3],
                    expiry_date=(None, "2024-02-29", "2099-01-01")[n % 3],
                    custom_attributes={"custom.grade": NAMES[n % 7]} if n % 2 else {},
                    created_at=moment,
                    updated_at=moment + (n % 3),
                    evidence=[],
                )
            )
        add_credentials(transaction, made)
        counts = [
            {
                "credential_id": one.id,
                "day": f"2024-01-0{1 + n % 2}",
                "event_type": "credential_viewed",
                "triggered_by": ("guest", "recipient")[n % 2],
                "count": n % 4 + 1,
            }
            for n, one in enumerate(made)
            if n % 3
        ]
        transaction.connection.execute(insert(credential_counts), counts)
        cast_own = [
            find_credential(transaction, cast.workspace_id, id_)
            for id_ in (cast.credential_id, cast.draft_id)
        ]
        return [*made, *cast_own], counts

    rows, counts = in_transaction(settings, act)
    return [as_plain(row, counts) for row in rows]


def as_plain(row, counts):
    """A credential as the evaluation below reads it."""
    today = datetime.now(UTC).date().isoformat()  # near enough: no date of the cast is near today
    expired = row.status == "issued" and row.expiry_date is not None and row.expiry_date < today
    return {
        "id": row.id,
        "publicId": row.public_id,
        "groupId": row.group_id,
        "recipient.name": row.recipient_name,
        "recipient.email": row.recipient_email,
        "status": "expired" if expired else row.status,
        "issueDate": row.issue_date,
        "expiryDate": row.expiry_date,
        "createdAt": row.created_at,
        "updatedAt": row.updated_at,
        "customAttributes.grade": row.custom_attributes.get("custom.grade"),
        "views": {
            by: sum(
                one["count"] for one in counts if one["credential_id"] == row.id and one["triggered_by"] in by
            )
            for by in (("guest",), ("recipient",), ("guest", "recipient"))
        },
    }


def caseless(text):
    """Unicode's caseless comparison, written down a second time."""
    return normalize("NFKC", normalize("NFKC", text).casefold())


def holds(filter_, row):
    """Whether a credential fits a filter: the naive evaluation."""
    for name, value in filter_.items():
        if name == "AND":
            fits = all(holds(one, row) for one in value)
        elif name == "OR":
            fits = any(holds(one, row) for one in value)
        elif name == "NOT":
            fits = not any(holds(one, row) for one in ([value] if isinstance(value, dict) else value))
        elif name == "recipient":
            fits = all(
                compares(row[f"recipient.{inner}"], inner, operators) for inner, operators in value.items()
            )
        elif name == "customAttributes":
            fits = compares(row["customAttributes.grade"], "grade", value["grade"])
        elif name == "interactions":
            [(_, asked)] = value.items()
            by = (asked["by"],) if "by" in asked else ("guest", "recipient")
            fits = row["views"][by] >= asked.get("gte", 1)
        elif name in ("createdAt", "updatedAt"):
            fits = all(moment_compares(row[name], operator, operand) for operator, operand in value.items())
        else:
            fits = compares(row[name], name, value)
        if not fits:
            return False
    return True


COMPARES = {
    "equals": eq,
    "in": lambda found, operand: found in operand,
    "contains": contains,
    "startsWith": str.startswith,
    "endsWith": str.endswith,
    "lt": lt,
    "lte": le,
    "gt": gt,
    "gte": ge,
}


def compares(found, name, operators):
    """Every operator on one value; a missing value equals null and nothing else."""
    if name in ("name", "email") and found is not None:
        found = caseless(found)
    for operator, operand in operators.items():
        if operand is None:
            fits = found is None
        elif found is None:
            fits = False
        else:
            if name in ("name", "email"):
                operand = [caseless(one) for one in operand] if operator == "in" else caseless(operand)
            fits = COMPARES[operator](found, operand)
        if not fits:
            return False
    return True


def moment_compares(found, operator, operand):
    """A day of the workspace's time zone (UTC+13 in these months), or a moment."""
    if len(operand) == 10:
        found = (datetime.fromtimestamp(found / 1000, UTC) + timedelta(hours=13)).date().isoformat()
    else:
        operand = int(datetime.fromisoformat(operand).timestamp() * 1000)
    return compares(found, "moment", {operator: operand})


pieces = st.one_of(
    st.sampled_from([name for name in NAMES if name]),
    st.sampled_from(
        [
            "",
            "%",
            "_",
            "\\",
            "R",
            "ROBIN",
            "ss",
            "ß",
            "fi",
            "Ñ",
            "å",
            "@LEARNER",
            ".example",
            "龍",
            "\U0010ffff",
        ]
    ),
    st.text(max_size=3).filter(lambda text: "\x00" not in text),
)
texts = (
    st.one_of(
        st.fixed_dictionaries({operator: pieces})
        for operator in ("equals", "contains", "startsWith", "endsWith")
    )
    | st.fixed_dictionaries({"in": st.lists(pieces, max_size=3)})
    | st.just({"equals": None})
)
orders = ("equals", "lt", "lte", "gt", "gte")
days = st.dictionaries(st.sampled_from(orders), st.sampled_from(DAYS), min_size=1, max_size=2) | st.just(
    {"equals": None}
)
moments = st.dictionaries(
    st.sampled_from(orders),
    st.sampled_from(["2024-01-02", "2024-01-03", present_moment(NOON), present_moment(NOON + 6 * 3_600_000)]),
    min_size=1,
    max_size=2,
)
statuses = st.sampled_from(["draft", "scheduled", "issued", "expired"])
conditions = st.one_of(
    st.fixed_dictionaries(
        {"recipient": st.dictionaries(st.sampled_from(["name", "email"]), texts, min_size=1)}
    ),
    st.fixed_dictionaries({"publicId": texts | st.just({"in": ["public-01", "public-59"]})}),
    st.fixed_dictionaries({"customAttributes": st.fixed_dictionaries({"grade": texts})}),
    st.fixed_dictionaries(
        {
            "status": st.fixed_dictionaries({"equals": statuses})
            | st.fixed_dictionaries({"in": st.lists(statuses, max_size=3)})
        }
    ),
    st.fixed_dictionaries({"issueDate": days, "expiryDate": days}),
    st.fixed_dictionaries({"expiryDate": days}),
    st.fixed_dictionaries({"createdAt": moments}),
    st.fixed_dictionaries({"updatedAt": moments}),
    st.fixed_dictionaries(
        {
            "interactions": st.fixed_dictionaries(
                {
                    "credential_viewed": st.fixed_dictionaries(
                        {}, optional={"by": st.sampled_from(["guest", "recipient"]), "gte": st.integers(0, 5)}
                    )
                }
            )
        }
    ),
)
filters = st.recursive(
    conditions,
    lambda inner: (
        st.fixed_dictionaries({"AND": st.lists(inner, max_size=3)})
        | st.fixed_dictionaries({"OR": st.lists(inner, max_size=3)})
        | st.fixed_dictionaries({"NOT": st.lists(inner, max_size=2) | inner})
    ),
    max_leaves=6,
)
sorts = st.none() | st.fixed_dictionaries(
    {
        "property": st.sampled_from(["id", "createdAt", "updatedAt", "issueDate", "expiryDate"]),
        "order": st.sampled_from(["asc", "desc"]),
    }
)


def in_order(rows, sort):
    """Sorted as asked: by the property, then by id; what never expires comes after what does."""
    sort = sort or {"property": "id", "order": "desc"}
    by, missing = sort["property"], "9999-99-99"

    def place(row):
        return (row[by] if row[by] is not None else missing, row["id"])

    return sorted(rows, key=place, reverse=sort["order"] == "desc")


def pages(client, cast, asked, limit):
    """Every page forward, then back again from the last: the ids, page by page."""
    found, cursor, body = [], None, {}
    while True:
        body = search(client, cast, {**asked, "limit": limit, **({"cursor": cursor} if cursor else {})})
        found.append([one["id"] for one in body["data"]])
        cursor = body["pagination"]["next"]
        if cursor is None:
            break
    back = [found[-1]]
    while body["pagination"]["prev"] is not None:
        body = search(client, cast, {**asked, "limit": limit, "cursor": body["pagination"]["prev"]})
        back.insert(0, [one["id"] for one in body["data"]])
    return found, back


def search(client, cast, asked):
    """One answer, which must be a page."""
    answer = client.post("/v1/credentials/search", headers=headers(cast.ada), json=asked)
    assert answer.status_code == 200, (answer.text, json.dumps(asked))
    return answer.json()


@pytest.mark.filterwarnings("ignore::pytest.PytestUnraisableExceptionWarning")
def test_any_filter_finds_what_a_plain_evaluation_finds(client, cast, many):
    @hypothesis_settings(max_examples=examples(150), suppress_health_check=list(HealthCheck))
    @given(filters, sorts)
    def check(filter_, sort):
        asked = {"filter": filter_, **({"sort": sort} if sort else {})}
        expected = [row["id"] for row in in_order([row for row in many if holds(filter_, row)], sort)]
        found = search(client, cast, {**asked, "limit": 100})["data"]
        assert [one["id"] for one in found] == expected

    check()


@pytest.mark.parametrize("by", ["id", "createdAt", "updatedAt", "issueDate", "expiryDate"])
@pytest.mark.parametrize("order", ["asc", "desc"])
def test_pages_forward_and_back_are_the_whole_list(client, cast, many, by, order):
    sort = {"property": by, "order": order}
    expected = [row["id"] for row in in_order(many, sort)]
    forward, back = pages(client, cast, {"sort": sort}, 7)
    assert [id_ for page in forward for id_ in page] == expected
    assert back == forward


def test_a_cursor_is_good_for_its_own_search_only(client, cast, many):
    first = search(client, cast, {"filter": {"status": {"equals": "draft"}}, "limit": 1})
    cursor = first["pagination"]["next"]
    for other in (
        {},
        {"filter": {"status": {"equals": "issued"}}},
        {"sort": {"property": "id", "order": "asc"}},
    ):
        answer = client.post(
            "/v1/credentials/search", headers=headers(cast.ada), json={**other, "cursor": cursor}
        )
        assert (answer.status_code, answer.json()["error"]["details"][0]["field"]) == (400, "cursor")


def test_nobody_finds_anothers(client, cast, many):
    answer = client.post("/v1/credentials/search", headers=headers(cast.cleo), json={"limit": 100})
    assert [one["id"] for one in answer.json()["data"]] == [cast.cleos_credential_id]


def test_too_many_conditions_are_refused(client, cast):
    many_ids = [{"id": {"equals": "x"}}] * 60
    for filter_ in ({"OR": many_ids}, {"id": {"in": ["x"] * 101}}):
        answer = client.post("/v1/credentials/search", headers=headers(cast.ada), json={"filter": filter_})
        assert answer.status_code == 400, answer.text
