"""Change records: read only."""

from datetime import UTC
from typing import Any

from django.contrib import admin
from django.http import HttpRequest
from django.utils.html import format_html, format_html_join
from django.utils.safestring import SafeString
from unfold.admin import ModelAdmin
from unfold.decorators import display

from oncall.models import ChangeRecord


@admin.register(ChangeRecord)
class ChangeRecordAdmin(ModelAdmin):
    list_display = ("time", "label", "kind_label", "action_label", "changed", "by")
    list_filter = ("action", "model")
    list_select_related = ("actor",)
    list_per_page = 50
    show_full_result_count = False
    search_fields = ("label", "=cause")
    ordering = ("-pk",)
    fields = ("time", "label", "kind_label", "action_label", "by", "table")
    readonly_fields = fields

    def has_add_permission(self, request: HttpRequest) -> bool:
        return False

    def has_change_permission(self, request: HttpRequest, obj: Any = None) -> bool:
        return False

    def has_delete_permission(self, request: HttpRequest, obj: Any = None) -> bool:
        return False

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
        paths = list(record.changes)
        return ", ".join(paths[:3]) + (f" and {len(paths) - 3} more" if len(paths) > 3 else "")

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
            ((p, _shown(o), _shown(n)) for p, (o, n) in sorted(record.changes.items())),
        )
        head = "<tr><th>Field</th><th>Before</th><th>After</th></tr>"
        return format_html('<table class="rb-changes">{}{}</table>', SafeString(head), rows)


def _shown(value: Any) -> SafeString | str:
    """Scalars as they are; a list or mapping as lines of ``name: value``."""
    match value:
        case None:
            return "—"
        case dict():
            pairs = ((name, _shown(part)) for name, part in value.items())
            return format_html("<ul>{}</ul>", format_html_join("", "<li>{}: {}</li>", pairs))
        case list():
            return format_html("<ol>{}</ol>", format_html_join("", "<li>{}</li>", ((_shown(part),) for part in value)))
        case bool():
            return "yes" if value else "no"
    return str(value)
