"""What is told of a credential, in words: its state, its interactions, mails, and what was set aside. Pure."""

from collections.abc import Mapping

from credtrail.credentials.model import Credential, status_at
from credtrail.values import Moment

State = tuple[str, str]
"""A word, and how it looks: good, warn, bad or nothing."""

_STATES = {
    "draft": ("draft", ""),
    "scheduled": ("scheduled", "warn"),
    "issued": ("issued", "good"),
    "expired": ("expired", "warn"),
}

MAIL_STATES: Mapping[str, State] = {
    "waiting": ("waiting", "warn"),
    "claimed": ("being sent", "warn"),
    "sending": ("being sent", "warn"),
    "sent": ("sent", "good"),
    "bounced": ("bounced", "bad"),
    "uncertain": ("uncertain", "warn"),
    "withdrawn": ("withdrawn", ""),
}

MAIL_MEANS: Mapping[str, str] = {
    "waiting": "It goes out when its turn comes; what failed for now is tried again.",
    "claimed": "It is being handed to the mail server.",
    "sending": "It is being handed to the mail server.",
    "sent": "The mail server has taken it.",
    "bounced": "It was refused for good. Check the address, then send again.",
    "uncertain": "The connection was lost while it was sent: it may have arrived or not. Nothing is sent twice by itself.",
    "withdrawn": "It was not sent, since the credential was taken back before.",
}

EVENTS: Mapping[str, str] = {
    "credential_viewed": "Viewed",
    "credential_shared_to_linkedin": "Shared to LinkedIn",
    "credential_added_to_linkedin_profile": "Added to a LinkedIn profile",
    "credential_shared_to_facebook": "Shared to Facebook",
    "credential_shared_to_twitter": "Shared to X (Twitter)",
    "credential_shared_to_messenger": "Shared to Messenger",
    "credential_shared_to_whatsapp": "Shared to WhatsApp",
    "credential_shared_to_pinterest": "Shared to Pinterest",
    "credential_shared_to_telegram": "Shared to Telegram",
    "credential_shared_to_weibo": "Shared to Weibo",
    "credential_downloaded": "Downloaded",
    "credential_link_copied": "Link copied",
    "credential_verified": "Verified",
    "shared_to_bluesky": "Shared to Bluesky",
    "shared_to_threads": "Shared to Threads",
    "shared_to_reddit": "Shared to Reddit",
    "shared_natively": "Shared by the device",
    "shared_by_email": "Shared by e-mail",
    "qr_code_shown": "QR code shown",
    "embed_code_copied": "Code to embed copied",
    "name_correction_requested": "Correction of the name asked for",
}

CERTAINTIES: Mapping[str, str] = {
    "api": "as a program told us",
    "page": "nobody on the page said to be the recipient",
    "claimed": "the browser had opened the recipient’s link before, without its key",
    "link": "came by the recipient’s own link",
    "verified": "typed the code that was mailed",
}
"""How it is known who acted."""

REASONS: Mapping[str, str] = {
    "wrong_origin": "It was sent from another site.",
    "invalid_token": "It carried no valid token of the page.",
    "foreign_token": "Its token was made for another credential’s page.",
    "expired_token": "Its token was too old: the page had been open for very long.",
    "prefetch": "A browser or a network loaded the page ahead, without anybody looking.",
    "robot": "It came from a robot, such as a search engine or a mail scanner.",
    "automation": "The browser was run by a program.",
    "impossible_timing": "It came sooner than a person can act.",
    "not_visible": "The page was never really visible.",
    "unconfirmed": "Nobody moved, touched or typed anything.",
    "rate_limited": "Too much came from one network, or for this credential, at once.",
    "repeat": "This visit was counted already.",
    "too_many": "One visit did more than a person does.",
}


def state_of(credential: Credential, at: Moment, time_zone: str) -> State:
    """What the credential is now, for its issuer."""
    if credential.revoked_at is not None:
        return ("revoked", "bad")
    return _STATES[status_at(credential, at, time_zone)]


def event_words(event_type: str) -> str:
    """What somebody did, in words; a page's own kinds become words by themselves."""
    return EVENTS.get(event_type) or event_type.replace("_", " ").capitalize()


def counted(count: int, one: str, many: str | None = None) -> str:
    """`1 mail`, `2 mails`, `1,200 mails`."""
    return f"{count:,} {one if count == 1 else many or one + 's'}"
