"""Robin at a device: asks for codes, reads the mailbox, proves, decides; and a guest beside."""

import re
from dataclasses import dataclass, field
from typing import Any

import pytest
from sqlalchemy import select

from conftest import in_transaction
from credtrail.accounts.model import IssuerProfile
from credtrail.accounts.store import save_profile
from credtrail.mail.notice_store import notices

ROBIN = "robin@learner.example"
HERE = {"Origin": "http://testserver"}


@dataclass
class Device:
    """One browser on one credential's page."""

    client: Any
    settings: Any
    public_id: str
    proof: str = ""
    challenge: str = ""
    headers: dict[str, str] = field(default_factory=lambda: dict(HERE))

    @property
    def path(self) -> str:
        """Of the page."""
        return f"/credentials/{self.public_id}"

    def send(self, name: str, body: dict[str, Any]) -> Any:
        """What the page's script sends."""
        proof = {"Credtrail-Proof": self.proof} if self.proof else {}
        return self.client.post(f"{self.path}/recipient/{name}", json=body, headers=self.headers | proof)

    def see(self, path: str = "") -> Any:
        """As its script asks for a page."""
        proof = {"Credtrail-Proof": self.proof} if self.proof else {}
        return self.client.get(self.path + path, headers=proof)

    def ask(self, email: str = ROBIN) -> Any:
        """For a code."""
        answer = self.send("code", {"email": email})
        self.challenge = answer.json().get("challenge", "")
        return answer

    def type(self, code: str) -> Any:
        """A code."""
        answer = self.send("proof", {"challenge": self.challenge, "code": code})
        self.proof = answer.json().get("proof", "")
        return answer

    def prove(self) -> "Device":
        """The whole way."""
        self.ask()
        assert self.type(latest_code(self.settings)).status_code == 201
        return self


def mails(settings, address: str = ROBIN) -> list[Any]:
    """Notices that wait for an address, oldest first."""
    query = select(notices).where(notices.c.address == address).order_by(notices.c.id)
    return in_transaction(settings, lambda tx: list(tx.connection.execute(query)))


def latest_code(settings) -> str:
    """The digits in the latest mail."""
    return re.search(r"^\d{6}$", mails(settings)[-1].body, re.M)[0]


def rows_of(settings, table) -> list[dict[str, Any]]:
    """All of a table."""
    return in_transaction(
        settings, lambda tx: [dict(r._mapping) for r in tx.connection.execute(select(table))]
    )


@pytest.fixture
def device(client, settings, cast):
    """Makes devices on a credential's page, Robin's unless another is named."""

    def make(public_id: str | None = None) -> Device:
        return Device(client, settings, public_id or cast.public_id)

    return make


@pytest.fixture
def allow(settings, cast):
    """Sets what verified owners may do."""

    def set_to(**changes: Any) -> None:
        profile = IssuerProfile(**changes)
        in_transaction(settings, lambda tx: save_profile(tx, cast.workspace_id, profile))

    return set_to
