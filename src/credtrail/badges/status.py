"""Status lists: one bit for each credential, set when it isn't to be relied on any more. Pure.

Source: W3C Bitstring Status List 1.0.
"""

import gzip
import zlib
from base64 import urlsafe_b64decode
from collections.abc import Iterable
from hashlib import sha256
from typing import Any

from credtrail.badges.keys import write_base64url
from credtrail.badges.model import VC_CONTEXT, moment_text
from credtrail.values import Moment

SIZE = 131_072
"""Bits in a list: so many that one of them tells nobody whose credential is meant."""
_MOST_BYTES = 4 * 1_048_576


def position_of(public_id: str, list_number: int, try_number: int) -> int:
    """A place in a list that nobody could have guessed, since public ids are random.

    The same again when it is asked for anew, so that a database that was restored gives a credential the place it had.
    """
    digest = sha256(f"status:{list_number}:{try_number}:{public_id}".encode()).digest()
    return int.from_bytes(digest[:8]) % SIZE


def encode_bits(positions: Iterable[int]) -> str:
    """The list with these bits set: multibase base64url of the gzipped bits, the first bit leftmost."""
    bits = bytearray(SIZE // 8)
    for position in positions:
        bits[position // 8] |= 128 >> position % 8
    return "u" + write_base64url(gzip.compress(bytes(bits), mtime=0))


def read_bit(encoded: str, position: int) -> bool:
    """Whether the bit is set. Raises ValueError for what isn't such a list, or has no such place."""
    if not encoded.startswith("u"):
        raise ValueError("the list is not multibase base64url")
    text = encoded[1:].rstrip("=")
    unzip = zlib.decompressobj(31)
    try:
        bits = unzip.decompress(urlsafe_b64decode(text + "=" * (-len(text) % 4)), _MOST_BYTES)
    except zlib.error as problem:
        raise ValueError("the list is not gzipped") from problem
    if unzip.unconsumed_tail or not 0 <= position < len(bits) * 8:
        raise ValueError("the list has no such place")
    return bool(bits[position // 8] & 128 >> position % 8)


def status_list(address: str, did: str, positions: Iterable[int], at: Moment) -> dict[str, Any]:
    """The list as a credential, without its proof.

    Assumed: reinstating clears the bit again, although the standard's purpose `revocation` is final; the one list that
    Open Badges has room for is for both, and only deleting is for good.
    """
    return {
        "@context": [VC_CONTEXT],
        "id": address,
        "type": ["VerifiableCredential", "BitstringStatusListCredential"],
        "issuer": did,
        "validFrom": moment_text(at),
        "credentialSubject": {
            "id": f"{address}#list",
            "type": "BitstringStatusList",
            "statusPurpose": "revocation",
            "encodedList": encode_bits(positions),
        },
    }
