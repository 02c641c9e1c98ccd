"""Workspaces' own domains: proved by a visit, and known to whoever fetches certificates. Wired by `app`.

Somebody who may change the settings opens a sealed address under the domain. When that request comes to us with that
host, the domain's DNS, its certificate and what stands before us all lead here, for a browser out there; nothing has
to be asked by us, so nobody can make us ask inner addresses.
"""

from msgspec import Struct
from msgspec.json import decode, encode
from starlette.requests import Request
from starlette.responses import PlainTextResponse, RedirectResponse, Response

from credtrail.accounts.people import User
from credtrail.accounts.session_store import note_act
from credtrail.accounts.store import change_workspace, find_workspace_of_domain
from credtrail.credentials.links import home_of
from credtrail.database import Database, Transaction
from credtrail.seal import Seal
from credtrail.values import Moment, now
from credtrail.web.host import host_of
from credtrail.web.html import render

_GOOD_FOR_MS = 3_600_000


class _Claim(Struct):
    """What a sealed address says: who wants which domain for which workspace."""

    workspace_id: str
    domain: str
    user_id: str
    actor: str
    until: Moment


class Domains:
    """`public_url` is this installation's address, under which the dashboard is."""

    def __init__(self, database: Database, secret_key: str, public_url: str) -> None:
        self._database = database
        self._seal = Seal(secret_key, "domains")
        self._public_url = public_url

    def confirm_address(self, workspace_id: str, domain: str, user: User) -> str:
        """Where the user confirms within an hour that the domain leads here, by opening it."""
        claim = _Claim(workspace_id, domain, user.id, user.email, now() + _GOOD_FOR_MS)
        token = self._seal.close(encode(claim).decode())
        return f"{home_of(self._public_url, domain)}/domains/confirm/{token}"

    async def confirm(self, request: Request) -> Response:
        """From now on the workspace's links begin with its domain, if the request came by it. Then back to the settings."""
        opened = self._seal.open(request.path_params["token"])
        claim = decode(opened, type=_Claim) if opened else None
        if claim is None or claim.domain != host_of(request) or claim.until < now():
            return self._show_missing(request)
        if not await self._database.write(lambda transaction: _confirm(transaction, claim)):
            return self._show_missing(request)
        settings = f"{self._public_url}/dashboard/w/{claim.workspace_id}/settings#domain"
        return RedirectResponse(settings, 303, {"cache-control": "no-store"})

    def _show_missing(self, request: Request) -> Response:
        """To somebody of the dashboard, where another link is had."""
        return render(request, "pages/missing.html", status=404, dashboard=f"{self._public_url}/dashboard")

    async def tell_known(self, request: Request) -> Response:
        """200 for a domain that a workspace has or is about to confirm, else 404: for proxies that fetch certificates."""
        domain = request.query_params.get("domain", "").lower()
        found = None
        if domain and "\x00" not in domain:
            found = await self._database.look(
                lambda transaction: find_workspace_of_domain(transaction, domain)
            )
        return PlainTextResponse("known" if found else "unknown", 200 if found else 404)


def _confirm(transaction: Transaction, claim: _Claim) -> bool:
    found = find_workspace_of_domain(transaction, claim.domain)
    if found is None or found.id != claim.workspace_id:
        return False
    if found.domain_confirmed_at is None:
        change_workspace(transaction, found.id, domain_confirmed_at=transaction.at)
        note_act(
            transaction,
            "domain_confirmed",
            claim.domain,
            workspace_id=found.id,
            actor=claim.actor,
            user_id=claim.user_id,
        )
    return True
