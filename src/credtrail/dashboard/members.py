"""Members of a workspace, invitations, and who did what. Wired by `app`."""

from typing import Any

from starlette.responses import Response

from credtrail.accounts import people_store as people
from credtrail.accounts.people import (
    ROLE_SENTENCES,
    ROLES,
    Member,
    Role,
    digest_secret,
    make_secret,
    may,
    read_address,
)
from credtrail.accounts.session_store import list_acts
from credtrail.dashboard.door import ROOT, View, Visit
from credtrail.database import Database, Transaction
from credtrail.errors import Refusal, invalid
from credtrail.mail.notice_store import add_notice
from credtrail.values import moment_of_id

_INVITED_MS = 7 * 86_400_000
_ACTS_ON_A_PAGE = 50

ACTS = {
    "set_up": "set Credtrail up",
    "member_invited": "invited",
    "invitation_withdrawn": "took back the invitation of",
    "member_joined": "joined as a member:",
    "member_added": "added the member",
    "role_changed": "changed the role of",
    "member_removed": "removed",
    "member_restored": "brought back the member",
    "authenticator_removed": "took the authenticator app off",
    "token_created": "created the access token",
    "token_revoked": "revoked the access token",
    "design_created": "created the design",
    "design_renamed": "gave another name to a design:",
    "design_changed": "changed the design",
    "design_deleted": "deleted the design",
    "webhook_created": "created the webhook",
    "webhook_changed": "changed the webhook",
    "webhook_secret_rotated": "gave a new secret to the webhook",
    "webhook_deleted": "deleted the webhook",
    "setting_changed": "changed a setting:",
    "settings_changed": "changed the settings of",
    "domain_confirmed": "confirmed the domain",
    "person_exported": "exported what is known of a person",
    "person_erased": "erased a person",
    "credential_created": "made the credential",
    "credential_changed": "changed the credential",
    "credential_issued": "issued the credential",
    "credential_scheduled": "scheduled the credential",
    "credential_sent": "sent the credential",
    "credential_revoked": "revoked the credential",
    "credential_reinstated": "reinstated the credential",
    "issuer_key_rotated": "changed the issuer key; the new one is",
    "issuer_key_withdrawn": "withdrew the issuer key",
    "page_privacy_chosen": "chose who sees the page of the credential",
    "page_taken_offline": "took the page offline of the credential",
    "page_put_online": "put the page back online of the credential",
    "name_corrected": "corrected the name on the credential",
    "name_correction_requested": "asked for another name on the credential",
    "name_accepted": "accepted the recipient's name on the credential",
    "name_declined": "declined the recipient's name on the credential",
    "credential_deleted": "deleted the credential",
    "credentials_issued": "issued many at once:",
    "credentials_sent": "sent many at once:",
    "credentials_revoked": "revoked many at once:",
    "credentials_deleted": "deleted many at once:",
    "import_started": "began the import",
    "import_stopped": "stopped the import",
    "group_created": "made the group",
    "group_changed": "changed the group",
    "group_deleted": "deleted the group",
    "group_restored": "brought back the group",
    "attribute_created": "made the attribute",
    "attribute_renamed": "renamed the attribute",
    "attribute_deleted": "deleted the attribute",
    "attribute_restored": "brought back the attribute",
    "email_template_created": "made the e-mail template",
    "email_template_changed": "changed the e-mail template",
    "email_template_deleted": "deleted the e-mail template",
    "email_template_restored": "brought back the e-mail template",
}
"""What each kind of act is called in the list; one that isn't here is shown as it is."""
_OF_ONE_CREDENTIAL = frozenset(
    name
    for name, sentence in ACTS.items()
    if sentence.endswith("credential") and name != "credential_deleted"
)
"""Acts whose subject is the id of a credential that may still be there to be looked at."""


