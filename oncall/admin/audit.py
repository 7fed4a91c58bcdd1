"""Change records: read only."""

from collections.abc import Sequence
from datetime import UTC

from django.contrib import admin
from django.core.exceptions import PermissionDenied
from django.db.models import QuerySet
from django.http import Http404, HttpRequest, HttpResponse, HttpResponseRedirect
from django.utils.html import format_html, format_html_join
from django.utils.safestring import SafeString
from unfold.decorators import display

from oncall.admin.base.aggregate import records_url
from oncall.admin.base.columns import PageOfRows, first_few
from oncall.admin.base.unfold import ModelAdmin
from oncall.masking import hide_addresses, may_see_addresses
from oncall.models import ChangeRecord
from oncall.selectors.visible import acts_as_lead, visible_to


@admin.register(ChangeRecord)
class ChangeRecordAdmin(ModelAdmin[ChangeRecord]):
    class Media:
        css = {"all": ("oncall/timeline.css",)}

    list_display = ("time", "label", "kind_label", "action_label", "changed", "by")
    list_filter = ("action", "model")
    linked_lookups = ("object_id__exact",)  # the history of a row
    list_select_related = ("actor",)
    list_per_page = 50
    show_full_result_count = False
    search_fields = ("label", "=cause")
    ordering = ("-pk",)
    fields = ("time", "label", "kind_label", "action_label", "by", "table")
    readonly_fields = fields

    def get_queryset(self, request: HttpRequest) -> QuerySet[ChangeRecord]:
        return visible_to(request.user, super().get_queryset(request))

    def has_view_permission(self, request: HttpRequest, obj: ChangeRecord | None = None) -> bool:
        return super().has_view_permission(request, obj) or acts_as_lead(request.user)

    def history_view(
        self, request: HttpRequest, object_id: str, extra_context: dict[str, object] | None = None
    ) -> HttpResponse:
        if not self.has_view_permission(request):
            raise PermissionDenied
        record = self.get_object(request, object_id)
        if record is None:
            raise Http404
        return HttpResponseRedirect(records_url(record.model, record.object_id))

    def has_add_permission(self, request: HttpRequest) -> bool:
        return False

    def has_change_permission(self, request: HttpRequest, obj: ChangeRecord | None = None) -> bool:
        return False

    def has_delete_permission(self, request: HttpRequest, obj: ChangeRecord | None = None) -> bool:
        return False

    def get_changelist(self, request: HttpRequest, **kwargs: object) -> type[PageOfRows]:
        return PageOfRows

    def complete(self, request: HttpRequest, rows: Sequence[ChangeRecord]) -> None:
        for record in () if may_see_addresses(request.user) else rows:
            _hide(record)

    def get_object(self, request: HttpRequest, object_id: str, from_field: str | None = None) -> ChangeRecord | None:
        record = super().get_object(request, object_id, from_field)
        if record is not None and not may_see_addresses(request.user):
            _hide(record)
        return record

    def get_search_fields(self, request: HttpRequest) -> tuple[str, ...]:
        # The label of an account is its address; a search would find out which addresses exist.
        return self.search_fields if may_see_addresses(request.user) else ("=cause",)

    @display(description="At", ordering="pk")
    def time(self, record: ChangeRecord) -> str:
        return f"{record.at.astimezone(UTC):%Y-%m-%d %H:%M:%S} UTC"

    @display(description="Kind")
    def kind_label(self, record: ChangeRecord) -> str:
        return record.model.replace("_", " ")

    @display(description="Action", label={"Created": "success", "Changed": "info", "Deleted": "danger"})
    def action_label(self, record: ChangeRecord) -> str:
        return record.get_action_display()

    @display(description="What changed")
    def changed(self, record: ChangeRecord) -> str:
        return first_few(list(record.changes))

    @display(description="By", ordering="cause")
    def by(self, record: ChangeRecord) -> str:
        return f"{record.actor} ({record.cause})" if record.actor else record.cause

    @display(description="Changes")
    def table(self, record: ChangeRecord) -> SafeString | str:
        if not record.changes:
            return "Everything is new."
        rows = format_html_join(
            "",
            "<tr><th>{}</th><td>{}</td><td>{}</td></tr>",
            ((path, _cell(old), _cell(new)) for path, (old, new) in sorted(record.changes.items())),
        )
        head = "<tr><th>Field</th><th>Before</th><th>After</th></tr>"
        return format_html('<table class="rb-changes">{}{}</table>', SafeString(head), rows)


def _hide(record: ChangeRecord) -> None:
    hide_addresses(record)
    if record.actor:
        hide_addresses(record.actor)


def _cell(value: object) -> SafeString | str:
    """Returns a scalar as text, and a list or mapping as a list of ``name: value``."""
    match value:
        case None:
            return "—"
        case dict():
            pairs = ((name, _cell(each)) for name, each in value.items())
            return format_html("<ul>{}</ul>", format_html_join("", "<li>{}: {}</li>", pairs))
        case list():
            return format_html("<ol>{}</ol>", format_html_join("", "<li>{}</li>", ((_cell(each),) for each in value)))
        case bool():
            return "yes" if value else "no"
    return str(value)
