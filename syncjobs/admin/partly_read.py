"""Forms and lists of on-call objects that a source reported only in part, and what rests on these objects."""

from collections import defaultdict
from collections.abc import Collection, Mapping, Sequence

from django.contrib import admin
from django.http import HttpRequest
from django.utils.html import format_html
from django.utils.safestring import SafeString
from unfold.decorators import display

from connectors.admin.connections import pill
from oncall.admin.base.aggregate import AggregateAdmin
from oncall.admin.base.columns import source
from oncall.admin.forms.aggregate_forms import AnyRoot
from oncall.admin.groups import UserGroupAdmin
from oncall.admin.people import ResponderAdmin
from oncall.admin.policy.list import EscalationPolicyAdmin
from oncall.admin.policy.page import EscalationPage
from oncall.models import EscalationPolicy, Responder, UserGroup
from oncall.selectors.policies import Walkable
from syncjobs.words.unread import UnreadElements, sentences_of, sentences_of_walk, unread_elements


class PartlyReadAdmin(AggregateAdmin[AnyRoot]):
    """Says in the form which elements could not be read, and marks rows with such elements in the list."""

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
        for row in rows:
            vars(row)["unread"] = sentences_of(found.get(row.pk, ()))

    @display(description="Source", ordering="origin_label")
    def from_source(self, row: AnyRoot) -> SafeString:
        sentences = vars(row)["unread"]
        if not sentences:
            return source(row)
        mark = format_html('<span title="{}">{}</span>', " ".join(sentences), pill("partly read", "warning"))
        return format_html("{} {}", source(row), mark)


class SyncedEscalationPage(EscalationPage):
    """Says on which unread elements the walk rests: of policies, schedules and groups, and of the people in them."""

    def warnings(self, policy: EscalationPolicy, found: Walkable, at: int) -> Sequence[str]:
        return sentences_of_walk(policy.pk, found, at)


for model in (EscalationPolicy, Responder, UserGroup):
    admin.site.unregister(model)


@admin.register(EscalationPolicy)
class SyncedEscalationPolicyAdmin(PartlyReadAdmin[EscalationPolicy], EscalationPolicyAdmin):
    """Escalation policies. Their lists, forms and pages say which levels could not be read."""

    page_type = SyncedEscalationPage


@admin.register(Responder)
class SyncedResponderAdmin(PartlyReadAdmin[Responder], ResponderAdmin):
    """Responders. Their lists and forms say which contact methods, rules and substitutions could not be read."""


@admin.register(UserGroup)
class SyncedUserGroupAdmin(PartlyReadAdmin[UserGroup], UserGroupAdmin):
    """User groups. Their lists and forms say which members could not be read."""
