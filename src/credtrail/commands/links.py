"""One-time links by which people come into the dashboard without a mail."""

from credtrail.accounts import people_store
from credtrail.accounts.people import LinkKind, digest_secret, make_secret
from credtrail.accounts.session_store import add_link
from credtrail.database import Transaction

HOUR_MS = 3_600_000
WEEK_MS = 7 * 86_400_000


def make_set_up_link(transaction: Transaction, public_url: str) -> str | None:
    """The address where the first user of an installation is made, good once; None where there are users."""
    if people_store.count_users(transaction):
        return None
    return make_link(transaction, "set_up", None, public_url, WEEK_MS)


def make_link(
    transaction: Transaction, kind: LinkKind, user_id: str | None, public_url: str, good_for_ms: int
) -> str:
    """The address of a new one-time link."""
    secret, path = make_secret(), {"set_up": "set-up", "sign_in": "link", "password": "password"}[kind]
    add_link(transaction, kind, digest_secret(secret), user_id, transaction.at + good_for_ms)
    return f"{public_url}/dashboard/{path}/{secret}"
