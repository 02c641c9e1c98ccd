"""Ed25519 keys: making, writing down, signing, checking. Pure but for the randomness of new ones.

A public key is written as a Multikey: `z`, then base58 of 0xed 0x01 and the 32 bytes. Sources: RFC 8032, W3C Controlled
Identifiers 1.0 (Multikey), RFC 7515 (compact signatures), RFC 8037 (EdDSA in them).
"""

import json
from base64 import urlsafe_b64decode, urlsafe_b64encode
from typing import Any

from cryptography.exceptions import InvalidSignature
from cryptography.hazmat.primitives.asymmetric.ec import ECDSA, SECP256R1, EllipticCurvePublicKey
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey, Ed25519PublicKey
from cryptography.hazmat.primitives.asymmetric.utils import encode_dss_signature
from cryptography.hazmat.primitives.hashes import SHA256

_ALPHABET = "123456789ABCDEFGHJKLMNPQRSTUVWXYZabcdefghijkmnopqrstuvwxyz"
_VALUES = {character: number for number, character in enumerate(_ALPHABET)}
_ED25519 = b"\xed\x01"
_P256 = b"\x80\x24"
_MOST_BASE58 = 200

PublicKey = Ed25519PublicKey | EllipticCurvePublicKey


class SigningKey:
    """A private key, opened; `id` is its public half as a Multikey."""

    def __init__(self, private: Ed25519PrivateKey) -> None:
        self._private = private
        self.id = write_multikey(private.public_key())

    @classmethod
    def make(cls) -> "SigningKey":
        """A new one."""
        return cls(Ed25519PrivateKey.generate())

    @classmethod
    def read(cls, text: str) -> "SigningKey":
        """One from what `write` made of it."""
        return cls(Ed25519PrivateKey.from_private_bytes(bytes.fromhex(text)))

    def write(self) -> str:
        """The private half, to be sealed."""
        return self._private.private_bytes_raw().hex()

    def sign(self, content: bytes) -> bytes:
        """64 bytes; the same for the same content."""
        return self._private.sign(content)


def write_multikey(key: Ed25519PublicKey) -> str:
    """The public key as text."""
    return "z" + write_base58(_ED25519 + key.public_bytes_raw())


def read_multikey(text: str) -> PublicKey:
    """Ed25519 and P-256. Raises ValueError for anything else."""
    raw = read_base58(text[1:]) if text.startswith("z") else b""
    if raw.startswith(_ED25519) and len(raw) == 34:
        return Ed25519PublicKey.from_public_bytes(raw[2:])
    if raw.startswith(_P256) and len(raw) == 35:
        return EllipticCurvePublicKey.from_encoded_point(SECP256R1(), raw[2:])
    raise ValueError("it is neither an Ed25519 nor a P-256 key")


def read_jwk(jwk: dict[str, Any]) -> PublicKey:
    """A public key of a DID document that is written as a JWK. Raises ValueError."""
    try:
        x = read_base64url(jwk["x"])
        if (jwk.get("kty"), jwk.get("crv")) == ("OKP", "Ed25519"):
            return Ed25519PublicKey.from_public_bytes(x)
        if (jwk.get("kty"), jwk.get("crv")) == ("EC", "P-256"):
            return EllipticCurvePublicKey.from_encoded_point(
                SECP256R1(), b"\x04" + x + read_base64url(jwk["y"])
            )
    except (KeyError, TypeError, AttributeError) as problem:
        raise ValueError("it is not a JWK") from problem
    raise ValueError("it is neither an Ed25519 nor a P-256 key")


def is_signed(key: PublicKey, signature: bytes, content: bytes) -> bool:
    """Whether this key made this signature; for P-256 over SHA-256, as two numbers of 32 bytes each."""
    try:
        if isinstance(key, Ed25519PublicKey):
            key.verify(signature, content)
        elif len(signature) != 64:
            return False
        else:
            halves = int.from_bytes(signature[:32]), int.from_bytes(signature[32:])
            key.verify(encode_dss_signature(*halves), content, ECDSA(SHA256()))
    except InvalidSignature:
        return False
    return True


def sign_compact(key: SigningKey, header: dict[str, str], payload: dict[str, Any]) -> str:
    """A compact signature over the payload as JSON."""
    parts = [
        write_base64url(json.dumps(one, ensure_ascii=False, separators=(",", ":")).encode())
        for one in (header, payload)
    ]
    signed = ".".join(parts)
    return f"{signed}.{write_base64url(key.sign(signed.encode()))}"


def write_base64url(raw: bytes) -> str:
    """Without padding."""
    return urlsafe_b64encode(raw).decode().rstrip("=")


def read_base64url(text: str) -> bytes:
    """Raises ValueError for other characters, and for padding."""
    if not text.isascii() or not text.replace("-", "").replace("_", "").isalnum():
        raise ValueError("it is not base64url")
    return urlsafe_b64decode(text + "=" * (-len(text) % 4))


def write_base58(raw: bytes) -> str:
    """Bitcoin's alphabet; leading zero bytes are ones."""
    number, digits = int.from_bytes(raw), ""
    while number:
        number, digit = divmod(number, 58)
        digits = _ALPHABET[digit] + digits
    return "1" * (len(raw) - len(raw.lstrip(b"\x00"))) + digits


def read_base58(text: str) -> bytes:
    """Raises ValueError for other characters, and for more than any key or signature has."""
    if len(text) > _MOST_BASE58 or any(character not in _VALUES for character in text):
        raise ValueError("it is not base58")
    number = 0
    for character in text:
        number = number * 58 + _VALUES[character]
    zeros = len(text) - len(text.lstrip("1"))
    return b"\x00" * zeros + number.to_bytes((number.bit_length() + 7) // 8)
