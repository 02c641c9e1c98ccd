"""Codes of an authenticator app as a second step of signing in. The only file that knows the library.

Source: RFC 6238 (TOTP), with SHA-1, six digits and thirty seconds, which is what the apps can.
"""

import pyotp

_STEP_MS = 30_000
_ALLOWED_STEPS = 1
"""A code of the step before or after is taken, since clocks differ; each code once."""


def make_totp_secret() -> str:
    """A new secret in Base32, to be shown to its owner and kept sealed."""
    return pyotp.random_base32()


def totp_address(secret: str, email: str, issuer: str) -> str:
    """The otpauth:// address that apps read from a QR code."""
    return pyotp.TOTP(secret).provisioning_uri(name=email, issuer_name=issuer)


def find_step(secret: str, code: str, at: int, last_step: int) -> int | None:
    """The time step whose code this is, later than the last one used; None when it isn't a code of now."""
    digits = "".join(code.split())
    if len(digits) != 6 or not digits.isascii() or not digits.isdigit():
        return None
    totp, now = pyotp.TOTP(secret), at // _STEP_MS
    for step in range(now - _ALLOWED_STEPS, now + _ALLOWED_STEPS + 1):
        if step > last_step and pyotp.utils.strings_equal(totp.at(step * 30), digits):
            return step
    return None
