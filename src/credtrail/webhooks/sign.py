"""Signatures of webhook messages. Pure.

Two, side by side: the header that clients of Certifier's webhooks know (contract section 5), and Standard Webhooks
1.0. Both over the very bytes that are sent.
"""

import hmac
from base64 import b64decode, b64encode
from collections.abc import Sequence
from hashlib import sha256

from credtrail import __version__

_PREFIX = "whsec_"


def sign(message_id: str, body: bytes, at_seconds: int, secrets: Sequence[str]) -> dict[str, str]:
    """The headers of one attempt. `secrets` are the present one and, during a rotation, the one before.

    Standard Webhooks names a signature by each. X-Webhook-Signature can only hold one: that of the present secret;
    the one by the secret before stands in X-Webhook-Signature-Previous.

    Assumed: the key of X-Webhook-Signature is the secret as it is shown, `whsec_` included, in UTF-8.
    """
    signed = f"{message_id}.{at_seconds}.".encode() + body
    standard = [
        "v1," + b64encode(hmac.digest(b64decode(one.removeprefix(_PREFIX)), signed, sha256)).decode()
        for one in secrets
    ]
    plain = [hmac.digest(one.encode(), body, sha256).hex() for one in secrets]
    headers = {
        "Content-Type": "application/json",
        "User-Agent": f"Credtrail/{__version__}",
        "webhook-id": message_id,
        "webhook-timestamp": str(at_seconds),
        "webhook-signature": " ".join(standard),
        "X-Webhook-Signature": plain[0],
    }
    if len(plain) > 1:
        headers["X-Webhook-Signature-Previous"] = plain[1]
    return headers
