"""Where a credential's page sends people: share links of the networks, LinkedIn's form, mail. Pure.

Called by `views.py`. Plain links whose every value is percent-encoded, without a script of the network, without
our flag, without anything that follows a person. What each network reads was gathered in docs/tracking.md.
"""

from typing import NamedTuple
from urllib.parse import quote, urlencode

from credtrail.credentials.store import PublicView


class ShareLink(NamedTuple):
    """One way to share. `kind` is what a click on it is reported as; `touch_only`: it needs the network's app."""

    name: str
    kind: str
    address: str
    touch_only: bool = False


def wallet_link(issuer: str, exchange_address: str, challenge: str) -> str:
    """Opens the app Learner Credential Wallet where it is installed, which then fetches the credential there.

    Such links are the app's own, so that no other site is asked. Source: the Digital Credentials Consortium's guide to
    them; the wallet answers to `auth_type` bearer alone, and sends the challenge along.
    """
    asked = {
        "issuer": issuer,
        "auth_type": "bearer",
        "challenge": challenge,
        "vc_request_url": exchange_address,
    }
    return "dccrequest://request?" + urlencode(asked, quote_via=quote, safe="")


def share_links(view: PublicView, address: str, picture: str | None, facebook_app_id: str) -> list[ShareLink]:
    """The eight networks of the wire, in its order. `address` and `picture` are absolute.

    Without the id of an app registered with Facebook, Messenger can only be opened through its own app.
    """
    text, where = _text(view), {"url": address}
    if facebook_app_id:
        messenger = "https://www.facebook.com/dialog/send"
        send = {"app_id": facebook_app_id, "link": address, "redirect_uri": address}
    else:
        messenger, send = "fb-messenger://share/", {"link": address}
    media, pic = ({"media": picture}, {"pic": picture}) if picture else ({}, {})
    message = {"text": f"{text} {address}"}
    return [
        _link("LinkedIn", "linkedin", "https://www.linkedin.com/sharing/share-offsite/", where),
        _link("Facebook", "facebook", "https://www.facebook.com/sharer/sharer.php", {"u": address}),
        _link("X (Twitter)", "twitter", "https://twitter.com/intent/tweet", {"text": text, **where}),
        _link("Messenger", "messenger", messenger, send)._replace(touch_only=not facebook_app_id),
        _link("WhatsApp", "whatsapp", "https://wa.me/", message),
        _link(
            "Pinterest",
            "pinterest",
            "https://www.pinterest.com/pin/create/button/",
            {**where, **media, "description": text},
        ),
        _link("Telegram", "telegram", "https://t.me/share/url", {**where, "text": text}),
        _link("Weibo", "weibo", "https://service.weibo.com/share/share.php", {**where, "title": text, **pic}),
    ]


def more_share_links(view: PublicView, address: str) -> list[ShareLink]:
    """Networks that the thirteen types of the wire have no name for."""
    text, message = _text(view), {"text": f"{_text(view)} {address}"}
    return [
        _more("Bluesky", "bluesky", "https://bsky.app/intent/compose", message),
        _more("Threads", "threads", "https://www.threads.net/intent/post", {"text": text, "url": address}),
        _more("Reddit", "reddit", "https://www.reddit.com/submit", {"url": address, "title": text}),
    ]


def linkedin_profile_link(view: PublicView, address: str) -> str:
    """LinkedIn's form for licences and certifications with every field filled that it can take."""
    credential = view.credential
    fields = {
        "startTask": "CERTIFICATION_NAME",
        "name": view.group.name,
        "organizationName": view.issuer_name,
        **_year_and_month("issue", credential.issue_date),
        **(_year_and_month("expiration", credential.expiry_date) if credential.expiry_date else {}),
        "certUrl": address,
        "certId": credential.public_id,
    }
    return f"https://www.linkedin.com/profile/add?{_encode(fields)}"


def mail_link(subject: str, body: str, to: str = "") -> str:
    """A mailto: link (RFC 6068)."""
    return f"mailto:{quote(to, safe='@')}?{_encode({'subject': subject, 'body': body})}"


def _text(view: PublicView) -> str:
    return f"{view.group.name} – {view.issuer_name}"


def _year_and_month(which: str, iso_date: str) -> dict[str, str]:
    year, month, _ = iso_date.split("-")
    return {f"{which}Year": year, f"{which}Month": str(int(month))}


def _link(name: str, network: str, base: str, values: dict[str, str]) -> ShareLink:
    return ShareLink(name, f"credential_shared_to_{network}", f"{base}?{_encode(values)}")


def _more(name: str, network: str, base: str, values: dict[str, str]) -> ShareLink:
    return ShareLink(name, f"shared_to_{network}", f"{base}?{_encode(values)}")


def _encode(values: dict[str, str]) -> str:
    return urlencode(values, quote_via=quote, safe="")
