"""Services."""

from django.contrib import admin

from oncall.admin.base.aggregate import AggregateAdmin
from oncall.admin.forms.aggregate_forms import AggregateForm
from oncall.models import Service


class ServiceForm(AggregateForm[Service]):
    kind = "service"
    mirrored = ("name", "description", "policy", "group", "active")

    class Meta:
        model = Service
        fields = ("name", "description", "policy", "group", "active")


@admin.register(Service)
class ServiceAdmin(AggregateAdmin[Service]):
    kind = "service"
    form = ServiceForm
    list_display = ("name", "policy", "group", "from_source", "active")
    list_select_related = ("policy", "group")
    autocomplete_fields = ("policy", "group")
