"""People with their invitations, in the list and on their pages."""

from collections.abc import Sequence
from typing import Any

from django.contrib import admin
from django.http import HttpRequest
from unfold.decorators import display

from oncall.masking import may_see_addresses, without_addresses
from oncall.models import Responder
from syncjobs.admin.invitations.invitation_list import state_pill
from syncjobs.admin.partly_read import SyncedResponderAdmin
from syncjobs.conflicts.invited import invitations_of_rows
from syncjobs.words.invitations import invitation_in_words

admin.site.unregister(Responder)


@admin.register(Responder)
class InvitedResponderAdmin(SyncedResponderAdmin):
    def get_list_display(self, request: HttpRequest) -> tuple[str, ...]:
        return (*self.list_display, "invitation_state")

    def complete(self, request: HttpRequest, rows: Sequence[Any]) -> None:
        """Set ``invitation`` on the people of one page."""
        super().complete(request, rows)
        found = invitations_of_rows([row.pk for row in rows])
        for row in rows:
            vars(row)["invitation"] = found.get(row.pk)

    def get_object(self, request: HttpRequest, object_id: str, from_field: str | None = None) -> Any:
        person = super().get_object(request, object_id, from_field)
        if person is not None:
            invitation = invitations_of_rows([person.pk]).get(person.pk)
            words = invitation_in_words(invitation) if invitation is not None else ""
            vars(person)["invitation_words"] = words if may_see_addresses(request.user) else without_addresses(words)
        return person

    def get_readonly_fields(self, request: HttpRequest, obj: Responder | None = None) -> tuple[str, ...]:
        fields = super().get_readonly_fields(request, obj)
        return (*fields, "invitation_sentence") if vars(obj or Responder()).get("invitation_words") else fields

    @display(description="Invitation")
    def invitation_state(self, responder: Any) -> str:
        return state_pill(responder.invitation) if responder.invitation is not None else "-"

    @display(description="Invitation")
    def invitation_sentence(self, responder: Any) -> str:
        return str(vars(responder)["invitation_words"])
