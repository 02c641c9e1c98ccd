"""/v1/images: pictures for designs and for attributes. Wired by `app`."""

import asyncio

from msgspec import Struct

from credtrail.accounts.store import (
    delete_image,
    find_uploaded_image,
    list_images,
)
from credtrail.database import Database, Transaction
from credtrail.database.idempotency import once
from credtrail.designs.acts import keep_image
from credtrail.designs.model import ImageAnswer
from credtrail.designs.uploads import LARGEST_BYTES, MEDIA_TYPES, read_upload
from credtrail.errors import Refusal, invalid
from credtrail.values import Answer, answer
from credtrail.web.endpoint import Call, Endpoint
from credtrail.web.paging import Cursors, PageQuery, Pagination

_AT_ONCE = 2


class ImagesPage(Struct):
    """One page of images, the latest first."""

    data: list[ImageAnswer]
    pagination: Pagination


class Images:
    """Uploaded images of the caller's workspace."""

    def __init__(self, database: Database, cursors: Cursors) -> None:
        self._database = database
        self._cursors = cursors
        self._turns = asyncio.Semaphore(_AT_ONCE)

    def endpoints(self) -> list[Endpoint]:
        """The routes of this face."""
        return [
            Endpoint(
                "GET", "/images", self.list_page, "List images", ImagesPage, query=PageQuery, tag="Designs"
            ),
            Endpoint(
                "POST",
                "/images",
                self.create,
                "Upload an image",
                ImageAnswer,
                201,
                body=bytes,
                refusals=("conflict",),
                description="The body is the picture itself, of at most 8 MB (SVG: 1 MB) and 4,096 pixels a side. What is "
                "kept is written anew, without metadata, at most 2,400 pixels wide or high; an SVG is drawn "
                "once. The same picture has the same id.",
                tag="Designs",
                takes=MEDIA_TYPES,
                body_limit_bytes=LARGEST_BYTES,
            ),
            Endpoint(
                "GET",
                "/images/{id}",
                self.get,
                "Get an image",
                None,
                refusals=("not_found",),
                tag="Designs",
                media_types=("image/png", "image/jpeg"),
            ),
            Endpoint(
                "DELETE",
                "/images/{id}",
                self.delete,
                "Delete an image",
                None,
                204,
                refusals=("not_found", "conflict"),
                description="One that a design shows, or that is the issuer's logo or signature, is a conflict. "
                "Credentials that have it in an attribute are drawn without it.",
                tag="Designs",
            ),
        ]

    async def list_page(self, call: Call) -> Answer:
        """The workspace's uploaded images, the latest first."""
        workspace_id = call.caller.workspace_id
        scope = ("images", workspace_id)
        slice_ = self._cursors.read(call.query.cursor, call.query.limit, scope)
        found = await self._database.read(
            lambda transaction: list_images(transaction, workspace_id, **slice_._asdict())
        )
        page, pagination = self._cursors.page(found, slice_, scope, lambda image: image.key)
        return answer(200, ImagesPage([ImageAnswer(*image[:-1]) for image in page], pagination))

    async def create(self, call: Call) -> Answer:
        """Read the picture, write it anew, keep that."""
        async with self._turns:  # each may take some seconds and many megabytes
            try:
                image = await asyncio.to_thread(read_upload, call.body)
            except ValueError as problem:
                raise invalid("body", str(problem).removeprefix("The picture ").rstrip(".")) from None

        def keep(transaction: Transaction) -> tuple[Answer, str | None]:
            shape = keep_image(transaction, call.caller.workspace_id, image)
            return answer(201, ImageAnswer(image.digest, *shape, len(image.content))), None

        return await self._database.write(
            lambda transaction: once(transaction, call.idempotency_key, lambda: keep(transaction))
        )

    async def get(self, call: Call) -> Answer:
        """The picture as it is kept."""
        image = await self._database.read(
            lambda transaction: find_uploaded_image(transaction, call.caller.workspace_id, call.path["id"])
        )
        if image is None:
            raise Refusal("not_found")
        headers = (("content-type", image.media_type), ("x-content-type-options", "nosniff"))
        return Answer(200, image.content, headers)

    async def delete(self, call: Call) -> Answer:
        """Delete for good."""
        workspace_id, id_ = call.caller.workspace_id, call.path["id"]

        def act(transaction: Transaction) -> Answer:
            if find_uploaded_image(transaction, workspace_id, id_) is None:
                raise Refusal("not_found")
            if not delete_image(transaction, workspace_id, id_):
                raise Refusal(
                    "conflict", "An image that a design or the issuer's profile shows can't be deleted"
                )
            return Answer(204, b"")

        return await self._database.write(act)
