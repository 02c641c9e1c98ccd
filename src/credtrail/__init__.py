"""Credtrail: self-hosted digital-credential engagement.

Issuers hand out credentials; each has a public page; whatever people do there (view, share,
download, copy the link, verify) becomes a credential interaction, told apart as the recipient's
or a guest's, kept durably, counted, and listed through a JSON API.

Begin reading at `app.py` (every part and every route), then at `interactions/record.py`
(the only way an interaction comes to be).
"""

__version__ = "0.4.0"
