"""User groups, their members, and who leads them here."""

from typing import Any

from django import forms
from django.contrib import admin
from django.db.models import CharField, Prefetch, QuerySet
from django.db.models.functions import Cast, Coalesce
from django.http import HttpRequest
from unfold.decorators import display

from oncall.admin.base.aggregate import AggregateAdmin, ElementInline, actor
from oncall.admin.base.columns import count_of, first_few, is_list
from oncall.admin.base.directory import unknown_label
from oncall.admin.base.fields import RowsSelect
from oncall.admin.base.forms import AggregateForm, ElementForm
from oncall.admin.base.names import NameField
from oncall.models import GroupLead, GroupMember, User, UserGroup
from oncall.operations import grant_lead, revoke_lead


class UserGroupForm(AggregateForm[UserGroup]):
    kind = "user_group"
    mirrored = ("name", "description", "active")
    leads = forms.ModelMultipleChoiceField(
        User.objects.order_by("email"),
        required=False,
        show_hidden_initial=True,  # which leads the form showed
        widget=RowsSelect(GroupLead._meta.get_field("account"), admin.site, {"style": "width: 100%"}),
        help_text="Accounts with the role Team lead may act for this group. Leads are never imported.",
    )

    class Meta:
        model = UserGroup
        fields = ("name", "description", "active")

    def show(self, row: UserGroup) -> None:
        super().show(row)
        if "leads" in self.fields:
            self.initial["leads"] = sorted(_leads_of(row.pk))

    def clean(self) -> None:
        super().clean()
        if "leads" not in self.cleaned_data:
            return
        chosen, shown, stored = {row.pk for row in self.cleaned_data["leads"]}, self._shown(), set()
        if self.instance.pk:
            stored = _leads_of(self.instance.pk)
        self.granted, self.revoked = chosen - shown, shown - chosen
        has_changed = bool(self.granted or self.revoked) and stored != shown
        if has_changed:
            self.put_back("leads", sorted((stored | self.granted) - self.revoked))
            self.put_back(f"initial-{self.add_prefix('leads')}", sorted(stored))
            words = [f"{name} is a lead now" for name in _names(stored - shown)]
            self.report_stale([*words, *(f"{name} is no lead any more" for name in _names(shown - stored))])

    def _shown(self) -> set[int]:
        """Returns the accounts that the form showed as leads."""
        field = self["leads"]
        sent = field.field.hidden_widget().value_from_datadict(self.data, self.files, field.html_initial_name)
        return {int(pk) for pk in sent or () if pk.isascii() and pk.isdigit()}


def _leads_of(group_id: int) -> set[int]:
    return set(GroupLead.objects.filter(group_id=group_id).values_list("account_id", flat=True))


def _names(accounts: set[int]) -> list[str]:
    return [str(account) for account in User.objects.filter(pk__in=accounts).order_by("email")]


class GroupMemberForm(ElementForm[GroupMember]):
    collection = "members"
    person = NameField("responder", label="Person")

    class Meta:
        model = GroupMember
        fields = ("imported_role",)
        labels = {"imported_role": "Role at the source (gives no rights here)"}

    def show(self, row: GroupMember) -> None:
        self.initial["person"] = self.directory.label_when_shown("responder", row.responder_id, row.person_key)

    def clean_person(self) -> str:
        text, stored = self.cleaned_data["person"], self.instance.person_key
        if stored and ("person" not in self.changed_data or text == unknown_label("responder", stored)):
            return stored
        return self.directory.find(text, "responder")[1]

    def values(self) -> dict[str, object]:
        return {"person_key": self.cleaned_data["person"], "role": self.cleaned_data["imported_role"]}


class GroupMemberInline(ElementInline[GroupMember, UserGroup]):
    model = GroupMember
    form = GroupMemberForm
    fields = ("person", "imported_role")
    select_related = ("responder",)
    verbose_name = "member"
    verbose_name_plural = "members"


@admin.register(UserGroup)
class UserGroupAdmin(AggregateAdmin[UserGroup]):
    kind = "user_group"
    form = UserGroupForm
    list_display = ("name", "member_count", "led_by", "from_source", "active")
    inlines = (GroupMemberInline,)

    def get_queryset(self, request: HttpRequest) -> QuerySet[UserGroup]:
        rows = super().get_queryset(request)
        if not is_list(request):
            return rows
        person = Coalesce(Cast("responder_id", CharField()), "person_key")
        leads = Prefetch("leads", queryset=GroupLead.objects.select_related("account").order_by("pk"))
        return rows.annotate(people=count_of(GroupMember, "group", person)).prefetch_related(leads)

    def get_fields(self, request: HttpRequest, obj: UserGroup | None = None) -> tuple[str, ...]:
        leads = ("leads",) if request.user.has_perm("oncall.change_grouplead") else ()
        return (*UserGroupForm.Meta.fields, *leads)

    @display(description="Members", ordering="people")
    def member_count(self, group: Any) -> int:
        return int(group.people)

    @display(description="Leads")
    def led_by(self, group: UserGroup) -> str:
        return first_few([str(lead.account) for lead in group.leads.all()])

    def save_beside(self, request: HttpRequest, form: AggregateForm[UserGroup]) -> None:
        if not isinstance(form, UserGroupForm) or "leads" not in form.cleaned_data:
            return
        for account_id in sorted(form.granted):
            grant_lead(account_id, form.instance.pk, actor(request))
        for account_id in sorted(form.revoked):
            revoke_lead(account_id, form.instance.pk, actor(request))
