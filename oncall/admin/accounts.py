"""Accounts: the people who can log in, and their permissions."""

from collections.abc import Sequence

from django import forms
from django.contrib import admin
from django.contrib.auth.models import Permission
from django.contrib.auth.password_validation import validate_password
from django.core.exceptions import ValidationError
from django.db.models import ManyToManyField, Model, Prefetch, QuerySet
from django.http import HttpRequest, HttpResponse
from django.utils.decorators import method_decorator
from django.views.decorators.debug import sensitive_post_parameters, sensitive_variables
from unfold.decorators import display
from unfold.widgets import UnfoldAdminCheckboxSelectMultipleWidget, UnfoldAdminPasswordWidget

from oncall.admin.base.aggregate import Context, OperationsAdmin, actor
from oncall.admin.base.columns import first_few, is_list
from oncall.admin.forms.aggregate_forms import OperationForm
from oncall.models import GroupLead, User
from oncall.operations import create_account, delete_account, may_manage, set_rights, update_account
from oncall.operations.accounts import ACCOUNT_FIELDS
from oncall.operations.authority import roles_within


class AccountForm(OperationForm[User]):
    kind = "account"
    new_password = forms.CharField(
        required=False,
        strip=False,
        widget=UnfoldAdminPasswordWidget({"autocomplete": "new-password"}),
        help_text="If this is empty, the password does not change. A new account needs a password to log in.",
    )
    again = forms.CharField(
        required=False,
        strip=False,
        label="New password again",
        widget=UnfoldAdminPasswordWidget({"autocomplete": "new-password"}),
    )

    class Meta:
        model = User
        fields = ("email", "name", "is_active", "is_staff", "is_superuser", "groups", "user_permissions")
        labels = {"groups": "Roles"}
        help_texts = {
            "is_staff": "May use the pages under /admin/ that the roles allow. Others use the pages under / only.",
            "groups": (
                "Administrator: everything but single permissions. Operator: sees everything but accounts, and starts, "
                "applies and cancels "
                "syncs. Team lead: sees what concerns the groups that the account leads, and sets overrides on their "
                "schedules. Viewer: sees everything but accounts."
            ),
            "user_permissions": "Single permissions, in addition to those of the roles.",
        }

    @sensitive_variables()
    def clean(self) -> None:
        super().clean()
        password = self.cleaned_data.get("new_password")
        if password != self.cleaned_data.get("again"):
            self.add_error("again", "The two passwords differ.")
        elif password:
            try:
                validate_password(password, self.instance)
            except ValidationError as weak:
                self.add_error("new_password", weak)


@admin.register(User)
class AccountAdmin(OperationsAdmin[User]):
    record_model = "account"
    form = AccountForm
    list_display = ("email", "name", "responder_name", "leads_of", "is_staff", "is_superuser", "is_active")
    list_filter = ("is_active", "is_staff", "is_superuser")
    list_select_related = ("responder",)
    search_fields = ("email", "email_canonical", "name")
    ordering = ("email_canonical",)
    fieldsets = (
        (None, {"fields": ("email", "name", "is_active")}),
        ("Password", {"fields": ("new_password", "again")}),
        ("Rights", {"fields": ("is_staff", "groups")}),
        ("Advanced", {"fields": ("is_superuser", "user_permissions"), "classes": ("collapse",)}),
    )

    def get_queryset(self, request: HttpRequest) -> QuerySet[User]:
        rows = super().get_queryset(request)
        leads = Prefetch("leads", queryset=GroupLead.objects.select_related("group").order_by("pk"))
        return rows.prefetch_related(leads) if is_list(request) else rows

    def get_readonly_fields(self, request: HttpRequest, obj: User | None = None) -> tuple[str, ...]:
        """Only a superuser gives single permissions. Others give roles, within their own rights."""
        return () if request.user.is_superuser else ("is_superuser", "user_permissions")

    def has_change_permission(self, request: HttpRequest, obj: User | None = None) -> bool:
        """An account that holds rights which the user lacks is read-only: who sets its password can log in with it."""
        return self._may_touch(request, obj) and super().has_change_permission(request, obj)

    def has_delete_permission(self, request: HttpRequest, obj: User | None = None) -> bool:
        return self._may_touch(request, obj) and super().has_delete_permission(request, obj)

    @staticmethod
    def _may_touch(request: HttpRequest, account: User | None) -> bool:
        return account is None or (isinstance(request.user, User) and may_manage(request.user, account))

    @method_decorator(sensitive_post_parameters())
    def changeform_view(
        self,
        request: HttpRequest,
        object_id: str | None = None,
        form_url: str = "",
        extra_context: Context | None = None,
    ) -> HttpResponse:
        return super().changeform_view(request, object_id, form_url, extra_context)

    @display(description="Responder")
    def responder_name(self, account: User) -> str:
        return str(getattr(account, "responder", "")) or "-"

    @display(description="Leads")
    def leads_of(self, account: User) -> str:
        return first_few([lead.group.name for lead in account.leads.all()])

    @sensitive_variables()
    def save_related(self, request: HttpRequest, form: AccountForm, formsets: object, change: bool) -> None:
        by, data = actor(request), form.cleaned_data
        fields = {name: data[name] for name in ACCOUNT_FIELDS if name in data}
        rights = None
        if "groups" in data:
            permissions = data.get("user_permissions")
            rights = (
                [row.pk for row in data["groups"]],
                None if permissions is None else [row.pk for row in permissions],
            )
        if change:
            password, version = data["new_password"], data["row_version"]
            update_account(form.instance.pk, fields, by, version=version, password=password, rights=rights)
            return
        form.instance.pk = create_account(fields.pop("email"), data["new_password"] or None, by=by, **fields).pk
        if rights is not None:
            set_rights(form.instance.pk, *rights, by)

    def delete_model(self, request: HttpRequest, obj: Model) -> None:
        delete_account(obj.pk, actor(request))

    def delete_rows(self, request: HttpRequest, rows: Sequence[User]) -> int:
        for row in rows:
            delete_account(row.pk, actor(request))
        return len(rows)

    def formfield_for_manytomany(
        self, db_field: "ManyToManyField[Model, Model]", request: HttpRequest, **kwargs: object
    ) -> "forms.ModelMultipleChoiceField[Model] | None":
        if db_field.name == "groups":
            assert isinstance(request.user, User)  # noqa: S101 - AUTH_USER_MODEL
            kwargs["queryset"] = roles_within(request.user).order_by("name")
            kwargs["widget"] = UnfoldAdminCheckboxSelectMultipleWidget
        else:
            order = ("content_type__app_label", "content_type__model", "codename")
            kwargs["queryset"] = Permission.objects.select_related("content_type").order_by(*order)
        return super().formfield_for_manytomany(db_field, request, **kwargs)
