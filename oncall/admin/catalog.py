"""Services."""

from django.contrib import admin
from django.utils.safestring import SafeString
from unfold.decorators import display

from oncall.admin.base.aggregate import AggregateForm, OperatedAdmin
from oncall.admin.base.columns import source
from oncall.models import Service


class ServiceForm(AggregateForm):
    kind = "service"
    mirrored = ("name", "description", "policy", "group", "active")

    class Meta:
        model = Service
        fields = ("name", "description", "policy", "group", "active")


@admin.register(Service)
class ServiceAdmin(OperatedAdmin):
    kind = "service"
    form = ServiceForm
    list_display = ("name", "policy", "group", "from_source", "active")
    list_select_related = ("policy", "group")
    autocomplete_fields = ("policy", "group")

    @display(description="Source", ordering="origin_label")
    def from_source(self, service: Service) -> SafeString:
        return source(service)
