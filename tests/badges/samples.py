"""Credentials to sign, without a database."""

from credtrail.accounts.model import IssuerProfile
from credtrail.badges.desk import write_json
from credtrail.badges.keys import SigningKey
from credtrail.badges.model import (
    IssuerKey,
    StatusEntry,
    did_document,
    did_of,
    open_badge,
    status_list_address,
)
from credtrail.badges.presented import read_presented
from credtrail.badges.sign import sign_document
from credtrail.badges.status import status_list
from credtrail.badges.verify import Known
from credtrail.credentials.model import Credential, PublicView
from credtrail.designs.model import BUILT_IN
from credtrail.groups.model import Group

DOMAIN = "https://credentials.example"
LOOPBACK = "http://127.0.0.1:8000"
WORKSPACE = "01hrsvjp560yksep2a3bek3z97"
MADE_AT = 1_710_000_000_000
ENTRY = StatusEntry(1, 70_007)

GROUP = Group(
    "01hrsvjp560yksep2a3bek3z98",
    WORKSPACE,
    "مقدمة في علم النبات 植物学",
    "https://learning.example/botany?level=1&über=ja",
    (BUILT_IN[0].id,),
    MADE_AT,
    MADE_AT,
    'Thirty hours of "field work"\n\tand a written examination \\ report.',
    ("Botany", "نبات", "Botany"),
)
CREDENTIAL = Credential(
    id="01hrsvjp560yksep2a3bek3z99",
    public_id="0f5c8a8e-4a36-4c8c-9b0d-0f60a5a2c3de",
    workspace_id=WORKSPACE,
    group_id=GROUP.id,
    status="issued",
    recipient_id="01hrsvjp560yksep2a3bek3z9a",
    recipient_name="Robin Ñandú 🌿",
    recipient_email="Robin@learner.example",
    issue_date="2024-03-12",
    expiry_date="2099-03-12",
    custom_attributes={},
    created_at=MADE_AT,
    updated_at=MADE_AT,
    evidence=[{"name": "Herbarium", "url": "https://evidence.example/ a|b"}],
)
PROFILE = IssuerProfile("https://meadow.example", "hello@meadow.example", logo_digest="ab" * 32)
VIEW = PublicView(CREDENTIAL, GROUP, "Open Meadow Academy", "Asia/Tokyo", PROFILE)


class Issuer:
    """An issuer with a key, under a public URL, and what others can find out of it."""

    def __init__(self, public_url=DOMAIN, view=VIEW):
        self.public_url = public_url
        self.view = view
        self.key = SigningKey.make()
        self.did = did_of(public_url, WORKSPACE, self.key.id)
        self.list_address = status_list_address(public_url, WORKSPACE, self.did, ENTRY.list_number)

    def document(self, *, with_status=True):
        """The credential, unsigned."""
        document = open_badge(self.view, self.public_url, self.did, ENTRY)
        if not with_status:
            del document["credentialStatus"]
        return document

    def signed(self, *, with_status=True):
        """The credential with its proof."""
        return sign_document(self.document(with_status=with_status), self.key, self.did, MADE_AT)

    def status_list(self, positions=()):
        """Its status list, signed."""
        return sign_document(
            status_list(self.list_address, self.did, positions, MADE_AT), self.key, self.did, MADE_AT
        )

    def documents(self, positions=()):
        """What is at its addresses."""
        found = {self.list_address: self.status_list(positions)}
        if self.did.startswith("did:web:"):
            found[self.did] = did_document(self.did, [IssuerKey(self.key.id, MADE_AT)])
        return found

    def known(self, positions=()):
        """The same, for our own verifier."""
        lists = {self.list_address: read_presented(write_json(self.status_list(positions)))}
        return Known({self.did: self.documents().get(self.did)}, lists, {self.did: "Open Meadow Academy"})
