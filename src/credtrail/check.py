"""What `credtrail check` looks at, told in sentences. Called by the command line."""

import asyncio
import os
from collections.abc import Iterator
from time import perf_counter
from urllib.parse import urlsplit

from credtrail.badges.store import SealedKey, list_active_keys
from credtrail.database import Database
from credtrail.database import sqlite as sqlite_database
from credtrail.database.migrate import is_current
from credtrail.database.open import open_database
from credtrail.errors import Refusal
from credtrail.mail.post import UnreachableError, open_post
from credtrail.seal import Seal
from credtrail.settings import Settings, SettingsError, find_or_make_secret_key, list_unknown_variables

_WRITES = 20
_PATIENCE_SECONDS = 10.0
_THIS_MACHINE = ("127.0.0.1", "localhost", "::1")


def check_installation(settings: Settings) -> Iterator[tuple[bool, str]]:
    """One finding after the other: whether it is well, and a sentence. Changes nothing that lasts."""
    for variable in list_unknown_variables(os.environ):
        yield False, f"{variable} is set, but there is no such setting; `credtrail settings` lists them."
    address = urlsplit(settings.public_url)
    if address.hostname in _THIS_MACHINE:
        yield True, f"The public address is {settings.public_url}: good for trying out on this machine only."
    else:
        yield (
            address.scheme == "https",
            f"The public address is {settings.public_url}"
            + (
                "."
                if address.scheme == "https"
                else ": browsers keep LocalStorage and clipboard from plain http."
            ),
        )
    try:
        find_or_make_secret_key(settings)
        yield True, "There is a secret key."
    except SettingsError as problem:
        yield False, str(problem)
    yield from _check_database(settings)
    yield asyncio.run(_check_mail(settings))


def _check_keys(settings: Settings, keys: list[tuple[str, SealedKey]]) -> Iterator[tuple[bool, str]]:
    """Whether each workspace's key opens with the secret key of this installation."""
    try:
        seal = Seal(find_or_make_secret_key(settings), "issuer")
    except SettingsError:
        return  # told already
    for name, found in keys:
        if seal.open(found.sealed, found.key.id) is None:
            yield (
                False,
                f"The key that signs for {name} was sealed with another CREDTRAIL_SECRET_KEY: its credentials can't be "
                "signed. Bring that one back, or run `credtrail issuer rotate-key`.",
            )


async def _check_mail(settings: Settings) -> tuple[bool, str]:
    if not settings.smtp_host:
        folder = settings.mail_folder_path.absolute()
        return (
            True,
            f"There is no mail server (CREDTRAIL_SMTP_HOST): mails are written as files into {folder}.",
        )
    where = f"{settings.smtp_host}:{settings.smtp_port}"
    try:
        async with open_post(settings):
            return True, f"The mail server {where} answers; mails come from {settings.mail_from}."
    except UnreachableError as problem:
        return False, f"The mail server {where} can't be used: {problem}"


def check_server(url: str, token: str) -> Iterator[tuple[bool, str]]:
    """The same of a server seen from outside: asks it twice, as any client would, and changes nothing."""
    from credtrail.client import Client, CredtrailError, Retries  # which brings an HTTP library along

    try:
        with Client(token, url, retries=Retries(attempts=1), timeout_seconds=_PATIENCE_SECONDS) as client:
            address = urlsplit(client.base_url)
            if address.hostname not in _THIS_MACHINE and address.scheme == "http":
                yield (
                    False,
                    f"{client.base_url} is plain http: the token went there for everybody on the way to read.",
                )
            began = perf_counter()
            workspace = client.workspace()
            answered_ms = (perf_counter() - began) * 1_000
            yield True, f"{client.base_url} answers within {answered_ms:.0f} ms."
            yield True, f"The token opens the workspace {workspace.name}."
            credential = next(client.credentials.list(), None)
            yield True, "There are credentials." if credential else "There are no credentials yet."
    except (CredtrailError, ValueError) as problem:
        yield False, f"{url}: {problem}"


def _check_database(settings: Settings) -> Iterator[tuple[bool, str]]:
    path = settings.sqlite_path
    where = "PostgreSQL" if path is None else f"SQLite in {path.absolute()}"
    if path is not None:
        if not path.exists():
            yield (
                False,
                f"{where}: the file is not there yet; `credtrail serve` or `credtrail migrate` makes it.",
            )
            return
        connection = sqlite_database.connect(path, settings.busy_timeout_seconds)
        pragmas = dict(sqlite_database.read_pragmas(connection))
        connection.close()
        durable = pragmas["journal_mode"] == "wal" and pragmas["synchronous"] == "2"
        yield (
            durable,
            f"{where}: write-ahead log and full synchronisation are {'on' if durable else 'NOT on'}.",
        )
    try:
        current, commit_ms, keys = asyncio.run(_ask(settings))
    except Refusal:
        yield (
            False,
            f"{where}: it can't be written. Is it running, is there room on the disk, may we write there?",
        )
        return
    yield (
        current,
        f"{where}: the tables are "
        + ("those of this version." if current else "not those of this version; run `credtrail migrate`."),
    )
    yield True, f"A transaction takes {commit_ms:.1f} ms."
    yield from _check_keys(settings, keys)


async def _ask(settings: Settings) -> tuple[bool, float, list[tuple[str, SealedKey]]]:
    database: Database = open_database(settings)
    try:
        current = await is_current(database)
        began = perf_counter()
        for _ in range(_WRITES):
            await is_current(database)
        commit_ms = (perf_counter() - began) / _WRITES * 1_000
        return current, commit_ms, await database.read(list_active_keys) if current else []
    finally:
        await database.close()
