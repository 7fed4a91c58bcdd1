"""Responders."""

from collections.abc import Sequence
from typing import Any, Unpack

from django import forms
from django.contrib import admin
from django.contrib.admin import ModelAdmin, SimpleListFilter, action
from django.contrib.admin.options import InlineModelAdmin
from django.db.models import Model, Prefetch, QuerySet
from django.http import HttpRequest, HttpResponse
from django.template.response import TemplateResponse
from django.urls import URLPattern, path
from unfold.decorators import display

from oncall.admin.base.aggregate import AggregateAdmin, ElementInline, actor
from oncall.admin.base.bulk import apply_to_each
from oncall.admin.base.columns import SourceFilter, first_few, is_list
from oncall.admin.base.replacements import ReplacementForm, ReplacementInline
from oncall.admin.forms.aggregate_forms import AggregateForm, ElementForm
from oncall.admin.forms.directory import Directory
from oncall.admin.forms.fields import ZoneField
from oncall.admin.forms.names import NameField, names_view
from oncall.admin.forms.times import typing_zone
from oncall.admin.forms.typed import ModelFormOptions
from oncall.errors import StaleRows
from oncall.models import ContactMethod, GroupMember, NotificationRule, Responder, Substitution, UserGroup
from oncall.operations import erase_responder, link_account, preview_erasure
from oncall.operations.authority import CHANGE_ACCOUNT
from oncall.selectors.responders import REACHABLE, is_valid_method, with_reachability
from oncall.selectors.visible import named_beside
from oncall.tables.base import element_key
from oncall.tables.people import RESPONDERS


class ResponderForm(AggregateForm[Responder]):
    kind = "responder"
    mirrored = ("name", "email", "time_zone", "title", "state", "active")
    time_zone = ZoneField()

    class Meta:
        model = Responder
        fields = ("name", "email", "title", "time_zone", "state", "account", "active")
        help_texts = {
            "state": "As the source reports it. A person who is inactive or deleted there cannot be reached.",
            "account": "The login of this person.",
            "active": "A person who is not active here keeps all slots and cannot be reached.",
        }


class ContactMethodForm(ElementForm[ContactMethod]):
    collection = "contact_methods"

    class Meta:
        model = ContactMethod
        fields = ("channel", "address", "extension", "label", "enabled")

    def clean(self) -> None:
        """Refuses an address by which nobody can be reached. One from a source is kept until somebody edits it."""
        super().clean()
        cleaned = self.cleaned_data
        if self.errors or not cleaned["enabled"] or not {"channel", "address", "enabled"} & {*self.changed_data}:
            return
        entered = ContactMethod(channel=cleaned["channel"], address=cleaned["address"])
        if not is_valid_method(entered):
            kind = "e-mail address" if entered.channel == ContactMethod.Channel.EMAIL else "phone number"
            self.add_error("address", f"This is no valid {kind}. Correct it, or switch the contact method off.")

    def values(self) -> dict[str, object]:
        return {name: self.cleaned_data[name] for name in RESPONDERS.elements[self.collection].fields}


class NotificationRuleForm(ElementForm[NotificationRule]):
    """Edits a notification rule. methods: the element keys and names of the responder's contact methods."""

    collection = "notification_rules"
    method = forms.ChoiceField(
        label="Contact method",
        error_messages={"invalid_choice": "This contact method does not exist any more. Choose another one."},
    )

    class Meta:
        model = NotificationRule
        fields = ("urgency", "delay")
        labels = {"delay": "Delay, minutes"}

    def __init__(
        self,
        *,
        methods: Sequence[tuple[str, str]],
        directory: Directory,
        **options: Unpack[ModelFormOptions[NotificationRule]],
    ) -> None:
        super().__init__(directory=directory, **options)
        stored = self.instance.method_key
        unknown = [(stored, f"{stored} (not known here)")] if stored and stored not in dict(methods) else []
        field = self.fields["method"]
        assert isinstance(field, forms.ChoiceField)  # noqa: S101 - declared above
        field.choices = [("", "---------"), *methods, *unknown]
        self.initial["method"] = stored

    def values(self) -> dict[str, object]:
        return {
            "urgency": self.cleaned_data["urgency"],
            "delay": self.cleaned_data["delay"],
            "method_key": self.cleaned_data["method"],
            "windows": self.instance.windows,
        }


class SubstitutionForm(ReplacementForm[Substitution]):
    collection = "substitutions"
    stand_in = NameField("responder", nobody=True, label="Replaced by", help_text="“nobody” leaves the shift vacant.")

    class Meta:
        model = Substitution
        fields = ()

    def values(self) -> dict[str, object]:
        return {**super().values(), "scope": self.instance.scope}


class ContactMethodInline(ElementInline[ContactMethod, Responder]):
    model = ContactMethod
    form = ContactMethodForm


class NotificationRuleInline(ElementInline[NotificationRule, Responder]):
    model = NotificationRule
    form = NotificationRuleForm


