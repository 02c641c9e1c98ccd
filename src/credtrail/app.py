"""The table of contents: builds every part once, lists every route.

Called by `serve` (in each server process) and by the tests.
"""

import asyncio
from collections.abc import AsyncIterator, Sequence
from contextlib import asynccontextmanager, suppress
from dataclasses import dataclass
from typing import Any

from starlette.applications import Starlette
from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import Route

from credtrail import metrics
from credtrail.accounts.api import Accounts
from credtrail.accounts.model import digest_token, is_well_formed
from credtrail.accounts.store import find_token, note_token_used
from credtrail.attributes.api import Attributes
from credtrail.badges.desk import Desk
from credtrail.badges.views import Badges
from credtrail.credentials.api import Credentials
from credtrail.credentials.bulk_api import BulkCredentials
from credtrail.credentials.links import RecipientLinks
from credtrail.dashboard.account import Account
from credtrail.dashboard.attributes import Attributes as AttributesPages
from credtrail.dashboard.credential import OneCredential
from credtrail.dashboard.credentials import Credentials as CredentialsPages
from credtrail.dashboard.design_editor import DesignEditor
from credtrail.dashboard.designs import DesignList
from credtrail.dashboard.door import ROOT, Door, View
from credtrail.dashboard.email_templates import EmailTemplates as EmailTemplatesPages
from credtrail.dashboard.groups import Groups as GroupsPages
from credtrail.dashboard.home import Home
from credtrail.dashboard.images import ImageList
from credtrail.dashboard.imports import Imports
from credtrail.dashboard.insights import Insights as InsightsPages
from credtrail.dashboard.issuer import Issuer
from credtrail.dashboard.live import Live
from credtrail.dashboard.members import Members
from credtrail.dashboard.name_requests import NameRequests
from credtrail.dashboard.persons import Persons
from credtrail.dashboard.settings import WorkspaceSettings
from credtrail.dashboard.sign_in import SignIn
from credtrail.dashboard.tokens import Tokens
from credtrail.dashboard.webhooks import WebhookPages
from credtrail.database import Database
from credtrail.database.migrate import is_current
from credtrail.database.open import open_database
from credtrail.designs.api import Designs
from credtrail.designs.cache import DiskCache
from credtrail.designs.images_api import Images
from credtrail.designs.press import Press
from credtrail.errors import Refusal
from credtrail.groups.api import Groups
from credtrail.groups.store import uses_design
from credtrail.insights.api import Insights
from credtrail.interactions.api import Interactions
from credtrail.interactions.fold import FoldedDatabase
from credtrail.interactions.log_sql import SqlLog
from credtrail.interactions.record import Recorder
from credtrail.mail.api import EmailTemplates
from credtrail.pages.api import CredentialLinks
from credtrail.pages.documents import Documents
from credtrail.pages.domains import Domains
from credtrail.pages.recipient import CodeLimits, RecipientActs
from credtrail.pages.reports import ReportLimits, Reports
from credtrail.pages.token import PageTokens
from credtrail.pages.verify import VerifyPage
from credtrail.pages.views import Pages
from credtrail.recipients.access import Access
from credtrail.recipients.api import Recipients
from credtrail.recipients.proving import Proving
from credtrail.recipients.showing import Showing
from credtrail.seal import Seal
from credtrail.settings import Settings, find_or_make_secret_key
from credtrail.values import now
from credtrail.wallets.api import Limits as WalletLimits
from credtrail.wallets.api import WalletApi
from credtrail.wallets.connect import Connecting
from credtrail.wallets.views import WalletPages
from credtrail.web.edge import Edge
from credtrail.web.egress import Fetcher
from credtrail.web.endpoint import Caller, Endpoint
from credtrail.web.gate import Gate, Receive, Scope, Send
from credtrail.web.health import Health
from credtrail.web.html import serve_static
from credtrail.web.limits import NetworkLimit, RateLimit, limit_per_minute
from credtrail.web.paging import Cursors
from credtrail.web.reference import Reference
from credtrail.webhooks.api import Webhooks


@dataclass(frozen=True)
class Parts:
    """What one server process is made of."""

    settings: Settings
    database: Database
    recorder: Recorder
    endpoints: Sequence[Endpoint]
    views: Sequence[View]
    gate: Gate
    application: Edge


