"""Issuers, achievements and credentials as Open Badges 3.0 says them. Pure.

What goes into a signed document can't be taken back once somebody has a copy: it says no more than is needed, and of
the recipient only salted hashes. Source: Open Badges 3.0, W3C Verifiable Credentials 2.0, did:web, did:key.
"""

from datetime import date, timedelta
from hashlib import sha256
from ipaddress import ip_address
from typing import Any, Literal, NamedTuple
from unicodedata import category, normalize
from urllib.parse import quote, urlsplit
from uuid import NAMESPACE_URL, uuid5

from credtrail.accounts.model import IssuerProfile
from credtrail.credentials.links import page_address
from credtrail.credentials.model import Credential, PublicView
from credtrail.designs.model import Design, find_design
from credtrail.groups.model import Group
from credtrail.values import Moment, first_moment_of, present_moment

VC_CONTEXT = "https://www.w3.org/ns/credentials/v2"
CONTEXTS = [VC_CONTEXT, "https://purl.imsglobal.org/spec/ob/v3p0/context-3.0.3.json"]


class IssuerKey(NamedTuple):
    """A public key of a workspace: `id` is the key itself as a Multikey (`z6Mk…`).

    The one that is neither retired nor withdrawn signs. A retired one still vouches for what it signed; a withdrawn one
    is not to be trusted any more.
    """

    id: str
    created_at: Moment
    retired_at: Moment | None = None
    withdrawn_at: Moment | None = None


KeyState = Literal["active", "retired", "withdrawn"]


def key_state(key: IssuerKey) -> KeyState:
    """What a key is good for: it signs; it vouches for what it signed; for nothing."""
    if key.withdrawn_at is not None:
        return "withdrawn"
    return "active" if key.retired_at is None else "retired"


class StatusEntry(NamedTuple):
    """A credential's place in one of its workspace's status lists."""

    list_number: int
    position: int


def did_of(public_url: str, workspace_id: str, key_id: str) -> str:
    """What a workspace is called where no server is asked who it is.

    Under a public URL with https and a domain name it is `did:web`, which outlives keys; anywhere else there is nothing
    that others could look up, and it is its key: `did:key`. Source: did:web, section 3; did:key, section 3.1.
    """
    domain = _web_domain(public_url)
    if domain is None:
        return f"did:key:{key_id}"
    return ":".join(["did", "web", domain, "issuers", workspace_id])


def has_did_web(public_url: str) -> bool:
    """Whether workspaces are called by `did:web` here."""
    return _web_domain(public_url) is not None


def _web_domain(public_url: str) -> str | None:
    parts = urlsplit(public_url)
    host = (parts.hostname or "").rstrip(".")
    try:
        ip_address(host)
    except ValueError:
        if parts.scheme != "https" or "." not in host or host.endswith((".localhost", ".local")):
            return None
        port = f"%3A{parts.port}" if parts.port else ""
        return host.encode("idna").decode() + port
    return None


def method_of(did: str, key_id: str) -> str:
    """The address of a key within a DID document."""
    return f"{did}#{key_id}"


def issuer_path(workspace_id: str) -> str:
    """Where an issuer is described on this server."""
    return f"/issuers/{workspace_id}"


def status_list_address(public_url: str, workspace_id: str, did: str, number: int) -> str:
    """Where a status list is.

    An issuer that is called by its key has one list for each key, with the same bits, since verifiers ask that a list
    be of the very issuer of the credential.
    """
    key_id = did.removeprefix("did:key:")
    by_key = "" if key_id == did else f"/keys/{key_id}"
    return f"{public_url}{issuer_path(workspace_id)}{by_key}/status/{number}"


def achievement_address(public_url: str, group_id: str) -> str:
    """Where an achievement is described."""
    return f"{public_url}/achievements/{group_id}"


def did_document(did: str, keys: list[IssuerKey]) -> dict[str, Any]:
    """The DID document: every key that still vouches for something, latest first. Source: DID Core 1.0, Multikey."""
    standing = sorted(
        (key for key in keys if key.withdrawn_at is None), key=lambda key: key.created_at, reverse=True
    )
    methods = [method_of(did, key.id) for key in standing]
    return {
        "@context": ["https://www.w3.org/ns/did/v1", "https://w3id.org/security/multikey/v1"],
        "id": did,
        "verificationMethod": [
            {"id": method, "type": "Multikey", "controller": did, "publicKeyMultibase": key.id}
            for method, key in zip(methods, standing, strict=True)
        ],
        "assertionMethod": methods,
    }


def issuer_profile(
    public_url: str, workspace_id: str, did: str, name: str, profile: IssuerProfile
) -> dict[str, Any]:
    """The issuer as an Open Badges Profile."""
    told: dict[str, Any] = {"id": did, "type": ["Profile"], "name": clean(name)}
    if profile.website_url:
        told["url"] = _uri(profile.website_url)
    if profile.contact_email:
        told["email"] = clean(profile.contact_email)
    if profile.logo_digest:
        logo = f"{public_url}{issuer_path(workspace_id)}/images/{profile.logo_digest}.png"
        told["image"] = {"id": logo, "type": "Image"}
    return told


