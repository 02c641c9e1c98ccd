"""The built-in looks told as documents, as near as boxes come to them: what an editor begins with. Called by the face."""

from functools import lru_cache
from pathlib import Path

from credtrail.designs.document import Document, read_document

_LOOKS = Path(__file__).parent / "looks"


@lru_cache
def read_example(look: str) -> Document:
    """The document that looks much like a built-in design."""
    return read_document((_LOOKS / f"{look}.json").read_text())
