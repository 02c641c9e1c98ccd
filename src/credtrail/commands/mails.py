"""`credtrail mail …`: what comes back of mails to recipients."""

import sys

import typer

from credtrail.commands.terminal import out, transact
from credtrail.mail.bounce import read_bounce
from credtrail.mail.store import settle_bounce
from credtrail.settings import read_settings

app = typer.Typer(no_args_is_help=True, help="Mails to recipients.")


@app.command("bounce")
def take_bounce() -> None:
    """Read a bounce (a delivery status notification) from standard input and note it on the mail it tells of.

    For the mail server to run for each mail that comes back to the sender's address; with Postfix, an alias:
    bounces: "|/path/to/credtrail mail bounce". What isn't a bounce of one of our mails is left alone, with status 0.
    """
    bounce = read_bounce(sys.stdin.buffer.read(5_000_000))
    if bounce is None:
        out.print("This is not a bounce of a mail of ours; nothing was changed.")
        return
    noted = transact(
        read_settings(), lambda transaction: settle_bounce(transaction, bounce.mail_id, bounce.reason)
    )
    out.print(f"Noted: {bounce.reason}" if noted else "There is no such mail (any more).", markup=False)
