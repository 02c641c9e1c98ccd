"""A code reaches the recipient's mailbox by SMTP, nobody else's, and makes a proof."""

import asyncio
import re

from conftest import SECRET_KEY
from credtrail.database.open import open_database
from credtrail.mail.notify import NoticeDelivery
from credtrail.recipients.proving import Proven, Proving
from credtrail.web.language import find_language


def test_a_code_goes_out_and_proves(mailing, postbox, cast):
    async def run():
        database = open_database(mailing)
        proving = Proving(database, SECRET_KEY)
        try:
            await proving.ask(cast.public_id, "ben@elsewhere.example", find_language("en"))
            challenge = await proving.ask(cast.public_id, "Robin@Learner.example", find_language("de"))
            await NoticeDelivery(database, mailing).run()
            [mail] = postbox.taken
            [code] = re.findall(r"\b\d{6}\b", mail.message.get_content())
            return mail, await proving.prove(cast.public_id, challenge, code)
        finally:
            await database.close()

    mail, outcome = asyncio.run(run())
    assert isinstance(outcome, Proven)
    assert mail.recipient == "robin@learner.example"
    assert mail.message["Subject"] == "Ihr Code für „Botany“"
    assert mail.message["From"] == "Open Meadow Academy <credentials@meadow.example>"
    assert mail.message["Auto-Submitted"] == "auto-generated"