def build(settings: Settings, database: Database | None = None) -> Parts:
    """Put everything together; nothing runs before the application's lifespan begins."""
    database = database or open_database(settings)
    folded = FoldedDatabase(database)
    secret_key = find_or_make_secret_key(settings)
    cursors, log = Cursors(secret_key), SqlLog()
    recorder = Recorder(folded, log, batch_size=settings.commit_batch_size, queue_limit=settings.queue_limit)
    press = Press(
        DiskCache(settings.cache_folder, settings.cache_limit_mb * 1_048_576), settings.render_threads
    )
    proving = Proving(database, secret_key)
    showing = Showing(database, Access(secret_key), proving)
    endpoints = [
        *Interactions(database, log, recorder, cursors).endpoints(),
        *Credentials(database, folded, cursors, press, settings.public_url).endpoints(),
        *BulkCredentials(folded, cursors).endpoints(),
        *CredentialLinks(
            database, RecipientLinks(secret_key), showing.access, settings.public_url
        ).endpoints(),
        *Recipients(database, cursors, press, settings.public_url).endpoints(),
        *Groups(database, cursors).endpoints(),
        *Designs(database, cursors, settings.public_url, uses_design).endpoints(),
        *Images(database, cursors).endpoints(),
        *Attributes(database).endpoints(),
        *EmailTemplates(database, cursors).endpoints(),
        *Webhooks(database, cursors, Seal(secret_key, "webhooks"), settings.webhook_hosts).endpoints(),
        *Insights(folded).endpoints(),
        *Accounts(database).endpoints(),
    ]
    desk = Desk(database, Seal(secret_key, "issuer"), settings.public_url)
    badges = Badges(showing, desk)
    documents = Documents(database, press, desk, showing, settings.public_url)
    domains = Domains(database, secret_key, settings.public_url)
    tokens = PageTokens(secret_key)
    pages = Pages(
        database,
        folded,
        showing,
        tokens,
        desk,
        badges.show_json,
        settings.public_url,
        settings.facebook_app_id,
    )
    reports = Reports(
        showing,
        recorder,
        tokens,
        RecipientLinks(secret_key),
        ReportLimits(
            NetworkLimit(settings.page_limit_per_network),
            limit_per_minute(settings.page_limit_per_credential),
        ),
        settings.public_url,
    )
    verify_page = VerifyPage(
        desk,
        showing,
        tokens,
        NetworkLimit(settings.verify_limit_per_network),
        settings.public_url,
        Fetcher(settings.foreign_hosts) if settings.foreign_hosts else None,
    )
    limit = RateLimit(settings.rate_limit_per_second, settings.rate_limit_burst)
    recipient_acts = RecipientActs(
        database,
        showing,
        proving,
        press,
        CodeLimits(
            NetworkLimit(settings.code_limit_per_network),
            limit_per_minute(settings.code_limit_per_credential),
        ),
        settings.public_url,
        settings.public_url + ROOT,
    )
    wallet_pages = WalletPages(
        Connecting(database, secret_key, settings.public_url),
        NetworkLimit(settings.code_limit_per_network),
        settings.public_url,
    )
    wallet_api = WalletApi(
        database,
        desk,
        WalletLimits(
            NetworkLimit(settings.wallet_registrations_per_network),
            RateLimit(settings.rate_limit_per_second, settings.rate_limit_burst),
            settings.wallet_limit,
        ),
        settings.public_url,
        terms_url=settings.terms_url,
        privacy_url=settings.privacy_url,
    )
    gate = Gate(endpoints, _find_caller_in(database), limit, settings.body_limit_bytes)
    door = Door(database, settings, secret_key, cursors)
    totp = Seal(secret_key, "totp")
    views = [
        *SignIn(database, door, settings, totp).views(),
        *Account(database, door, totp).views(),
        *Home(folded).views(),
        *InsightsPages(folded).views(),
        *Live(database, log).views(),
        *DesignList(database).views(),
        *DesignEditor(database, press).views(),
        *ImageList(database).views(),
        *Tokens(database, settings.public_url).views(),
        *CredentialsPages(folded, press, settings.public_url).views(),
        *OneCredential(
            folded, log, press, documents, RecipientLinks(secret_key), settings.public_url
        ).views(),
        *Imports(database).views(),
        *GroupsPages(database).views(),
        *AttributesPages(database).views(),
        *EmailTemplatesPages(database, settings.mail_from, settings.public_url).views(),
        *Members(database, settings.public_url).views(),
        *NameRequests(database, press, settings.public_url).views(),
        *Persons(folded, log, press, settings.public_url).views(),
        *WebhookPages(database, Seal(secret_key, "webhooks"), settings.webhook_hosts).views(),
        *WorkspaceSettings(database, domains, settings).views(),
        *Issuer(database, Seal(secret_key, "issuer"), settings.public_url).views(),
    ]
    dashboard = door.routes(views)
    faces = (documents, badges, domains, pages, reports, verify_page)
    site = _site(
        settings,
        database,
        recorder,
        press,
        faces,
        endpoints,
        [*recipient_acts.routes(), *wallet_pages.routes(), *wallet_api.routes(), *dashboard],
    )
    application = Edge(_Entrance(gate, site), log_all=settings.log_requests == "all")
    return Parts(settings, database, recorder, endpoints, views, gate, application)


