"""What is known of a person, as a file for them, and its erasure. Wired by `app`."""

from contextlib import suppress

from msgspec.json import encode, format
from starlette.responses import Response

from credtrail.credentials.links import page_address
from credtrail.credentials.store import list_of_address
from credtrail.dashboard.credential_words import counted
from credtrail.dashboard.door import View, Visit
from credtrail.database import Transaction
from credtrail.designs.press import Press
from credtrail.errors import Refusal, invalid
from credtrail.interactions.fold import FoldedDatabase
from credtrail.interactions.log import Log
from credtrail.interactions.persons import describe_person, erase_person


class Persons:
    """For admins."""

    def __init__(self, database: FoldedDatabase, log: Log, press: Press, public_url: str) -> None:
        self._database = database
        self._log = log
        self._press = press
        self._public_url = public_url

    def views(self) -> list[View]:
        """Find, export, erase. The address travels in forms, never in a path: paths are logged on the way."""
        path = "/w/{workspace_id}/persons"
        return [
            View("GET", path, self.show, "admin"),
            View("POST", path, self.find, "admin"),
            View("POST", path + "/export", self.export, "admin"),
            View("POST", path + "/erase", self.erase, "admin"),
        ]

    async def show(self, visit: Visit) -> Response:
        """Ask for the address."""
        return visit.page("persons.html", problems={}, email="", found=None)

    async def find(self, visit: Visit) -> Response:
        """The person's credentials."""
        email = visit.text("email")
        found = await self._database.read(lambda tx: list_of_address(tx, visit.workspace_id, email))
        return visit.page("persons.html", problems={}, email=email, found=found)

    async def export(self, visit: Visit) -> Response:
        """All that is known, as a JSON file. Who exported is written down, but not whom: the log outlives an erasure."""
        email = visit.text("email")

        def describe(transaction: Transaction) -> bytes:
            known = describe_person(transaction, self._log, visit.workspace_id, email)
            return format(encode(known), indent=2)

        headers = {"content-disposition": 'attachment; filename="person.json"', "cache-control": "no-store"}
        await self._database.write(lambda tx: visit.note(tx, "person_exported", ""))
        body = await self._database.read(describe)
        return Response(body, media_type="application/json", headers=headers)

    async def erase(self, visit: Visit) -> Response:
        """All of it goes for good, once the address was typed again."""
        email = visit.text("email")
        if visit.text("confirm").lower() != email.lower():
            found = await self._database.read(lambda tx: list_of_address(tx, visit.workspace_id, email))
            refusal: Refusal = invalid("confirm", "is not the person's address; nothing was erased")
            return visit.again("persons.html", refusal, email=email, found=found)

        def act(transaction: Transaction) -> list[str]:
            gone = erase_person(transaction, visit.workspace_id, email)
            visit.note(transaction, "person_erased", "", counted(len(gone), "credential"))
            return gone

        gone = await self._database.write(act)
        with suppress(Refusal):  # else within a second
            await self._database.fold()
        for public_id in gone:
            await self._press.forget(page_address(self._public_url, public_id))
        return visit.go(
            f"{visit.home}/persons",
            f"Erased: {counted(len(gone), 'credential')} with all that belonged to {'it' if len(gone) == 1 else 'them'}",
        )
