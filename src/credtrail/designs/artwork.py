"""Everything that a picture of a credential needs, as plain values. Pure. Made by `pages.documents`, drawn by `render`."""

import json
from functools import lru_cache
from hashlib import sha256
from typing import NamedTuple

from credtrail.designs.model import Design, find_design
from credtrail.designs.words import words_in, write_day

VERSION = 1
"""Of the looks, the words and the fonts together: raised when any of them changes what is drawn, so that every
address of a document changes with it."""


class Artwork(NamedTuple):
    """A credential as it is drawn. Dates are ISO days; `brand_color` is `#rrggbb`; images are named by digest.

    `url` is the address of the credential's page, printed and as a QR code. `language` is that of the document's own
    words (ISO 639-1).
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


@lru_cache(maxsize=1_024)
def digest_of(artwork: Artwork) -> str:
    """32 hexadecimal digits that change whenever the drawn document would: part of its address."""
    return sha256(json.dumps([VERSION, *artwork]).encode()).hexdigest()[:32]


@lru_cache(maxsize=1_024)
def describe(artwork: Artwork) -> str:
    """What the picture shows, in words: `Certificate: Botany, presented to Robin – Meadow, 12 March 2024`."""
    words = words_in(artwork.language)
    design = find_design(artwork.design_id)
    kind = words.badge if design is not None and design.type == "badge" else words.certificate
    day = write_day(artwork.issue_date, artwork.language)
    return f"{kind}: {artwork.title}, {words.presented_to} {artwork.recipient_name} – {artwork.issuer_name}, {day}"


def sample_of(design: Design) -> Artwork:
    """A design filled with made-up data, the same everywhere: what the API shows of it."""
    return Artwork(
        design.id,
        title="Introduction to Botany",
        recipient_name="Robin Ñandú",
        issuer_name="Open Meadow Academy",
        issue_date="2026-11-23",
        url="https://credentials.example/credentials/sample",
        signatory_name="Registrar of the Academy",
    )


def sample_path(design: Design) -> str:
    """Where its picture is served."""
    return f"/designs/{digest_of(sample_of(design))}/{design.slug}.png"