def _site(
    settings: Settings,
    database: Database,
    recorder: Recorder,
    press: Press,
    faces: tuple[Documents, Badges, Domains, Pages, Reports, VerifyPage],
    endpoints: Sequence[Endpoint],
    more: Sequence[Route],
) -> Starlette:
    documents, badges, domains, pages, reports, verify_page = faces
    health = Health(lambda: is_current(database))
    reference = Reference(endpoints, settings.public_url)

    @asynccontextmanager
    async def lifespan(_: Starlette) -> AsyncIterator[dict[str, Any]]:
        recorder.start()
        # Set by the server as it is told to stop, for streams that would go on.
        yield {"stopping": asyncio.Event()}
        # Everything accepted is committed and answered before the database is let go.
        await recorder.close()
        await press.close()
        verify_page.close()
        await database.close()

    return Starlette(
        routes=[
            Route("/", pages.show_front),
            Route("/verify", verify_page.show),
            Route("/verify", verify_page.take, methods=["POST"]),
            Route("/credentials/{public_id}.json", badges.show_json),
            Route("/credentials/{public_id}.jwt", badges.show_jwt),
            Route("/credentials/{public_id}.png", documents.show_baked),
            Route("/credentials/{public_id}.svg", documents.show_baked),
            Route("/credentials/{public_id}", pages.show_credential),
            Route("/credentials/{public_id}/verification", pages.show_verification),
            Route("/credentials/{public_id}/embed", pages.show_embed),
            Route("/credentials/{public_id}/audience", pages.show_audience),
            Route("/credentials/{public_id}/qr.svg", pages.show_qr),
            Route("/credentials/{public_id}/wallet.svg", pages.show_wallet_qr),
            Route("/credentials/{public_id}/exchange", badges.exchange, methods=["POST"]),
            Route("/credentials/{public_id}/documents/{digest}/{name}", documents.show_document),
            Route("/designs/{digest}/{name}.png", documents.show_sample),
            Route("/issuers/{workspace_id}/images/{digest}.png", documents.show_logo),
            Route("/issuers/colors/{color}.css", pages.show_colors),
            Route("/issuers/{workspace_id}", badges.show_profile),
            Route("/issuers/{workspace_id}/did.json", badges.show_did_document),
            Route("/issuers/{workspace_id}/status/{number:int}", badges.show_status_list),
            Route("/issuers/{workspace_id}/keys/{key_id}/status/{number:int}", badges.show_status_list),
            Route("/achievements/{group_id}", badges.show_achievement),
            Route("/achievements/{group_id}/image.png", documents.show_achievement),
            Route("/oembed", pages.show_oembed),
            Route("/domains/confirm/{token}", domains.confirm),
            Route("/domains/known", domains.tell_known),
            Route("/credentials/{public_id}/interactions", reports.take_interaction, methods=["POST"]),
            Route("/v1/openapi.json", reference.show_document),
            Route("/docs", reference.show_page),
            *more,
            Route("/static/{digest}/{path:path}", serve_static),
            Route("/healthz", health.show_alive),
            Route("/readyz", health.show_ready),
            Route("/metrics", _show_metrics),
            Route("/robots.txt", pages.show_robots),
        ],
        exception_handlers={404: pages.show_missing, Refusal: pages.show_refusal},
        lifespan=lifespan,
    )


class _Entrance:
    """Sends /v1 to the gate, past Starlette (its routing would cost the ingest route a third), the rest to the site."""

    def __init__(self, gate: Gate, site: Starlette) -> None:
        self._gate = gate
        self._site = site

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        path = scope.get("path", "")
        if (path.startswith("/v1/") and path != "/v1/openapi.json") or path == "/v1":
            await self._gate(scope, receive, send)
        else:
            await self._site(scope, receive, send)  # type: ignore[arg-type]  # Starlette's own names for the same


_USED_MS = 5 * 60_000
"""How exactly it is known when a token was last used."""


def _find_caller_in(database: Database) -> Any:
    async def find_caller(token: str) -> Caller | None:
        if not is_well_formed(token):
            return None
        digest = digest_token(token)
        found = await database.look(lambda transaction: find_token(transaction, digest))
        if found is None:
            return None
        if found.last_used_at is None or now() - found.last_used_at > _USED_MS:
            with suppress(Refusal):  # whoever may read is served while nothing can be written
                await database.write(lambda transaction: note_token_used(transaction, found.id))
        return Caller(found.id, found.workspace_id, found.access == "full", found.expires_at)

    return find_caller


async def _show_metrics(_: Request) -> Response:
    text, media_type = await asyncio.to_thread(metrics.render)
    return Response(text, media_type=media_type)
