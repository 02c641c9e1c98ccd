"""Finds a credential for whoever asks to see it, or doesn't. Called by every public face of credentials."""

from typing import NamedTuple

from starlette.requests import Request

from credtrail.credentials.store import PublicView, find_public
from credtrail.database import Database, Transaction
from credtrail.recipients.access import Access
from credtrail.recipients.proofs import Proof
from credtrail.recipients.proving import Proving
from credtrail.values import Moment

PROOF_HEADER = "credtrail-proof"


class Visitor(NamedTuple):
    """What somebody brings along to see a credential: the key in an address, a device's proof. Empty: nothing."""

    key: str = ""
    proof: str = ""


class Shown(NamedTuple):
    """A credential that may be seen, at a moment. `proof`: by its verified owner, on a device that has it."""

    view: PublicView
    at: Moment
    proof: Proof | None = None

    @property
    def is_verified(self) -> bool:
        """Whether its verified owner looks."""
        return self.proof is not None


class Showing:
    """Who may see what, by this installation's secret key."""

    def __init__(self, database: Database, access: Access, proving: Proving) -> None:
        self._database = database
        self._proving = proving
        self.access = access

    async def find(self, public_id: str, visitor: Visitor = Visitor()) -> Shown | None:  # noqa: B008 - it can't change
        """The credential with this public id, if this visitor may see it; else None, as for an unknown one."""
        shown = await self.find_any(public_id, visitor.proof)
        if shown is None:
            return None
        seen = self.access.may_be_seen(shown.view, shown.at, visitor.key, verified=shown.is_verified)
        return shown if seen else None

    async def find_any(self, public_id: str, proof: str = "") -> Shown | None:
        """The credential, whether it may be seen or not; None for draft, scheduled, deleted and unknown alike."""
        if "\x00" in public_id:
            return None

        def ask(transaction: Transaction) -> Shown | None:
            view = find_public(transaction, public_id)
            if view is None or not proof:
                return Shown(view, transaction.at) if view else None
            return Shown(view, transaction.at, self._proving.find_proof(transaction, public_id, proof))

        if proof and self._proving.is_signed(proof, public_id):
            return await self._database.read(ask)
        return await self._database.look(ask)  # one statement: a proof that isn't signed is not looked up


def visitor_of(request: Request) -> Visitor:
    """What a request brings along: `?access=`, and the header that pages' scripts send."""
    return Visitor(request.query_params.get("access", ""), request.headers.get(PROOF_HEADER, ""))
