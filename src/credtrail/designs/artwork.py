"""Everything that a picture of a credential needs, as plain values. Pure. Made by `pages.documents`, drawn by `render`."""

import json
from collections.abc import Mapping
from functools import lru_cache
from hashlib import sha256
from typing import Any, Literal, NamedTuple

from credtrail.accounts.model import IssuerProfile
from credtrail.designs.document import digest_document, placeholders_of, read_document
from credtrail.designs.model import BUILT_IN, Design, find_design
from credtrail.designs.words import words_in, write_day

VERSION = 2
"""Of the looks, the words and the fonts together: raised when any of them changes what is drawn, so that every
address of a document changes with it."""


class Own(NamedTuple):
    """What an own design draws: its type, the digest of its document, the values of the placeholders in it."""

    type: Literal["certificate", "badge"]
    document_digest: str
    values: tuple[tuple[str, str], ...]


class Artwork(NamedTuple):
    """A credential as it is drawn. Dates are ISO days; `brand_color` is `#rrggbb`; images are named by digest.

    `url` is the address of the credential's page, printed and as a QR code. `language` is that of the document's own
    words (ISO 639-1). `own` is there for designs that are not built in.
    """

    design_id: str
    title: str
    recipient_name: str
    issuer_name: str
    issue_date: str
    url: str
    expiry_date: str | None = None
    language: str = "en"
    brand_color: str = "#14594b"
    logo_digest: str | None = None
    signature_digest: str | None = None
    signatory_name: str | None = None
    signatory_title: str | None = None
    own: Own | None = None


@lru_cache(maxsize=1_024)
def digest_of(artwork: Artwork) -> str:
    """32 hexadecimal digits that change whenever the drawn document would: part of its address."""
    drawn = artwork if artwork.own else artwork[:-1]
    return sha256(json.dumps([VERSION, *drawn]).encode()).hexdigest()[:32]


@lru_cache(maxsize=1_024)
def describe(artwork: Artwork) -> str:
    """What the picture shows, in words: `Certificate: Botany, presented to Robin – Meadow, 12 March 2024`."""
    words = words_in(artwork.language)
    design = artwork.own or find_design(artwork.design_id)
    kind = words.badge if design is not None and design.type == "badge" else words.certificate
    day = write_day(artwork.issue_date, artwork.language)
    return f"{kind}: {artwork.title}, {words.presented_to} {artwork.recipient_name} – {artwork.issuer_name}, {day}"


def artwork_of(
    design: Design,
    issuer_name: str,
    profile: IssuerProfile,
    public_id: str,
    custom_attributes: Mapping[str, str],
    *,
    recipient_email: str | None = None,
    **told: Any,
) -> Artwork:
    """A credential in this design; `told` are the further fields of an Artwork."""
    artwork = Artwork(
        design.id,
        issuer_name=issuer_name,
        brand_color=profile.brand_color,
        logo_digest=profile.logo_digest,
        signature_digest=profile.signature_digest,
        signatory_name=profile.signatory_name,
        signatory_title=profile.signatory_title,
        **told,
    )
    if design.document is None:
        return artwork
    values = {**_values(artwork, public_id, recipient_email), **custom_attributes}
    wanted = placeholders_of(read_document(design.document))
    drawn = tuple((name, values[name]) for name in wanted if values.get(name))
    return artwork._replace(own=Own(design.type, digest_document(design.document), drawn))


def _values(artwork: Artwork, public_id: str, recipient_email: str | None) -> dict[str, str]:
    """What stands for the placeholders that every credential has."""
    language, expires = artwork.language, artwork.expiry_date
    return {
        "recipient.name": artwork.recipient_name,
        "recipient.email": recipient_email or "",
        "group.name": artwork.title,
        "issuer.name": artwork.issuer_name,
        "certificate.issued_on": write_day(artwork.issue_date, language),
        "certificate.expires_on": write_day(expires, language) if expires else "",
        "certificate.uuid": public_id,
        "certificate.url": artwork.url,
        "signatory.name": artwork.signatory_name or "",
        "signatory.title": artwork.signatory_title or "",
    }


_SAMPLE_ISSUER = "Open Meadow Academy"
_SAMPLE_PROFILE = IssuerProfile(signatory_name="Registrar of the Academy")
_SAMPLE_EMAIL = "robin@learner.example"
_SAMPLE_EXPIRY = "2028-11-23"
_SAMPLE_ID = "0f5c8a8e-4a36-4c8c-9b0d-0f60a5a2c3de"


def sample_of(
    design: Design, issuer_name: str = _SAMPLE_ISSUER, profile: IssuerProfile = _SAMPLE_PROFILE
) -> Artwork:
    """A design filled with made-up data: what the API shows of it. Custom attributes stand as placeholders."""
    wanted = placeholders_of(read_document(design.document)) if design.document else ()
    return artwork_of(
        design,
        issuer_name,
        profile,
        _SAMPLE_ID,
        {name: f"[{name}]" for name in wanted if name.startswith("custom.")},
        title="Introduction to Botany",
        recipient_name="Robin Ñandú",
        recipient_email=_SAMPLE_EMAIL,
        issue_date="2026-11-23",
        url="https://credentials.example/credentials/sample",
    )


def proof_of(design: Design, issuer_name: str, profile: IssuerProfile, recipient_name: str) -> Artwork:
    """An own design with made-up data for a recipient of this name, in the workspace's language: what an editor shows."""
    sample = sample_of(design, issuer_name, profile)
    values = {**sample_values(issuer_name, profile), "recipient.name": recipient_name}
    wanted = placeholders_of(read_document(design.document or ""))
    drawn = tuple((name, values.get(name, f"[{name}]")) for name in wanted if values.get(name, f"[{name}]"))
    own = Own(design.type, digest_document(design.document or ""), drawn)
    return sample._replace(
        recipient_name=recipient_name, language=profile.language, expiry_date=_SAMPLE_EXPIRY, own=own
    )


def sample_values(issuer_name: str, profile: IssuerProfile) -> dict[str, str]:
    """What `proof_of` puts in place of the placeholders that every credential has, in their order."""
    design = BUILT_IN[0]
    sample = sample_of(design, issuer_name, profile)
    told = sample._replace(language=profile.language, expiry_date=_SAMPLE_EXPIRY)
    return _values(told, _SAMPLE_ID, _SAMPLE_EMAIL)


def sample_path(design: Design, sample: Artwork) -> str:
    """Where its picture is served."""
    return f"/designs/{digest_of(sample)}/{design.slug}.png"