def achievement(public_url: str, group: Group, design: Design | None) -> dict[str, Any]:
    """What a group's credentials are awarded for.

    Assumed: an achievement's criteria are the group's description and its learning event's address; a group without a
    description is described by its name. The type follows the group's first design, here `design`. A built-in badge is its
    picture, since it has nobody's name on it.
    """
    criteria: dict[str, Any] = {"narrative": clean(group.description or group.name)}
    if group.learning_event_url:
        criteria = {"id": _uri(group.learning_event_url), **criteria}
    told: dict[str, Any] = {
        "id": achievement_address(public_url, group.id),
        "type": ["Achievement"],
        "achievementType": "Badge" if design and design.type == "badge" else "Certificate",
        "name": clean(group.name),
        "description": clean(group.description or group.name),
        "criteria": criteria,
    }
    if design and is_nameless(design):
        told["image"] = {"id": f"{achievement_address(public_url, group.id)}/image.png", "type": "Image"}
    if group.skills:
        told["tag"] = list(dict.fromkeys(clean(skill) for skill in group.skills))
    return told


def open_badge(view: PublicView, public_url: str, did: str, entry: StatusEntry) -> dict[str, Any]:
    """A credential as an OpenBadgeCredential, without its proof.

    The days of the workspace's time zone become moments: in force from the beginning of the issue date to the end of
    the expiry date.
    """
    credential, group = view.credential, view.group
    address = page_address(public_url, credential.public_id)
    zone = view.time_zone
    status = status_list_address(public_url, credential.workspace_id, did, entry.list_number)
    told: dict[str, Any] = {
        "@context": CONTEXTS,
        "id": address,
        "type": ["VerifiableCredential", "OpenBadgeCredential"],
        "name": clean(group.name),
        "image": {"id": f"{address}.png", "type": "Image"},
        "issuer": issuer_profile(public_url, credential.workspace_id, did, view.issuer_name, view.profile),
        "validFrom": _begin_of(credential.issue_date, zone),
        "credentialSubject": _subject(view, public_url),
        "credentialStatus": {
            "id": f"{status}#{entry.position}",
            "type": "BitstringStatusListEntry",
            "statusPurpose": "revocation",
            "statusListIndex": str(entry.position),
            "statusListCredential": status,
        },
    }
    if credential.expiry_date and credential.expiry_date < "9998":
        after = (date.fromisoformat(credential.expiry_date) + timedelta(days=1)).isoformat()
        told["validUntil"] = moment_text(first_moment_of(after, zone) - 1_000)
    evidence = _evidence(credential, {address, achievement_address(public_url, group.id)})
    if evidence:
        told["evidence"] = evidence
    return told


def _evidence(credential: Credential, taken: set[str]) -> list[dict[str, Any]]:
    """What proves it, each address once: who verifies takes what is at one address for one thing.

    An address that something else in the document has is told as text.
    """
    names: dict[str, list[str]] = {}
    for one in credential.evidence:
        names.setdefault(_uri(one["url"]), []).append(clean(one["name"]))
    return [
        ({"narrative": address} if address in taken else {"id": address})
        | {"type": ["Evidence"], "name": ", ".join(dict.fromkeys(told))}
        for address, told in names.items()
    ]


def _subject(view: PublicView, public_url: str) -> dict[str, Any]:
    """Who it was awarded to: an id that stands for this credential's recipient alone, and hashes."""
    credential = view.credential
    salt = credential.public_id
    known = [("ext:name", normal_name(credential.recipient_name))]
    if credential.recipient_email:
        known.insert(0, ("emailAddress", normal_email(credential.recipient_email)))
    return {
        "id": uuid5(NAMESPACE_URL, page_address(public_url, credential.public_id)).urn,
        "type": ["AchievementSubject"],
        "identifier": [
            {
                "type": "IdentityObject",
                "hashed": True,
                "identityHash": hash_identity(value, salt),
                "identityType": type_,
                "salt": salt,
            }
            for type_, value in known
        ],
        "achievement": achievement(public_url, view.group, first_design(view)),
    }


def first_design(view: PublicView) -> Design | None:
    """The group's first design, if it is known."""
    own = {design.id: design for design in view.own_designs}
    return next((own.get(id_) or find_design(id_) for id_ in view.group.design_ids), None)


def is_nameless(design: Design) -> bool:
    """Whether what it draws is the same for each recipient."""
    return design.type == "badge" and design.document is None


def hash_identity(value: str, salt: str) -> str:
    """Source: Open Badges 3.0, IdentityHash."""
    return "sha256$" + sha256((value + salt).encode()).hexdigest()


def normal_email(address: str) -> str:
    """An address as it is hashed.

    Assumed: an address is hashed in lower case, since people type theirs in any.
    """
    return address.strip().lower()


def normal_name(name: str) -> str:
    """A name as it is hashed: single spaces, one way to write each character."""
    return normalize("NFC", " ".join(name.split()))


def clean(text: str) -> str:
    """Without control characters, which libraries write in different ways when they sign."""
    return "".join(" " if category(one) == "Cc" and one not in "\n\t" else one for one in text)


def _uri(address: str) -> str:
    """An address with nothing in it that a statement couldn't hold."""
    return quote(address, safe="%/:?#[]@!$&'()*+,;=-._~")


def _begin_of(day: str, zone: str) -> str:
    """The day's first moment; midnight UTC for days at the edge of the calendar, which have none elsewhere."""
    return f"{day}T00:00:00Z" if day < "0002" or day > "9998" else moment_text(first_moment_of(day, zone))


def moment_text(at: Moment) -> str:
    """A moment to the second, as signed documents have it."""
    return present_moment(at)[:-5] + "Z"
