"""`credtrail serve`, `work`, `migrate`: what an installation runs on.

What serves and works is loaded by its command: that is nearly everything, and the other commands begin sooner without.
"""

import asyncio
import signal
from typing import Annotated

import typer

from credtrail.commands.links import make_set_up_link
from credtrail.commands.terminal import out, prepare_database
from credtrail.database.migrate import migrate
from credtrail.database.open import write_once
from credtrail.logs import set_up_logs
from credtrail.settings import find_or_make_secret_key, read_settings


def serve(
    host: Annotated[str, typer.Option(help="Address to listen on.")] = "127.0.0.1",
    port: Annotated[int, typer.Option(help="Port to listen on.", min=1, max=65_535)] = 8000,
    workers: Annotated[
        int, typer.Option(help="Server processes; more than one pays off on PostgreSQL.", min=1)
    ] = 1,
    with_work: Annotated[
        bool, typer.Option("--with-work", help="Do the work of `credtrail work` in this process as well.")
    ] = False,
) -> None:
    """Serve the API and the public pages until Ctrl-C or SIGTERM.

    What was accepted is committed and answered before the server ends. Run `credtrail work` beside it,
    or serve --with-work.
    """
    from credtrail.serve import serve as run_server

    settings = read_settings()
    set_up_logs(settings)
    prepare_database(settings)
    find_or_make_secret_key(settings)
    set_up_at = write_once(settings, lambda transaction: make_set_up_link(transaction, settings.public_url))
    if set_up_at:
        out.print(  # the log, on the other stream, is JSON alone and is kept longer than a secret may be
            f"Nobody can sign in to the dashboard yet. Make the first user here, within a week:\n{set_up_at}"
        )
    run_server(settings, host, port, workers, with_work=with_work)


def work() -> None:
    """Do what happens later (clean up what has outlived its time) until Ctrl-C or SIGTERM.

    May run several times at once, on several machines.
    """
    from credtrail import work as work_loop

    settings = read_settings()
    set_up_logs(settings)
    prepare_database(settings)

    async def run() -> None:
        stop = asyncio.Event()
        for name in (signal.SIGINT, signal.SIGTERM):
            asyncio.get_running_loop().add_signal_handler(name, stop.set)
        await work_loop.work(settings, stop)

    asyncio.run(run())


def migrate_database() -> None:
    """Bring the database to this version's tables. Safe to run again; needed on PostgreSQL after each upgrade."""
    applied = migrate(read_settings())
    out.print(f"Applied: {', '.join(applied)}." if applied else "The database is up to date.")
