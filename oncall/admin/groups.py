"""User groups, their members, and who leads them here."""

from collections.abc import Sequence
from typing import Any, ClassVar

from django import forms
from django.contrib import admin, messages
from django.db.models import CharField, F, Prefetch, QuerySet
from django.db.models.functions import Cast, Coalesce
from django.http import HttpRequest
from unfold.decorators import display
from unfold.widgets import UnfoldAdminRadioSelectWidget

from oncall.admin.base.aggregate import AggregateAdmin, ElementInline, actor
from oncall.admin.base.columns import count_of, first_few, is_list
from oncall.admin.forms.aggregate_forms import AggregateForm, ElementForm
from oncall.admin.forms.directory import unknown_label
from oncall.admin.forms.fields import RowsSelect
from oncall.admin.forms.names import NameField
from oncall.admin.forms.typed import ModelForm
from oncall.models import GroupLead, GroupMember, Responder, User, UserGroup
from oncall.operations import decline_lead, grant_lead, revoke_lead
from oncall.operations.authority import CHANGE_LEAD
from oncall.selectors.proposals import Proposal, proposed_leads
from oncall.selectors.visible import acts_as_lead


def names_in_words(people: Sequence[Responder]) -> str:
    *others, last = [person.name for person in people]
    return f"{', '.join(others)} and {last}" if others else last


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

    managers = forms.ChoiceField(
        required=False,
        label="Managers at the source",
        widget=UnfoldAdminRadioSelectWidget,
        error_messages={"invalid_choice": "The managers that the source names have changed. Answer again."},
    )
    #: The managers to ask about, none for those who may not grant leads.
    proposal: ClassVar[Proposal] = Proposal()

    class Meta:
        model = UserGroup
        fields = ("name", "description", "active")

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        people = self.proposal.people
        if not people:
            del self.fields["managers"]
            return
        # The ids are in the answer, so that it grants nothing to people whom the form did not name.
        ids, names = ",".join(str(person.pk) for person in people), names_in_words(people)
        field = self.fields["managers"]
        assert isinstance(field, forms.ChoiceField)  # noqa: S101 - declared above
        field.choices = [("", "Ask again"), (f"grant:{ids}", f"Make {names} leads here"), (f"decline:{ids}", "Do not")]
        field.help_text = f"The source names {names} as managers of this group."
        if self.proposal.without_account:
            others = names_in_words(self.proposal.without_account)
            field.help_text += f" It also names {others}, without an active account here: link one first."

    def answer(self) -> tuple[str, list[int]]:
        """Returns ``grant``, ``decline`` or an empty text, and the accounts of the people. The form must be valid."""
        verb = self.cleaned_data.get("managers", "").partition(":")[0]
        return verb, [person.account_id for person in self.proposal.people if person.account_id] if verb else []

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
        """Returns the accounts that the form showed as leads: none if its group is gone."""
        if self.is_gone:
            return set()
        field = self["leads"]
        sent = field.field.hidden_widget().value_from_datadict(self.data, self.files, field.html_initial_name)
        return {int(pk) for pk in sent or () if pk.isascii() and pk.isdigit()}


def _leads_of(group_id: int) -> set[int]:
    return set(GroupLead.objects.filter(group_id=group_id).values_list("account_id", flat=True))


def _names(accounts: set[int]) -> list[str]:
    return [str(account) for account in User.objects.filter(pk__in=accounts).order_by("email")]


class GroupMemberForm(ElementForm[GroupMember]):
    collection = "members"
    person_column = "responder_id"
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

    def get_queryset(self, request: HttpRequest) -> QuerySet[GroupMember]:
        return super().get_queryset(request).order_by(F("responder__name_key").asc(nulls_last=True), "pk")


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
        return rows.annotate(people=count_of(GroupMember.objects.all(), "group", person)).prefetch_related(leads)

    def get_fields(self, request: HttpRequest, obj: UserGroup | None = None) -> tuple[str, ...]:
        if not self._may_grant(request, obj):
            return UserGroupForm.Meta.fields
        managers = ("managers",) if self._proposal(request, obj).people else ()
        return (*UserGroupForm.Meta.fields, "leads", *managers)

    def get_form(
        self, request: HttpRequest, obj: UserGroup | None = None, change: bool = False, **kwargs: object
    ) -> type[ModelForm[UserGroup]]:
        form = super().get_form(request, obj, change=change, **kwargs)
        assert issubclass(form, UserGroupForm)  # noqa: S101 - the form of this admin
        form.proposal = self._proposal(request, obj)
        return form

    def _may_grant(self, request: HttpRequest, group: UserGroup | None) -> bool:
        """Whether the form can grant leads: its field cannot be shown on a page that cannot be saved."""
        may_save = self.has_add_permission(request) if group is None else self.has_change_permission(request, group)
        return may_save and request.user.has_perm(CHANGE_LEAD)

    def _proposal(self, request: HttpRequest, group: UserGroup | None) -> Proposal:
        """Returns the managers to ask the user about. A request selects them once."""
        if group is None or not self._may_grant(request, group):
            return Proposal()
        if not hasattr(request, "proposal"):
            request.proposal = proposed_leads(group.pk)  # type: ignore[attr-defined]
        found: Proposal = request.proposal  # type: ignore[attr-defined]
        return found

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
        verb, accounts = form.answer()
        for account_id in accounts:
            (grant_lead if verb == "grant" else decline_lead)(account_id, form.instance.pk, actor(request))
        granted = form.granted.union(accounts if verb == "grant" else ())
        for account in User.objects.filter(pk__in=granted).order_by("email") if granted else ():
            if not acts_as_lead(account):
                messages.warning(request, f"{account} cannot act for this group before it has the role Team lead.")
