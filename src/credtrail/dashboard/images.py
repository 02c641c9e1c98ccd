"""The workspace's uploaded pictures, for the design editor to list, add and show. Wired by `app`."""

import asyncio
from typing import Any

from msgspec.json import encode
from starlette.responses import Response

from credtrail.accounts.store import find_uploaded_image, list_images
from credtrail.dashboard.door import View, Visit
from credtrail.database import Database, Transaction
from credtrail.designs.acts import keep_image
from credtrail.designs.uploads import LARGEST_BYTES, read_upload
from credtrail.errors import Refusal, invalid

_ON_A_PAGE = 60
_FORM_BYTES = 65_536
"""What a form has beside the file."""
_AT_ONCE = 2
_KEPT = {"cache-control": "private, max-age=31536000, immutable", "x-content-type-options": "nosniff"}


class ImageList:
    """Pictures that designs show."""

    def __init__(self, database: Database) -> None:
        self._database = database
        self._turns = asyncio.Semaphore(_AT_ONCE)

    def views(self) -> list[View]:
        """Everybody sees them, editors add to them."""
        path = "/w/{workspace_id}/images"
        return [
            View("GET", path, self.list),
            View("POST", path, self.add, "editor", upload_bytes=LARGEST_BYTES + _FORM_BYTES),
            View("GET", path + "/{digest}", self.show),
        ]

    async def list(self, visit: Visit) -> Response:
        """The latest first, as JSON, with the address of those before."""
        slice_ = visit.slice(_ON_A_PAGE, "images")
        found = await self._database.read(
            lambda transaction: list_images(transaction, visit.workspace_id, **slice_._asdict())
        )
        page, around = visit.page_of(found, slice_, "images", id_of=lambda image: image.key)
        shown = [{"id": image.digest, "width": image.width, "height": image.height} for image in page]
        return tell({"images": shown, "older": around["older"]})

    async def add(self, visit: Visit) -> Response:
        """Keep an uploaded picture; what it is, as JSON."""
        try:
            upload = visit.upload("image")
            if upload is None:
                raise invalid("image", "must be a file")
            raw = await upload.read()
            async with self._turns:  # each may take some seconds and many megabytes
                image = await asyncio.to_thread(read_upload, raw)
        except ValueError as problem:
            return tell_refusal(Refusal("validation_error", str(problem)))
        except Refusal as refusal:
            return tell_refusal(refusal)

        def keep(transaction: Transaction) -> dict[str, Any]:
            shape = keep_image(transaction, visit.workspace_id, image)
            return {"id": image.digest, "width": shape.width, "height": shape.height}

        try:
            return tell(await self._database.write(keep))
        except Refusal as refusal:
            return tell_refusal(refusal)

    async def show(self, visit: Visit) -> Response:
        """The picture as it is kept."""
        digest = visit.path("digest")
        image = await self._database.read(
            lambda transaction: find_uploaded_image(transaction, visit.workspace_id, digest)
        )
        if image is None:
            raise Refusal("not_found")
        return Response(image.content, media_type=image.media_type, headers=_KEPT)


def tell(value: Any, status: int = 200) -> Response:
    """An answer to a script of ours."""
    return Response(
        encode(value), status, media_type="application/json", headers={"cache-control": "no-store"}
    )


def tell_refusal(refusal: Refusal, **more: Any) -> Response:
    """A refusal to a script of ours: the sentence, and the fields with theirs."""
    details = [{"field": field, "message": sentence} for field, sentence in refusal.details]
    return tell({"message": refusal.message, "details": details, **more}, refusal.status)
