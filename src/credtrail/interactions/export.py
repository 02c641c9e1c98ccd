"""Interactions as files: NDJSON, CSV, Parquet, streamed batch by batch. Called by `api.py`; knows no database."""

import csv
import io
from collections.abc import AsyncIterator
from typing import Any, Literal

from msgspec.json import Encoder
from msgspec.structs import astuple

from credtrail.errors import invalid
from credtrail.interactions.model import Interaction, InteractionAnswer, present_interaction
from credtrail.values import Stream

Format = Literal["ndjson", "csv", "parquet"]
Batches = AsyncIterator[list[Interaction]]

COLUMNS = ("id", "credentialId", "eventType", "triggeredBy", "triggeredAt")
_MEDIA_TYPES = {
    "ndjson": "application/x-ndjson",
    "csv": "text/csv; charset=utf-8",
    "parquet": "application/vnd.apache.parquet",
}
_FORMULA = ("=", "+", "-", "@", "\t", "\r")


def export_chunks(format_: Format, batches: Batches) -> Stream:
    """The file as a stream with its name and type. Parquet needs the optional package pyarrow, else 400."""
    chunks = {"ndjson": _ndjson, "csv": _csv, "parquet": _parquet}[format_]
    if format_ == "parquet":
        _import_pyarrow()
    return Stream(
        200,
        chunks(batches),
        (
            ("content-type", _MEDIA_TYPES[format_]),
            ("content-disposition", f'attachment; filename="credential-interactions.{format_}"'),
        ),
    )


async def _ndjson(batches: Batches) -> AsyncIterator[bytes]:
    encoder = Encoder()
    async for batch in batches:
        yield b"".join(encoder.encode(present_interaction(one)) + b"\n" for one in batch)


async def _csv(batches: Batches) -> AsyncIterator[bytes]:
    yield (",".join(COLUMNS) + "\r\n").encode()
    async for batch in batches:
        text = io.StringIO()
        csv.writer(text).writerows(map(_csv_row, map(present_interaction, batch)))
        yield text.getvalue().encode()


def _csv_row(interaction: InteractionAnswer) -> list[str]:
    """A foreign id may begin like a formula; the apostrophe keeps spreadsheets from running it."""
    return [f"'{cell}" if cell.startswith(_FORMULA) else cell for cell in astuple(interaction)]


async def _parquet(batches: Batches) -> AsyncIterator[bytes]:
    pyarrow, parquet = _import_pyarrow()
    millisecond = pyarrow.timestamp("ms", tz="UTC")
    schema = pyarrow.schema(
        [(name, millisecond if name == "triggeredAt" else pyarrow.string()) for name in COLUMNS]
    )
    sink = _Sink()
    with parquet.ParquetWriter(sink, schema, compression="zstd") as writer:
        async for batch in batches:
            rows = [
                (one.id, one.credential_id, one.event_type, one.triggered_by, one.triggered_at)
                for one in batch
            ]
            columns = [pyarrow.array(column, field.type) for column, field in zip(zip(*rows), schema)]  # noqa: B905
            writer.write_batch(pyarrow.record_batch(columns, schema=schema))
            yield sink.drain()
    yield sink.drain()


class _Sink(io.RawIOBase):
    """A file that is written at its end and emptied as it grows; its position counts on, as Parquet's footer needs."""

    def __init__(self) -> None:
        self._pieces: list[bytes] = []
        self._position = 0

    def writable(self) -> bool:
        return True

    def tell(self) -> int:
        return self._position

    def write(self, data: Any) -> int:
        piece = bytes(data)
        self._pieces.append(piece)
        self._position += len(piece)
        return len(piece)

    def drain(self) -> bytes:
        pieces, self._pieces = self._pieces, []
        return b"".join(pieces)


def _import_pyarrow() -> tuple[Any, Any]:
    try:
        import pyarrow  # type: ignore[import-untyped]
        import pyarrow.parquet  # type: ignore[import-untyped]
    except ImportError:
        raise invalid(
            "format", "can be parquet only where the server has pyarrow (pip install 'credtrail[parquet]')"
        ) from None
    return pyarrow, pyarrow.parquet