class SubstitutionInline(ReplacementInline[Substitution, Responder]):
    model = Substitution
    form = SubstitutionForm
    fk_name = "responder"
    fields = ("stand_in", "starts", "ends")
    select_related = ("by", "responder")
    verbose_name = "substitution"
    verbose_name_plural = "Current and future substitutions (responder's time zone, else UTC)"


class ReachableFilter(SimpleListFilter):
    title = "can be reached"
    parameter_name = "reachable"

    def lookups(self, request: HttpRequest, model_admin: "ModelAdmin[Responder]") -> tuple[tuple[str, str], ...]:
        return ("yes", "Yes"), ("no", "No")

    def queryset(self, request: HttpRequest, queryset: QuerySet[Responder]) -> QuerySet[Responder]:
        match self.value():
            case "yes":
                return queryset.filter(REACHABLE)
            case "no":
                return queryset.exclude(REACHABLE)
        return queryset


@admin.register(Responder)
class ResponderAdmin(AggregateAdmin[Responder]):
    kind = "responder"
    form = ResponderForm
    list_display = ("name", "email", "state_label", "reached", "time_zone", "in_groups", "from_source", "account")
    list_filter = ("active", "state", ReachableFilter, SourceFilter)
    list_select_related = ("account",)
    search_fields = ("name", "email", "email_canonical", "title")
    autocomplete_fields = ("account",)
    inlines = (ContactMethodInline, NotificationRuleInline, SubstitutionInline)
    actions = (*AggregateAdmin.actions, "erase_selected")

    def get_urls(self) -> list[URLPattern]:
        names = self.admin_site.admin_view(names_view)
        return [path("names/", names, name="oncall_responder_names"), *super().get_urls()]

    def get_readonly_fields(self, request: HttpRequest, obj: Responder | None = None) -> tuple[str, ...]:
        """Only who may change accounts links one: the person's pages are then those of the account."""
        return () if request.user.has_perm(CHANGE_ACCOUNT) else ("account",)

    def get_queryset(self, request: HttpRequest) -> QuerySet[Responder]:
        named = named_beside(request.user, Responder, UserGroup.objects.order_by())
        members = GroupMember.objects.filter(group__in=named).select_related("group").order_by("pk")
        groups = Prefetch("memberships", queryset=members)
        rows = super().get_queryset(request)
        return with_reachability(rows).prefetch_related(groups) if is_list(request) else rows

    @display(
        description="State",
        label={"Active": "success", "Inactive": "warning", "Deleted at the source": "danger", "Unknown": "info"},
    )
    def state_label(self, responder: Responder) -> str:
        return responder.get_state_display() if responder.active else "Inactive"

    @display(description="Can be reached", boolean=True)
    def reached(self, responder: Any) -> bool:
        return bool(responder.is_reachable)

    @display(description="Groups")
    def in_groups(self, responder: Responder) -> str:
        return first_few(list(dict.fromkeys(member.group.name for member in responder.memberships.all())))

    def element_form_kwargs(
        self, request: HttpRequest, obj: Responder, inline: "InlineModelAdmin[Model, Responder]"
    ) -> dict[str, object]:
        kwargs = super().element_form_kwargs(request, obj, inline)
        if isinstance(inline, NotificationRuleInline):
            rows = obj.contact_methods.all() if obj.pk else ()
            kwargs["methods"] = [(element_key(row), str(row)) for row in rows]
        if isinstance(inline, SubstitutionInline):
            kwargs["zone"] = typing_zone(obj, request.POST)
        return kwargs

    def save_beside(self, request: HttpRequest, form: AggregateForm[Responder]) -> None:
        if "account" in form.changed_data:
            account = form.cleaned_data["account"]
            link_account(form.instance.pk, account and account.pk, actor(request))

    def has_erase_permission(self, request: HttpRequest) -> bool:
        return request.user.has_perm("oncall.erase_responder")

    @action(description="Erase personal data …", permissions=["erase"])
    def erase_selected(self, request: HttpRequest, queryset: QuerySet[Responder]) -> HttpResponse | None:
        """Shows what the erasure of the selected people replaces, and erases them when that page is confirmed."""
        people = list(queryset.select_related("account").order_by("pk"))
        if request.POST.get("confirmed") == "yes":
            shown, by = set(request.POST.getlist("version")), actor(request)

            def erase(rows: Sequence[Responder]) -> int:
                for row in rows:
                    if f"{row.pk}:{row.version}" not in shown:
                        raise StaleRows([row.pk])
                    erase_responder(row.pk, by, version=row.version)
                return len(rows)

            apply_to_each(request, people, erase, "erased. They keep their slots as former people.")
            return None
        context = {
            **self.admin_site.each_context(request),
            "opts": self.opts,
            "title": "Erase personal data",
            "people": [(person, preview_erasure(person.pk, actor(request))) for person in people],
        }
        return TemplateResponse(request, "oncall/admin/erase.html", context)
