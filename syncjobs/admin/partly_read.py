"""Forms and lists of on-call objects that a source reported only in part, and what rests on these objects."""

from collections import defaultdict
from collections.abc import Collection, Mapping, Sequence
from typing import Any

from django.contrib import admin
from django.contrib.admin import action
from django.db.models import QuerySet
from django.http import HttpRequest, HttpResponse
from django.utils.html import format_html, format_html_join
from django.utils.safestring import SafeString
from unfold.decorators import display

from connectors.admin.connections import START, pill
from oncall.admin.base.aggregate import AggregateAdmin
from oncall.admin.base.columns import source
from oncall.admin.catalog import ServiceAdmin
from oncall.admin.forms.aggregate_forms import AnyRoot
from oncall.admin.groups import UserGroupAdmin
from oncall.admin.people import ResponderAdmin
from oncall.admin.policy.list import EscalationPolicyAdmin
from oncall.admin.policy.page import EscalationPage
from oncall.models import EscalationPolicy, Responder, Service, UserGroup
from oncall.selectors.policies import Walkable
from syncjobs.admin.following.marks import FollowingFilter, mark_of, marks_of
from syncjobs.admin.sync_selected import links_to_sync, sync_selected
from syncjobs.words.unread import UnreadElements, sentences_of, sentences_of_walk, unread_elements


class PartlyReadAdmin(AggregateAdmin[AnyRoot]):
    """Says in the form which elements could not be read, and marks rows with such elements in the list.

    The list also marks the rows that differ from their source, and filters by these marks. A form whose list has the
    action *Sync with the source now* has it as a button, if its row follows a source.
    """

    change_form_outer_before_template = "syncjobs/page_actions.html"

    def has_start_permission(self, request: HttpRequest) -> bool:
        """Return whether the account may start syncs, which the action of the lists demands."""
        return request.user.has_perm(START)

    @action(description="Sync with the source now", permissions=["start"])
    def sync_selected(self, request: HttpRequest, queryset: "QuerySet[AnyRoot]") -> HttpResponse | None:
        return sync_selected(request, self.kind, queryset)

    def render_change_form(
        self,
        request: HttpRequest,
        context: dict[str, Any],
        add: bool = False,
        change: bool = False,
        form_url: str = "",
        obj: AnyRoot | None = None,
    ) -> HttpResponse:
        if (
            obj is not None
            and "sync_selected" in self.get_actions(request)
            and links_to_sync(self.kind, [obj.pk]).exists()
        ):
            context = {**context, "page_actions": [("sync_selected", "Sync this")]}
        return super().render_change_form(request, context, add, change, form_url, obj)

    def get_list_filter(self, request: HttpRequest) -> Any:
        return (*super().get_list_filter(request), FollowingFilter)

    def unread(self, row_ids: Collection[int]) -> Mapping[int, Sequence[UnreadElements]]:
        """Return the unread elements on which these rows rest, by row id."""
        found: dict[int, list[UnreadElements]] = defaultdict(list)
        for (_, row_id), unread in unread_elements(self.kind).items():
            found[row_id] += unread
        return found

    def warnings(self, row: AnyRoot) -> Sequence[str]:
        return sentences_of(self.unread([row.pk]).get(row.pk, ()))

    def complete(self, request: HttpRequest, rows: Sequence[AnyRoot]) -> None:
        super().complete(request, rows)
        found = self.unread([row.pk for row in rows])
        marks = marks_of(self.kind, rows)
        for row in rows:
            vars(row).update(unread=sentences_of(found.get(row.pk, ())), following=marks[row.pk])

    @display(description="Source", ordering="origin_label")
    def from_source(self, row: AnyRoot) -> SafeString:
        shown = [source(row)]
        if sentences := vars(row)["unread"]:
            shown.append(format_html('<span title="{}">{}</span>', " ".join(sentences), pill("partly read", "warning")))
        shown += map(mark_of, vars(row)["following"])
        return format_html_join(" ", "{}", ((each,) for each in shown))


class SyncedEscalationPage(EscalationPage):
    """Says on which unread elements the walk rests: of policies, schedules and groups, and of the people in them."""

    def warnings(self, policy: EscalationPolicy, found: Walkable, at: int) -> Sequence[str]:
        return sentences_of_walk(policy.pk, found, at)


for model in (EscalationPolicy, Responder, Service, UserGroup):
    admin.site.unregister(model)


@admin.register(EscalationPolicy)
class SyncedEscalationPolicyAdmin(PartlyReadAdmin[EscalationPolicy], EscalationPolicyAdmin):
    """Escalation policies. Their lists, forms and pages say which levels could not be read."""

    actions = (*EscalationPolicyAdmin.actions, "sync_selected")
    page_type = SyncedEscalationPage


@admin.register(Responder)
class SyncedResponderAdmin(PartlyReadAdmin[Responder], ResponderAdmin):
    """Responders. Their lists and forms say which contact methods, rules and substitutions could not be read."""


@admin.register(UserGroup)
class SyncedUserGroupAdmin(PartlyReadAdmin[UserGroup], UserGroupAdmin):
    """User groups. Their lists and forms say which members could not be read."""

    actions = (*UserGroupAdmin.actions, "sync_selected")


@admin.register(Service)
class SyncedServiceAdmin(PartlyReadAdmin[Service], ServiceAdmin):
    """Services. Their list marks those that differ from their source."""

    actions = (*ServiceAdmin.actions, "sync_selected")
