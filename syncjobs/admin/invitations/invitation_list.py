"""The list of invitations, with the buttons that approve, revoke and repeat them."""

from collections.abc import Callable, Sequence
from typing import Any

from django.contrib import admin, messages
from django.contrib.admin import action
from django.db.models import QuerySet
from django.http import HttpRequest
from unfold.decorators import display

from connectors.admin.connections import ReadOnlyAdmin, pill
from oncall.admin.base.columns import PageOfRows
from oncall.masking import hide_addresses, may_see_addresses
from oncall.models import User
from syncjobs.admin.buttons import account_of
from syncjobs.deciding.inviting import approve_proposal, resend, revoke
from syncjobs.deciding.rights import may_approve_invitations
from syncjobs.models import Invitation, InvitationState
from syncjobs.pages.marks import ago
from syncjobs.planning.decisions.values import Refused

COLOURS = {
    InvitationState.PROPOSED: "warning",
    InvitationState.QUEUED: "info",
    InvitationState.SENT: "info",
    InvitationState.ACCEPTED: "success",
    InvitationState.EXPIRED: "warning",
    InvitationState.REVOKED: "",
    InvitationState.FAILED: "danger",
}


def state_pill(invitation: Invitation) -> str:
    return pill(invitation.get_state_display().capitalize(), COLOURS[InvitationState(invitation.state)])


@admin.register(Invitation)
class InvitationAdmin(ReadOnlyAdmin):
    empty_text = "Nobody was invited yet. Answer “user not found” with “Invite”."  # see ``empty_results.html``
    list_display = ("email", "name_shown", "connection", "state_shown", "invited_by", "mailed", "until", "trouble")
    list_filter = ("state", "connection")
    list_select_related = ("connection", "proposed_by", "approved_by")
    list_per_page = 50
    show_full_result_count = False
    search_fields = ("name", "email")
    actions = ("approve_selected", "revoke_selected", "resend_selected")
    fields = (
        "email", "name", "connection", "external_id", "state", "proposed_by", "approved_by", "created_at", "sent_at",
        "expires_at", "ended_at", "tries", "next_try", "last_error",
    )  # fmt: skip

    def get_queryset(self, request: HttpRequest) -> "QuerySet[Any]":
        return super().get_queryset(request).defer("token_hash")

    def get_object(self, request: HttpRequest, object_id: str, from_field: str | None = None) -> Any:
        found = super().get_object(request, object_id, from_field)
        if found is not None and not may_see_addresses(request.user):
            hide_addresses(found)
        return found

    def get_changelist(self, request: HttpRequest, **kwargs: Any) -> Any:
        return PageOfRows

    def complete(self, request: HttpRequest, rows: Sequence[Any]) -> None:
        """Hide the addresses of one page from those who may not see them."""
        if not may_see_addresses(request.user):
            for row in rows:
                hide_addresses(row)

    def get_search_fields(self, request: HttpRequest) -> tuple[str, ...]:
        return self.search_fields if may_see_addresses(request.user) else ("name",)

    def has_approve_permission(self, request: HttpRequest) -> bool:
        return isinstance(request.user, User) and may_approve_invitations(request.user)

    # --- columns ------------------------------------------------------------------------------------------------------

    @display(description="Person", ordering="name")
    def name_shown(self, invitation: Invitation) -> str:
        return invitation.name or "only the address"

    @display(description="State", ordering="state")
    def state_shown(self, invitation: Invitation) -> str:
        return state_pill(invitation)

    @display(description="Invited by")
    def invited_by(self, invitation: Invitation) -> str:
        if invitation.state == InvitationState.PROPOSED:
            return f"proposed by {invitation.proposed_by or 'a deleted account'}"
        return str(invitation.approved_by or ("the shell" if invitation.from_shell else "a deleted account"))

    @display(description="Mail sent", ordering="sent_at")
    def mailed(self, invitation: Invitation) -> str:
        return ago(invitation.sent_at) if invitation.sent_at else "not yet"

    @display(description="Until", ordering="expires_at")
    def until(self, invitation: Invitation) -> str:
        is_sent = invitation.state == InvitationState.SENT and invitation.expires_at
        return f"{invitation.expires_at:%d %b %Y %H:%M} UTC" if is_sent else "-"

    @display(description="Mail server")
    def trouble(self, invitation: Invitation) -> str:
        if not invitation.last_error:
            return "-"
        again = f" Next try {invitation.next_try:%d %b %H:%M} UTC." if invitation.next_try else ""
        return f"{invitation.last_error} Tries: {invitation.tries}.{again}"

    # --- buttons ------------------------------------------------------------------------------------------------------

    @action(description="Approve and send", permissions=["approve"])
    def approve_selected(self, request: HttpRequest, queryset: "QuerySet[Any]") -> None:
        self._each(request, queryset, approve_proposal, "Approved")

    @action(description="Revoke", permissions=["approve"])
    def revoke_selected(self, request: HttpRequest, queryset: "QuerySet[Any]") -> None:
        self._each(request, queryset, revoke, "Revoked")

    @action(description="Send again", permissions=["approve"])
    def resend_selected(self, request: HttpRequest, queryset: "QuerySet[Any]") -> None:
        self._each(request, queryset, resend, "Sent again")

    def _each(
        self, request: HttpRequest, queryset: "QuerySet[Any]", work: Callable[[Invitation, User], None], word: str
    ) -> None:
        """Work on each invitation by itself: one that is refused does not stop the others. The tick sends the mails."""
        done = 0
        for invitation in queryset.select_related("connection").order_by("pk"):
            try:
                work(invitation, account_of(request))
            except Refused as refused:
                messages.error(request, str(refused))
            else:
                done += 1
        if done:
            mails = "" if work is revoke else " Each mail is sent within a minute, or when its time comes."
            messages.success(request, f"{word}: {done}.{mails}")