class Members:
    """Who works here, and what they did."""

    def __init__(self, database: Database, public_url: str) -> None:
        self._database = database
        self._public_url = public_url

    def views(self) -> list[View]:
        """Everybody sees who else is here; admins change it."""
        path = "/w/{workspace_id}/members"
        return [
            View("GET", path, self.show),
            View("POST", path, self.invite, "admin"),
            View("POST", path + "/leave", self.leave),
            View("POST", path + "/undo", self.restore, "admin"),
            View("POST", path + "/{user_id}/role", self.change_role, "admin"),
            View("POST", path + "/{user_id}/remove", self.remove, "admin"),
            View("POST", path + "/invitations/{invitation_id}/withdraw", self.withdraw, "admin"),
            View("GET", "/w/{workspace_id}/audit-log", self.show_acts, "admin"),
        ]

    async def show(self, visit: Visit) -> Response:
        """Members, and for admins the invitations."""
        return visit.page("members.html", problems={}, **await self._list(visit))

    async def _list(self, visit: Visit) -> dict[str, Any]:
        def ask(transaction: Transaction) -> dict[str, Any]:
            return {
                "members": people.list_members(transaction, visit.workspace_id),
                "invitations": people.list_invitations(transaction, visit.workspace_id),
            }

        return {
            **await self._database.read(ask),
            "roles": [(role, ROLE_SENTENCES[role]) for role in self._grantable(visit)],
        }

    def _grantable(self, visit: Visit) -> list[Role]:
        """Nobody gives more than they have."""
        return [role for role in ROLES if may(visit.here.role, role)]

    def _read_role(self, visit: Visit) -> Role:
        for role in self._grantable(visit):
            if visit.text("role") == role:
                return role
        raise invalid("role", f"must be one of {', '.join(self._grantable(visit))}")

    async def invite(self, visit: Visit) -> Response:
        """Mail an invitation; one that was sent to the address before isn't good any more."""
        secret = make_secret()
        try:
            email, role = read_address(visit.text("email")), self._read_role(visit)

            def act(transaction: Transaction) -> None:
                user = people.find_user(transaction, email=email)
                if user and people.find_member(transaction, visit.workspace_id, user.id):
                    raise invalid("email", "belongs to a member already")
                until, digest = transaction.at + _INVITED_MS, digest_secret(secret)
                people.add_invitation(transaction, visit.workspace_id, email, role, digest, until)
                add_notice(transaction, email, *self._letter(visit, role, secret), good_for_ms=_INVITED_MS)
                visit.note(transaction, "member_invited", email, role)

            await self._database.write(act)
        except Refusal as refusal:
            return visit.again("members.html", refusal, **await self._list(visit))
        return visit.go(f"{visit.home}/members", f"An invitation is on its way to {email}")

    def _letter(self, visit: Visit, role: Role, secret: str) -> tuple[str, str]:
        name = visit.here.workspace_name
        return (
            f"Join {name} on Credtrail",
            f"{visit.me.name} ({visit.me.email}) invites you to join {name} as {role}.\n\n"
            f"Join here within a week:\n{self._public_url}{ROOT}/invitations/{secret}\n\n"
            "If you don't know what this is about, there is nothing to do.\n",
        )

    async def withdraw(self, visit: Visit) -> Response:
        """An invitation isn't good any more."""

        def act(transaction: Transaction) -> None:
            gone = people.delete_invitation(transaction, visit.workspace_id, visit.path("invitation_id"))
            if gone is None:
                raise Refusal("not_found", "This invitation was used or taken back already")
            visit.note(transaction, "invitation_withdrawn", gone.email)

        await self._database.write(act)
        return visit.go(f"{visit.home}/members", "The invitation is taken back")

    async def change_role(self, visit: Visit) -> Response:
        """Another role; an owner's only by an owner, and never the last one's."""
        role = self._read_role(visit)

        def act(transaction: Transaction) -> str:
            member = self._find(visit, transaction)
            if role != "owner":
                self._keep_an_owner(transaction, member)
            people.set_member(transaction, visit.workspace_id, member.user_id, role)
            visit.note(transaction, "role_changed", member.user_email, f"{member.role} → {role}")
            return member.user_name

        name = await self._database.write(act)
        return visit.go(f"{visit.home}/members", f"{name} is {role} now")

    async def remove(self, visit: Visit) -> Response:
        """A member leaves; what they did stays in the log."""

        def act(transaction: Transaction) -> Member:
            member = self._find(visit, transaction)
            self._keep_an_owner(transaction, member)
            people.remove_member(transaction, visit.workspace_id, member.user_id)
            visit.note(transaction, "member_removed", member.user_email)
            return member

        gone = await self._database.write(act)
        undo = visit.undo_of(f"{visit.home}/members/undo", gone)
        return visit.go(f"{visit.home}/members", f"{gone.user_name} is not a member any more", undo)

    async def restore(self, visit: Visit) -> Response:
        """Bring back a member who was removed just now, in the same role."""
        gone = visit.read_undo(Member)
        if not may(visit.here.role, gone.role):
            raise Refusal("forbidden", "Only an owner makes others owners")

        def act(transaction: Transaction) -> None:
            if not people.find_user(transaction, id=gone.user_id):
                raise Refusal("not_found", f"{gone.user_name} has no account any more")
            if people.find_member(transaction, visit.workspace_id, gone.user_id):
                raise Refusal("conflict", f"{gone.user_name} is a member already")
            people.restore_member(transaction, gone)
            visit.note(transaction, "member_restored", gone.user_email, gone.role)

        await self._database.write(act)
        return visit.go(f"{visit.home}/members", f"{gone.user_name} is {gone.role} again")

    async def leave(self, visit: Visit) -> Response:
        """Leave by oneself, in whatever role; the last owner can't."""

        def act(transaction: Transaction) -> None:
            self._keep_an_owner(transaction, visit.here)
            people.remove_member(transaction, visit.workspace_id, visit.me.id)
            visit.note(transaction, "member_removed", visit.me.email, "left")

        await self._database.write(act)
        return visit.go(ROOT, f"You have left {visit.here.workspace_name}")

    def _find(self, visit: Visit, transaction: Transaction) -> Member:
        member = people.find_member(transaction, visit.workspace_id, visit.path("user_id"))
        if member is None:
            raise Refusal("not_found", "This person is not a member here")
        if not may(visit.here.role, member.role):
            raise Refusal("forbidden", "Only an owner changes what owners are")
        return member

    def _keep_an_owner(self, transaction: Transaction, member: Member) -> None:
        last = member.role == "owner" and not people.has_other_owner(
            transaction, member.workspace_id, member.user_id
        )
        if last:
            raise Refusal("conflict", "A workspace needs an owner; make somebody else owner first")

    async def show_acts(self, visit: Visit) -> Response:
        """Who did what, newest first."""
        slice_ = visit.slice(_ACTS_ON_A_PAGE, "audit-log")
        found = await self._database.read(
            lambda tx: list_acts(
                tx, visit.workspace_id, edge=slice_.edge, newer=slice_.newer, limit=slice_.limit
            )
        )
        entries, around = visit.page_of(found, slice_, "audit-log")
        return visit.page(
            "audit_log.html",
            entries=entries,
            around=around,
            acts=ACTS,
            linked=_OF_ONE_CREDENTIAL,
            moment_of=moment_of_id,
        )
