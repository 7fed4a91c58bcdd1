"""The list of invitations, with the buttons that approve, revoke and repeat them."""

from collections.abc import Callable, Mapping, Sequence
from datetime import datetime
from typing import Any, Final

from django.contrib import admin, messages
from django.contrib.admin import action
from django.db.models import QuerySet
from django.http import HttpRequest, HttpResponse
from unfold.decorators import display

from connectors.admin.connections import ReadOnlyAdmin, pill
from oncall.admin.base.columns import PageOfRows, dated_moment
from oncall.masking import hide_addresses, may_see_addresses
from oncall.models import User
from syncjobs.admin.buttons import account_of
from syncjobs.deciding.inviting import approve_proposal, resend, revoke
from syncjobs.deciding.rights import may_approve_invitations
from syncjobs.models import Invitation, InvitationState
from syncjobs.pages.marks import ago
from syncjobs.planning.decisions.values import Refused
from syncjobs.words.invitations import invitation_in_words

COLOURS = {
    InvitationState.PROPOSED: "warning",
    InvitationState.QUEUED: "info",
    InvitationState.SENT: "info",
    InvitationState.ACCEPTED: "success",
    InvitationState.EXPIRED: "warning",
    InvitationState.REVOKED: "",
    InvitationState.FAILED: "danger",
}


#: The actions that an invitation can have in each state, the most likely first.
ACTIONS: Final[Mapping[str, tuple[str, ...]]] = {
    InvitationState.PROPOSED: ("approve_selected", "revoke_selected"),
    InvitationState.QUEUED: ("revoke_selected",),
    InvitationState.SENT: ("resend_selected", "revoke_selected"),
    InvitationState.ACCEPTED: (),
    InvitationState.EXPIRED: ("resend_selected",),
    InvitationState.REVOKED: ("resend_selected",),
    InvitationState.FAILED: ("resend_selected",),
}


def _moment(at: datetime) -> str:
    return dated_moment(int(at.timestamp()), "UTC")


def state_pill(invitation: Invitation) -> str:
    return pill(invitation.get_state_display().capitalize(), COLOURS[InvitationState(invitation.state)])


@admin.register(Invitation)
class InvitationAdmin(ReadOnlyAdmin):
    list_display = ("address", "name_shown", "connection", "state_shown", "invited_by", "mailed", "next_event")
    list_filter = ("state", "connection")
    change_form_outer_before_template = "syncjobs/page_actions.html"
    list_select_related = ("connection", "proposed_by", "approved_by")
    list_per_page = 50
    show_full_result_count = False
    search_fields = ("name", "email")
    actions = ("approve_selected", "revoke_selected", "resend_selected")
    fields = readonly_fields = (
        "sentence", "address", "name", "connection", "external_id", "proposed_by", "approved_by", "tries", "last_error",
    )  # fmt: skip

    def get_queryset(self, request: HttpRequest) -> "QuerySet[Any]":
        return super().get_queryset(request).defer("token_hash")

    def get_object(self, request: HttpRequest, object_id: str, from_field: str | None = None) -> Any:
        found = super().get_object(request, object_id, from_field)
        if found is not None and not may_see_addresses(request.user):
            hide_addresses(found)
        return found

    def change_view(
        self, request: HttpRequest, object_id: str, form_url: str = "", extra_context: dict[str, Any] | None = None
    ) -> HttpResponse:
        found, offered = self.get_object(request, object_id), self.get_actions(request)
        names = ACTIONS[found.state] if found is not None else ()
        actions = [(name, offered[name][2]) for name in names if name in offered]
        return super().change_view(request, object_id, form_url, {"page_actions": actions, **(extra_context or {})})

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

    @display(description="E-mail", ordering="email")
    def address(self, invitation: Invitation) -> str:
        return invitation.email

    @display(description="Person", ordering="name")
    def name_shown(self, invitation: Invitation) -> str:
        return invitation.name or "only the address"

    @display(description="State", ordering="state")
    def state_shown(self, invitation: Invitation) -> str:
        return state_pill(invitation)

    @display(description="Invited by")
    def invited_by(self, invitation: Invitation) -> str:
        if invitation.approved_by or invitation.from_shell:
            return str(invitation.approved_by or "the shell")
        if invitation.proposed_by or invitation.state == InvitationState.PROPOSED:
            return f"proposed by {invitation.proposed_by or 'a deleted account'}"
        return "a deleted account"

    @display(description="Mail sent", ordering="sent_at")
    def mailed(self, invitation: Invitation) -> str:
        return ago(invitation.sent_at) if invitation.sent_at else "not yet"

    @display(description="Next")
    def next_event(self, invitation: Invitation) -> str:
        """What happens next. The reason of a failure is on the page of the invitation."""
        if invitation.state == InvitationState.SENT and invitation.expires_at:
            return f"expires {_moment(invitation.expires_at)}"
        if invitation.state == InvitationState.QUEUED and invitation.next_try:
            again = f", after {invitation.tries} failed" if invitation.last_error else ""
            return f"mail {_moment(invitation.next_try)}{again}"
        return "waits for approval" if invitation.state == InvitationState.PROPOSED else "-"

    @display(description="State")
    def sentence(self, invitation: Invitation) -> str:
        return invitation_in_words(invitation)

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
