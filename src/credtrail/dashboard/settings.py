"""A workspace's settings: its name, how it shows itself, its pages, its mails, its end. Wired by `app`."""

import asyncio
from typing import Any, get_args

from starlette.responses import Response

from credtrail.accounts import people_store as people
from credtrail.accounts import store as accounts
from credtrail.accounts.model import IssuerImage, IssuerProfile, PrivacyMode, Workspace, change_profile
from credtrail.credentials.store import count_credentials
from credtrail.dashboard.door import ROOT, View, Visit
from credtrail.database import Database, Transaction
from credtrail.designs.images import read_image
from credtrail.errors import Refusal, invalid
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
_FIELDS = {
    "website": "website_url",
    "contact": "contact_email",
    "color": "brand_color",
    "sender-email": "sender_email",
}
"""What `change_profile` calls fields, after the command line's options, and what they are called here."""


class WorkspaceSettings:
    """For admins; the end of a workspace is for owners."""

    def __init__(self, database: Database, public_url: str) -> None:
        self._database = database
        self._public_url = public_url

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

        languages = [(code, find_language(code).own_name) for code in CODES]
        return {**await self._database.read(ask), "languages": languages, "public_url": self._public_url}

    async def save(self, visit: Visit) -> Response:
        """Keep all of the form, or nothing of it."""
        found = await self._find(visit)
        try:
            name = self._read_name(visit)
            images = await self._read_images(visit)
            profile = self._read_profile(visit, found["profile"], images)
            await self._database.write(lambda tx: self._keep(visit, tx, name, profile, list(images.values())))
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
        changes |= {field: image.digest if image else "" for field, image in images.items()}
        return change_profile(profile, changes)

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


def _renamed(refusal: Refusal) -> Refusal:
    details = tuple((_FIELDS.get(field, field), sentence) for field, sentence in refusal.details)
    return Refusal(refusal.kind, refusal.message, details=details)
