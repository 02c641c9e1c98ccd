"""Credentials within pictures and documents: put in, and found again. Pure.

What is read here comes from anybody: sizes are bounded, and nothing in it is followed. Source: Open Badges 3.0, section 9
(baking); PNG, iTXt; ISO 32000, embedded files.
"""

import re
import struct
import zlib
from html import escape
from typing import Literal
from xml.parsers.expat import ExpatError, ParserCreate

Container = Literal["json", "jwt", "png", "svg", "pdf"]

_PNG = b"\x89PNG\r\n\x1a\n"
_KEYWORD = b"openbadgecredential"
_NAMESPACE = "https://purl.imsglobal.org/ob/v3p0"
_MOST_BYTES = 1_048_576
"""Of a credential that is taken out."""
_MOST_BYTES_OF_PDF = 64 * _MOST_BYTES
"""So much of a PDF is looked at, as it is and unpacked."""
_STREAM = re.compile(rb"stream\r?\n")
_END = b"endstream"
_JWT = re.compile(r"[\w-]+\.[\w-]+\.[\w-]+", re.ASCII)


class NothingBakedError(ValueError):
    """There is no credential in it, or it can't be read."""


class OversizeError(NothingBakedError):
    """What is in it is larger than a credential ever is, or it would take too long to look through."""


def bake_png(picture: bytes, credential: str) -> bytes:
    """The picture with the credential in it, as one uncompressed iTXt chunk after the header."""
    header_end = len(_PNG) + 25
    body = _KEYWORD + b"\x00\x00\x00\x00\x00" + credential.encode()
    chunk = struct.pack(">I", len(body)) + b"iTXt" + body + struct.pack(">I", zlib.crc32(b"iTXt" + body))
    return picture[:header_end] + chunk + picture[header_end:]


def bake_svg(drawing: bytes, credential: str) -> bytes:
    """The drawing with the credential in it: JSON as character data, a JWT as an attribute."""
    if _JWT.fullmatch(credential):
        element = f'<openbadges:credential verify="{escape(credential)}"/>'
    else:
        # The same JSON: the sign that would end the character data can only stand in a text.
        written = credential.replace("]]>", "]]\\u003e")
        element = f"<openbadges:credential><![CDATA[{written}]]></openbadges:credential>"
    start = drawing.index(b"<svg")
    end = drawing.index(b">", start) + 1
    opened = drawing[start : end - 1] + f' xmlns:openbadges="{_NAMESPACE}">'.encode()
    return drawing[:start] + opened + element.encode() + drawing[end:]


def take_out(content: bytes) -> tuple[Container, str]:
    """What it is, and the credential in it as text. Raises NothingBakedError.

    JSON and JWT are given back as they are.
    """
    if content.startswith(_PNG):
        return "png", _from_png(content)
    if content.startswith(b"%PDF-"):
        return "pdf", _from_pdf(content)
    try:
        text = content.decode("utf-8-sig").strip()
    except UnicodeDecodeError:
        raise NothingBakedError from None
    if text.startswith("<"):
        return "svg", _from_svg(content)
    if len(content) > _MOST_BYTES:
        raise OversizeError
    return ("jwt" if _JWT.fullmatch(text) else "json"), text


def _from_png(picture: bytes) -> str:
    place = len(_PNG)
    while place + 12 <= len(picture):
        length, kind = struct.unpack(">I4s", picture[place : place + 8])
        body = picture[place + 8 : place + 8 + length]
        if kind == b"iTXt" and body.startswith(_KEYWORD + b"\x00"):
            return _read_text(body[len(_KEYWORD) + 1 :])
        if kind == b"IEND":
            break
        place += length + 12
    raise NothingBakedError


def _read_text(body: bytes) -> str:
    """Compression flag and method, language and translated keyword, each ended by a zero, then the text."""
    is_compressed, rest = body[:1] == b"\x01", body[2:]
    parts = rest.split(b"\x00", 2)
    if len(parts) != 3:
        raise NothingBakedError
    return _decode(_inflate(parts[2]) if is_compressed else parts[2])


def _from_svg(drawing: bytes) -> str:
    found: list[str] = []
    parser = ParserCreate(namespace_separator=" ")
    is_inside = False

    def begin(name: str, attributes: dict[str, str]) -> None:
        nonlocal is_inside
        if name == f"{_NAMESPACE} credential" and not found:
            is_inside = True
            found.append(attributes.get("verify", ""))

    def end(name: str) -> None:
        nonlocal is_inside
        is_inside = is_inside and name != f"{_NAMESPACE} credential"

    def text(piece: str) -> None:
        if is_inside:
            found.append(piece)

    def look_at_type(_name: str, _system: object, _public: object, has_definitions: int) -> None:
        if has_definitions:  # of entities, which can grow without end; what stands elsewhere is never fetched
            raise NothingBakedError

    parser.StartElementHandler, parser.EndElementHandler = begin, end
    parser.CharacterDataHandler, parser.StartDoctypeDeclHandler = text, look_at_type
    try:
        parser.Parse(drawing, True)
    except ExpatError:
        raise NothingBakedError from None
    return _decode("".join(found).strip().encode())


def _from_pdf(document: bytes) -> str:
    """The first embedded file that looks like a credential.

    Its streams are looked through one after the other, which needs no reader of PDF with all that it can be led to do;
    an encrypted document has none that can be read so.
    """
    place, budget = 0, _MOST_BYTES_OF_PDF
    while budget > 0:
        begin = _STREAM.search(document, place)
        end = document.find(_END, begin.end()) if begin else -1
        if begin is None or end < 0:
            break
        place = end + len(_END)
        raw = document[begin.end() : min(end, begin.end() + _MOST_BYTES)]
        unpacked = _try_to_inflate(raw)
        for text in (raw, unpacked or b""):
            if text.lstrip().startswith(b"{") and b"VerifiableCredential" in text:
                return _decode(text)
        budget -= len(raw) + (_MOST_BYTES if unpacked is None else len(unpacked))
    raise NothingBakedError if budget > 0 else OversizeError


def _try_to_inflate(raw: bytes) -> bytes | None:
    """Nothing where it isn't compressed; None where it holds more than a credential may, or breaks off."""
    if len(raw) < 2 or raw[0] & 15 != 8 or (raw[0] << 8 | raw[1]) % 31:
        return b""
    try:
        return _inflate(raw)
    except NothingBakedError:
        return None


def _inflate(raw: bytes) -> bytes:
    unzip = zlib.decompressobj()
    try:
        content = unzip.decompress(raw, _MOST_BYTES)
    except zlib.error:
        raise NothingBakedError from None
    if unzip.unconsumed_tail:
        raise OversizeError
    return content


def _decode(raw: bytes) -> str:
    if len(raw) > _MOST_BYTES:
        raise OversizeError
    try:
        text = raw.decode().strip()
    except UnicodeDecodeError:
        raise NothingBakedError from None
    if not text:
        raise NothingBakedError
    return text
