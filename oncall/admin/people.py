"""Responders."""

from collections.abc import Iterable, Sequence
from typing import Any

from django import forms
from django.contrib import admin
from django.core.exceptions import ValidationError
from django.db.models import Prefetch, QuerySet
from django.http import HttpRequest
from django.utils import timezone
from django.utils.safestring import SafeString
from unfold.decorators import display

from oncall.admin.base.aggregate import AggregateForm, ElementForm, ElementInline, OperatedAdmin, actor
from oncall.admin.base.columns import is_list, some, source
from oncall.admin.base.fields import (
    PersonField,
    ReadingField,
    ZoneField,
    instant_text,
    person_key,
    person_label,
    reading_of,
    typing_zone,
)
from oncall.models import ContactMethod, GroupMember, NotificationRule, Responder, Substitution
from oncall.operations import link_account
from oncall.tables.base import element_key
from oncall.tables.people import RESPONDERS


class ResponderForm(AggregateForm):
    kind = "responder"
    mirrored = ("name", "email", "time_zone", "title", "state", "active")
    time_zone = ZoneField(required=False, label="Time zone", help_text="IANA name, for example Europe/Berlin.")

    class Meta:
        model = Responder
        fields = ("name", "email", "title", "time_zone", "state", "account", "active")

    @property
    def suggested_people(self) -> list[str]:
        return self.directory.people


class ContactMethodForm(ElementForm):
    collection = "contact_methods"

    class Meta:
        model = ContactMethod
        fields = ("channel", "address", "extension", "label", "enabled")

    def values(self) -> dict[str, Any]:
        return {name: self.cleaned_data[name] for name in RESPONDERS.elements[self.collection].fields}


class NotificationRuleForm(ElementForm):
    """Edits a notification rule. ``method`` holds the element key of one of the responder's contact methods."""

    collection = "notification_rules"
    method = forms.ChoiceField(label="Contact method")

    class Meta:
        model = NotificationRule
        fields = ("urgency", "delay")

    def __init__(self, *args: Any, methods: Sequence[tuple[str, str]], **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        kept = self.instance.method_key
        unknown = [(kept, f"{kept} (not known here)")] if kept and kept not in dict(methods) else []
        field = self.fields["method"]
        assert isinstance(field, forms.ChoiceField)  # noqa: S101 - declared above
        field.choices = [("", "---------"), *methods, *unknown]
        self.initial["method"] = kept

    def values(self) -> dict[str, Any]:
        return {
            "urgency": self.cleaned_data["urgency"],
            "delay": self.cleaned_data["delay"],
            "method_key": self.cleaned_data["method"],
            "windows": self.instance.windows,
        }


class SubstitutionForm(ElementForm):
    """Edits a substitution. zone: the time zone of the form's dates and times."""

    collection = "substitutions"
    stand_in = PersonField(label="Replaced by", help_text="“nobody” leaves the shift vacant.")
    starts = ReadingField(label="Starts")
    ends = ReadingField(label="Ends")

    class Meta:
        model = Substitution
        fields = ()

    def __init__(self, *args: Any, zone: str, **kwargs: Any) -> None:
        self.zone = zone
        super().__init__(*args, **kwargs)
        row = self.instance
        self.initial["stand_in"] = person_label(self.directory, row.by_key, row.by_id)
        if row.pk:
            self.initial["starts"] = reading_of(row.starts_at, self.zone)
            self.initial["ends"] = reading_of(row.ends_at, self.zone)

    def clean(self) -> dict[str, Any]:
        cleaned = super().clean() or self.cleaned_data
        check_span(self)
        return cleaned

    def clean_stand_in(self) -> str:
        return person_key(self, "stand_in", self.instance.by_key)

    def values(self) -> dict[str, Any]:
        return {
            "by_key": self.cleaned_data["stand_in"],
            "scope": self.instance.scope,
            "starts_at": instant_text(self.cleaned_data["starts"], self.zone),
            "ends_at": instant_text(self.cleaned_data["ends"], self.zone),
        }


def check_span(form: forms.Form | forms.ModelForm) -> None:  # type: ignore[type-arg]
    """Reports an end that is not after the start."""
    starts, ends = form.cleaned_data.get("starts"), form.cleaned_data.get("ends")
    if starts is not None and ends is not None and ends <= starts:
        form.add_error("ends", ValidationError("The end must be after the start."))


class ContactMethodInline(ElementInline):
    model = ContactMethod
    form = ContactMethodForm


class NotificationRuleInline(ElementInline):
    model = NotificationRule
    form = NotificationRuleForm


class SubstitutionInline(ElementInline):
    model = Substitution
    form = SubstitutionForm
    fk_name = "responder"
    fields = ("stand_in", "starts", "ends")
    named_by = ("by", "responder")
    verbose_name = "substitution"
    verbose_name_plural = "Current and future substitutions (responder's time zone, else UTC)"

    def get_queryset(self, request: HttpRequest) -> QuerySet[Any]:
        return super().get_queryset(request).filter(ends_at__gt=timezone.now()).order_by("starts_at")


@admin.register(Responder)
class ResponderAdmin(OperatedAdmin):
    kind = "responder"
    form = ResponderForm
    list_display = ("name", "email", "state_label", "time_zone", "in_groups", "from_source", "account")
    list_filter = ("active", "state", *OperatedAdmin.list_filter[1:])
    list_select_related = ("account",)
    search_fields = ("name", "email", "email_canonical", "title")
    autocomplete_fields = ("account",)
    inlines = (ContactMethodInline, NotificationRuleInline, SubstitutionInline)

    def get_queryset(self, request: HttpRequest) -> QuerySet[Responder]:
        groups = Prefetch("memberships", queryset=GroupMember.objects.select_related("group").order_by("pk"))
        rows: QuerySet[Responder] = super().get_queryset(request)
        return rows.prefetch_related(groups) if is_list(request) else rows

    @display(
        description="State",
        label={"Active": "success", "Inactive": "warning", "Deleted at the source": "danger", "Unknown": "info"},
    )
    def state_label(self, responder: Responder) -> str:
        return responder.get_state_display() if responder.active else "Inactive"

    @display(description="Groups")
    def in_groups(self, responder: Responder) -> str:
        return some(list(dict.fromkeys(member.group.name for member in responder.memberships.all())))

    @display(description="Source", ordering="origin_label")
    def from_source(self, responder: Responder) -> SafeString:
        return source(responder)

    def get_formset_kwargs(self, request: HttpRequest, obj: Any, inline: Any, prefix: str) -> dict[str, Any]:
        kwargs = super().get_formset_kwargs(request, obj, inline, prefix)
        if isinstance(inline, NotificationRuleInline):
            rows = obj.contact_methods.all() if obj.pk else ()
            kwargs["form_kwargs"]["methods"] = [(element_key(row), str(row)) for row in rows]
        if isinstance(inline, SubstitutionInline):
            kwargs["form_kwargs"]["zone"] = typing_zone(obj, request.POST)
        return kwargs

    def save_beside(self, request: HttpRequest, form: Any, formsets: Iterable[Any]) -> None:
        if "account" in form.changed_data:
            account = form.cleaned_data["account"]
            link_account(form.instance.pk, account and account.pk, actor(request))
