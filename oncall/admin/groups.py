"""User groups, their members, and who leads them here."""

from collections.abc import Iterable, Sequence
from typing import Any

from django import forms
from django.contrib import admin
from django.db.models import CharField, Prefetch, QuerySet
from django.db.models.functions import Cast, Coalesce
from django.http import HttpRequest
from django.utils.safestring import SafeString
from unfold.decorators import display
from unfold.widgets import UnfoldAdminSelect2MultipleWidget

from oncall.admin.base.aggregate import AggregateForm, ElementForm, ElementInline, OperatedAdmin, actor
from oncall.admin.base.columns import count_of, is_list, some, source
from oncall.admin.base.fields import PersonField
from oncall.models import GroupLead, GroupMember, User, UserGroup
from oncall.operations import grant_lead, revoke_lead


class UserGroupForm(AggregateForm):
    kind = "user_group"
    mirrored = ("name", "description", "active")
    leads = forms.ModelMultipleChoiceField(
        User.objects.order_by("email"),
        required=False,
        widget=UnfoldAdminSelect2MultipleWidget,
        help_text="Accounts that may act for this group here. Never imported.",
    )

    class Meta:
        model = UserGroup
        fields = ("name", "description", "active")

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        if self.instance.pk and "leads" in self.fields:
            self.initial["leads"] = list(self.instance.leads.values_list("account_id", flat=True))

    @property
    def suggested_people(self) -> list[str]:
        return self.directory.people


class GroupMemberForm(ElementForm):
    collection = "members"
    person = PersonField(label="Person")

    class Meta:
        model = GroupMember
        fields = ("imported_role",)
        labels = {"imported_role": "Role at the source (shown, never a right here)"}

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        row = self.instance
        if row.person_key:
            self.initial["person"] = self.directory.label("responder", row.responder_id, row.person_key)

    def clean_person(self) -> str:
        if self.instance.person_key and "person" not in self.changed_data:
            return str(self.instance.person_key)
        return self.directory.find(self.cleaned_data["person"].strip(), "responder")[1]

    def values(self) -> dict[str, Any]:
        return {"person_key": self.cleaned_data["person"], "role": self.cleaned_data["imported_role"]}


class GroupMemberInline(ElementInline):
    model = GroupMember
    form = GroupMemberForm
    fields = ("person", "imported_role")
    named_by = ("responder",)
    verbose_name = "member"
    verbose_name_plural = "members"


@admin.register(UserGroup)
class UserGroupAdmin(OperatedAdmin):
    kind = "user_group"
    form = UserGroupForm
    list_display = ("name", "member_count", "led_by", "from_source", "active")
    inlines = (GroupMemberInline,)

    def get_queryset(self, request: HttpRequest) -> QuerySet[UserGroup]:
        rows: QuerySet[UserGroup] = super().get_queryset(request)
        if not is_list(request):
            return rows
        person = Coalesce(Cast("responder_id", CharField()), "person_key")
        leads = Prefetch("leads", queryset=GroupLead.objects.select_related("account").order_by("pk"))
        return rows.annotate(people=count_of(GroupMember, "group", person)).prefetch_related(leads)

    def get_fields(self, request: HttpRequest, obj: Any = None) -> Sequence[Any]:
        leads = ("leads",) if request.user.has_perm("oncall.change_grouplead") else ()
        return (*UserGroupForm.Meta.fields, *leads)

    @display(description="Members", ordering="people")
    def member_count(self, group: Any) -> int:
        return int(group.people)

    @display(description="Leads")
    def led_by(self, group: UserGroup) -> str:
        return some([str(lead.account) for lead in group.leads.all()])

    @display(description="Source", ordering="origin_label")
    def from_source(self, group: UserGroup) -> SafeString:
        return source(group)

    def save_beside(self, request: HttpRequest, form: Any, formsets: Iterable[Any]) -> None:
        if "leads" not in form.cleaned_data:
            return
        group, wanted = form.instance.pk, {account.pk for account in form.cleaned_data["leads"]}
        present = set(GroupLead.objects.filter(group_id=group).values_list("account_id", flat=True))
        for account_id in sorted(wanted - present):
            grant_lead(account_id, group, actor(request))
        for account_id in sorted(present - wanted):
            revoke_lead(account_id, group, actor(request))
