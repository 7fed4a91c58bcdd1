"""The admin of escalation policies."""

from collections.abc import Mapping
from typing import Any

from django.contrib import admin
from django.contrib.admin import ModelAdmin, SimpleListFilter
from django.db.models import QuerySet
from django.http import HttpRequest
from django.urls import URLPattern, path, reverse
from django.utils.safestring import SafeString
from unfold.decorators import display

from oncall.admin.base.aggregate import AggregateAdmin
from oncall.admin.base.columns import SourceFilter, count_of, is_list, name_link
from oncall.admin.forms.cards_form import CardsForm
from oncall.admin.policy.levels import LevelFormSet, Levels
from oncall.admin.policy.page import EscalationPage
from oncall.aggregates import Values
from oncall.escalation.codec import levels_from_json, levels_to_json
from oncall.escalation.policy import Level
from oncall.models import EscalationPolicy, Service
from oncall.selectors.visible import named_beside


class EscalationPolicyForm(CardsForm[EscalationPolicy, Level]):
    kind = "escalation_policy"
    mirrored = (
        "name", "description", "initial_wait", "repeat_count", "after_last", "unstaffed_level", "resolved", "part_of",
        "group", "active",
    )  # fmt: skip
    cards_field = "levels"
    reference_owner = "owner_policy"

    class Meta:
        model = EscalationPolicy
        fields = (
            "name", "description", "initial_wait", "repeat_count", "after_last", "unstaffed_level", "resolved",
            "part_of", "group", "active",
        )  # fmt: skip
        labels = {
            "initial_wait": "Initial wait, minutes",
            "repeat_count": "Extra rounds",
            "resolved": "On call is looked up",
            "unstaffed_level": "A level with nobody",
            "after_last": "After the last level",
        }
        help_texts = {
            "initial_wait": "Before the first level, in the first round only.",
            "repeat_count": "Rounds after the first. Leave it empty if the number is unknown.",
            "unstaffed_level": (
                "If the level is skipped, so is its wait. The last level's wait is the pause before the next round."
            ),
            "part_of": "The group's policy that this policy of one shift belongs to.",
        }

    def stored_cards(self) -> tuple[Level, ...]:
        return levels_from_json(self.instance.levels)

    def make_cards(self, data: Mapping[str, str] | None, cards: tuple[Level, ...]) -> LevelFormSet:
        context = {"directory": self.directory, "keys": self.keys}
        return Levels(data, prefix="levels", cards=cards, keep_all=self.is_gone, **context)

    def cards_to_json(self, cards: tuple[Level, ...]) -> Values:
        return levels_to_json(cards)


class PartOfFilter(SimpleListFilter):
    title = "part of another policy"
    parameter_name = "part"

    def lookups(self, request: HttpRequest, model_admin: "ModelAdmin[EscalationPolicy]") -> tuple[tuple[str, str], ...]:
        return ("no", "Whole policies"), ("yes", "Parts of a policy")

    def queryset(self, request: HttpRequest, queryset: QuerySet[EscalationPolicy]) -> QuerySet[EscalationPolicy]:
        whole = {"part_of_key": ""}
        match self.value():
            case "no":
                return queryset.filter(**whole)
            case "yes":
                return queryset.exclude(**whole)
        return queryset


@admin.register(EscalationPolicy)
class EscalationPolicyAdmin(AggregateAdmin[EscalationPolicy]):
    kind = "escalation_policy"
    form = EscalationPolicyForm
    list_display = (
        "page_link", "level_count", "rounds", "service_count", "group", "from_source", "active", "edit_link",
    )  # fmt: skip
    list_display_links = None
    list_select_related = ("group", "part_of")
    list_filter = ("active", SourceFilter, PartOfFilter)
    search_fields = ("name", "references__responder__name", "references__schedule__name")
    autocomplete_fields = ("part_of", "group")
    change_form_template = "oncall/admin/escalation_form.html"
    page_type = EscalationPage

    def get_urls(self) -> list[URLPattern]:
        page = self.admin_site.admin_view(self.page_type(self).view)
        return [path("<int:pk>/page/", page, name="oncall_escalationpolicy_page"), *super().get_urls()]

    def get_queryset(self, request: HttpRequest) -> QuerySet[EscalationPolicy]:
        rows = super().get_queryset(request)
        services = named_beside(request.user, EscalationPolicy, Service.objects.order_by())
        return rows.annotate(service_number=count_of(services, "policy")) if is_list(request) else rows

    @display(description="Name", ordering="name_key")
    def page_link(self, policy: EscalationPolicy) -> SafeString:
        return name_link(page_url(policy.pk), policy.name, f"part of {policy.part_of}" if policy.part_of else "")

    @display(description="Levels")
    def level_count(self, policy: EscalationPolicy) -> int:
        return len(policy.levels.get("levels", ()))

    @display(description="Repeats", ordering="repeat_count")
    def rounds(self, policy: EscalationPolicy) -> str:
        return {None: "unknown", 0: "no", 1: "once"}.get(policy.repeat_count, f"{policy.repeat_count} times")

    @display(description="Services", ordering="service_number")
    def service_count(self, policy: Any) -> int:
        return int(policy.service_number)


def page_url(pk: int) -> str:
    return reverse("admin:oncall_escalationpolicy_page", args=[pk])
