"""A workspace's settings: its name, how it shows itself, its pages, its mails, its end. Wired by `app`."""

import asyncio
from functools import cache
from typing import Any, get_args
from urllib.parse import urlsplit
from zoneinfo import available_timezones

from starlette.responses import Response

from credtrail.accounts import people_store as people
from credtrail.accounts import store as accounts
from credtrail.accounts.model import (
    INTERACTION_DAYS,
    SET_ASIDE_DAYS,
    Allowed,
    IssuerImage,
    IssuerProfile,
    NameChanges,
    PrivacyMode,
    Workspace,
    change_profile,
    read_days,
    read_domain,
    read_time_zone,
)
from credtrail.credentials.links import home_of
from credtrail.credentials.store import count_credentials
from credtrail.dashboard.door import ROOT, View, Visit
from credtrail.database import Database, Transaction
from credtrail.designs.images import read_image
from credtrail.errors import Refusal, invalid
from credtrail.interactions.days import change_time_zone
from credtrail.pages.domains import Domains
from credtrail.settings import Settings
from credtrail.web.language import CODES, find_language

_UPLOAD_BYTES = 6 * 1_048_576
_TEXTS = (
    "website_url",
    "contact_email",
    "brand_color",
    "signatory_name",
    "signatory_title",
    "sender_name",
    "sender_email",
)
_ALLOWED = {
    "sharing": get_args(Allowed),
    "downloading": get_args(Allowed),
    "privacy_choices": ("yes", "no"),
    "name_changes": get_args(NameChanges),
    "offline_choices": ("yes", "no"),
}
"""What verified owners may do, and what may be chosen for it."""

_FIELDS = {
    "website": "website_url",
    "contact": "contact_email",
    "color": "brand_color",
    "sender-email": "sender_email",
}
"""What `change_profile` calls fields, after the command line's options, and what they are called here."""


