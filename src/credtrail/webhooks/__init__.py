"""Webhooks: what happened is told to the workspace's own systems, at least once, signed, in order.

`outbox.py` notes events in the transaction of their cause; `interactions/announce.py` makes messages of them, one
delivery for each endpoint; `send.py` delivers, through the guard in `egress.py`.
"""
