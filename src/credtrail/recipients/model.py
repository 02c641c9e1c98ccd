"""What recipients decide, as values; from the wire and back. Pure."""

from typing import Annotated, Literal, NamedTuple

from msgspec import UNSET, Meta, Struct, UnsetType

from credtrail.credentials.privacy import PagePrivacy, Privacy
from credtrail.values import NO_NUL, Actor, Moment, Name, must, present_moment

NameStatus = Literal["waiting", "accepted", "declined", "withdrawn"]
"""What became of a correction that a recipient asked for. One that holds at once is `accepted` from the beginning."""

LINK_DAYS = (2, 7, 30, 365)
"""How long a limited link can hold."""


class NameRequest(NamedTuple):
    """A name as the recipient wants it."""

    id: str
    workspace_id: str
    credential_id: str
    name: str
    status: NameStatus
    created_at: Moment
    settled_at: Moment | None = None
    reason: str | None = None


class NameRequestAnswer(Struct, rename="camel"):
    """A correction of a recipient's name, as the API shows it. `reason` is the issuer's, where it was declined."""

    id: str
    credential_id: str
    name: str
    status: NameStatus
    created_at: str
    settled_at: str | None
    reason: str | None


class Decline(Struct):
    """Why a name isn't corrected, for the recipient to read."""

    reason: (
        Annotated[str, must("be a string of at most 1,000 characters", max_length=1_000, pattern=NO_NUL)]
        | None
    ) = None


class PrivacyAnswer(Struct, rename="camel"):
    """Who may see a credential's page.

    `privacy` is what holds; `chosenBy` null: nobody chose, and it follows the workspace's settings. While
    `offlineSince` is a time, nobody sees it. `verifiedDevices`: how many devices are the verified owner's now.
    """

    privacy: Privacy
    chosen_by: Actor | Literal["issuer"] | None
    link_expires_at: str | None
    offline_since: str | None
    verified_devices: int


class PrivacyChange(Struct, rename="camel"):
    """Who shall see a credential's page, as its issuer says: null takes the issuer's choice back."""

    privacy: Annotated[
        Literal["public", "link", "private"] | None,
        Meta(description="public, link or private; null: as the workspace's settings say."),
    ]


class CodeWanted(Struct):
    """A page asks for a code to be mailed."""

    email: Annotated[str, must("be a string of 1 to 254 characters", min_length=1, max_length=254)]


class CodeTyped(Struct):
    """A code as it was typed, with whatever stands between its digits."""

    challenge: Annotated[str, must("be what the code was asked for with", max_length=64)]
    code: Annotated[str, must("be a string of at most 64 characters", max_length=64)]


class PrivacyChoice(Struct):
    """Who shall see the page, as the verified owner says; `days` only for a limited link."""

    privacy: Privacy
    days: Literal[2, 7, 30, 365] = 7


class OfflineChoice(Struct):
    """Whether the page shall be offline."""

    offline: bool


class NameWanted(Struct):
    """The name as it should read; null withdraws what was asked for."""

    name: Name | None


class SignOut(Struct):
    """Which devices stop being the verified owner's."""

    everywhere: bool | UnsetType = UNSET


def present_privacy(page: PagePrivacy, privacy: Privacy, verified_devices: int) -> PrivacyAnswer:
    """As the API shows it."""
    return PrivacyAnswer(
        privacy,
        page.chosen_by,
        present_moment(page.link_expires_at) if page.link_expires_at else None,
        present_moment(page.offline_at) if page.offline_at else None,
        verified_devices,
    )


def present_name_request(request: NameRequest) -> NameRequestAnswer:
    """As the API shows it."""
    return NameRequestAnswer(
        request.id,
        request.credential_id,
        request.name,
        request.status,
        present_moment(request.created_at),
        present_moment(request.settled_at) if request.settled_at else None,
        request.reason,
    )