class WorkspaceSettings:
    """For admins; the end of a workspace is for owners."""

    def __init__(self, database: Database, domains: Domains, settings: Settings) -> None:
        self._database = database
        self._domains = domains
        self._public_url = settings.public_url
        self._set_aside_days = settings.set_aside_retention_days

    def views(self) -> list[View]:
        """One page, and what is sent from it."""
        path = "/w/{workspace_id}/settings"
        return [
            View("GET", path, self.show, "admin"),
            View("POST", path, self.save, "admin", upload_bytes=_UPLOAD_BYTES),
            View("POST", path + "/delete", self.delete, "owner"),
            View("POST", "/workspaces", self.add_workspace, "user"),
        ]

    async def show(self, visit: Visit) -> Response:
        """All settings."""
        return visit.page("settings.html", problems={}, **await self._find(visit))

    async def _find(self, visit: Visit) -> dict[str, Any]:
        def ask(transaction: Transaction) -> dict[str, Any]:
            workspace = accounts.find_workspace(transaction, id=visit.workspace_id)
            return {
                "workspace": workspace,
                "profile": accounts.find_profile(transaction, visit.workspace_id),
                "credential_count": count_credentials(transaction, visit.workspace_id),
            }

        found = await self._database.read(ask)
        domain, zone = found["workspace"].domain, found["workspace"].time_zone
        return {
            **found,
            "languages": [(code, find_language(code).own_name) for code in CODES],
            "time_zones": [(one, one) for one in sorted({*_time_zones(), zone})],
            "set_aside_days": self._set_aside_days,
            "public_host": urlsplit(self._public_url).hostname,
            "home": home_of(self._public_url, domain),
            "confirm_address": self._domains.confirm_address(visit.workspace_id, domain, visit.me)
            if domain
            else "",
        }

    async def save(self, visit: Visit) -> Response:
        """Keep all of the form, or nothing of it."""
        found = await self._find(visit)
        try:
            name = self._read_name(visit)
            images = await self._read_images(visit)
            profile = self._read_profile(visit, found["profile"], images)
            room = self._read_room(visit, found["workspace"])
            zone = read_time_zone(visit.text("time_zone", found["workspace"].time_zone))

            def act(transaction: Transaction) -> None:
                self._keep(visit, transaction, name, profile, list(images.values()))
                self._keep_room(visit, transaction, room, zone)

            await self._database.write(act)
        except Refusal as refusal:
            return visit.again("settings.html", _renamed(refusal), **found)
        return visit.go(f"{visit.home}/settings", "Saved")

    def _read_name(self, visit: Visit) -> str:
        name = visit.text("name")
        if not 1 <= len(name) <= 255:
            raise invalid("name", "must be a name of 1 to 255 characters")
        return name

    async def _read_images(self, visit: Visit) -> dict[str, IssuerImage | None]:
        """Pictures that were uploaded, by the profile's field; None for one to be taken away."""
        images: dict[str, IssuerImage | None] = {}
        for field in ("logo", "signature"):
            upload = visit.upload(field)
            if upload is not None:
                try:
                    images[f"{field}_digest"] = await asyncio.to_thread(read_image, await upload.read())
                except ValueError as problem:
                    raise invalid(field, str(problem)) from None
            elif visit.text(f"no_{field}"):
                images[f"{field}_digest"] = None
        return images

    def _read_profile(
        self, visit: Visit, profile: IssuerProfile, images: dict[str, IssuerImage | None]
    ) -> IssuerProfile:
        language, privacy = visit.text("language"), visit.text("privacy_mode")
        if language not in CODES:
            raise invalid("language", f"must be one of {', '.join(CODES)}")
        if privacy not in get_args(PrivacyMode):
            raise invalid("privacy_mode", f"must be one of {', '.join(get_args(PrivacyMode))}")
        changes: dict[str, Any] = {field: visit.text(field) for field in _TEXTS}
        changes["brand_color"] = changes["brand_color"].lower()
        changes |= {"language": language, "privacy_mode": privacy, "indexed": bool(visit.text("indexed"))}
        changes |= self._read_allowed(visit, profile)
        changes |= {field: image.digest if image else "" for field, image in images.items()}
        return change_profile(profile, changes)

    def _read_allowed(self, visit: Visit, profile: IssuerProfile) -> dict[str, Any]:
        """What verified owners may do; a field that isn't sent stays as it is."""
        allowed: dict[str, Any] = {}
        for field, options in _ALLOWED.items():
            now = getattr(profile, field)
            value = visit.text(field, ("yes" if now else "no") if isinstance(now, bool) else now)
            if value not in options:
                raise invalid(field, f"must be one of {', '.join(options)}")
            allowed[field] = value == "yes" if isinstance(now, bool) else value
        return allowed

    def _read_room(self, visit: Visit, workspace: Workspace) -> Workspace:
        """Domain, and how long rows are kept."""
        domain = read_domain(visit.text("domain"))
        if domain == urlsplit(self._public_url).hostname:
            raise invalid("domain", "is this installation's own; leave it empty to use that")
        return workspace._replace(
            domain=domain,
            interaction_days=read_days("interaction_days", visit.text("interaction_days"), INTERACTION_DAYS),
            set_aside_days=read_days("set_aside_days", visit.text("set_aside_days"), SET_ASIDE_DAYS),
        )

    def _keep_room(self, visit: Visit, transaction: Transaction, room: Workspace, zone: str) -> None:
        before = accounts.find_workspace(transaction, id=room.id)
        if before is None:
            raise Refusal("not_found")
        other = accounts.find_workspace_of_domain(transaction, room.domain) if room.domain else None
        if other is not None and other.id != room.id:
            raise invalid("domain", "is another workspace's already")
        names = ("domain", "interaction_days", "set_aside_days")
        changes = {
            name: getattr(room, name) for name in names if getattr(room, name) != getattr(before, name)
        }
        for name, value in changes.items():
            told = f"{getattr(before, name) or 'none'} → {value or 'none'}"
            visit.note(transaction, "setting_changed", name.replace("_", " "), told)
        if changes:
            anew = {"domain_confirmed_at": None} if "domain" in changes else {}
            accounts.change_workspace(transaction, room.id, **changes, **anew)
        if change_time_zone(transaction, before, zone):
            visit.note(transaction, "setting_changed", "time zone", f"{before.time_zone} → {zone}")

    def _keep(
        self,
        visit: Visit,
        transaction: Transaction,
        name: str,
        profile: IssuerProfile,
        images: list[IssuerImage | None],
    ) -> None:
        if not accounts.rename_workspace(transaction, visit.workspace_id, name):
            raise invalid("name", "is another workspace's name already")
        for image in images:
            if image is not None:
                accounts.add_image(transaction, visit.workspace_id, image)
        accounts.save_profile(transaction, visit.workspace_id, profile)
        visit.note(transaction, "settings_changed", name)

    async def delete(self, visit: Visit) -> Response:
        """Everything of the workspace goes, for good, once its name was typed."""
        name = visit.here.workspace_name
        if visit.text("confirm") != name:
            refusal = invalid("confirm", "is not the workspace's name; nothing was deleted")
            return visit.again("settings.html", refusal, **await self._find(visit))
        await self._database.write(lambda tx: accounts.delete_workspace(tx, visit.workspace_id))
        return visit.go(ROOT, f"{name} is deleted")

    async def add_workspace(self, visit: Visit) -> Response:
        """One more workspace, for somebody who owns one."""
        name = visit.text("name")
        if not any(one.role == "owner" for one in visit.memberships):
            raise Refusal("forbidden", "Only who owns a workspace makes others")
        if not 1 <= len(name) <= 255:
            raise invalid("name", "must be a name of 1 to 255 characters")

        def act(transaction: Transaction) -> Workspace:
            if accounts.find_workspace(transaction, name=name):
                raise invalid("name", "is another workspace's name already")
            made = accounts.add_workspace(transaction, name)
            people.set_member(transaction, made.id, visit.me.id, "owner")
            return made

        made = await self._database.write(act)
        return visit.go(f"{ROOT}/w/{made.id}", f"{name} is made")


@cache
def _time_zones() -> frozenset[str]:
    """Those named after places, and UTC."""
    groups = (
        "Africa",
        "America",
        "Antarctica",
        "Arctic",
        "Asia",
        "Atlantic",
        "Australia",
        "Europe",
        "Indian",
        "Pacific",
    )
    return frozenset({"UTC", *(one for one in available_timezones() if one.partition("/")[0] in groups)})


def _renamed(refusal: Refusal) -> Refusal:
    details = tuple((_FIELDS.get(field, field), sentence) for field, sentence in refusal.details)
    return Refusal(refusal.kind, refusal.message, details=details)
