"""Remembered answers: their list, and the page of each with what it has decided, switched off and on, and deleted."""

from collections.abc import Iterable, Sequence
from typing import Any, Final

from django.contrib import admin, messages
from django.contrib.admin import action
from django.core.exceptions import PermissionDenied
from django.db.models import QuerySet
from django.http import Http404, HttpRequest, HttpResponse, HttpResponseRedirect
from django.urls import URLPattern, path, reverse
from django.utils.decorators import method_decorator
from django.utils.html import format_html
from django.utils.text import capfirst
from django.views.decorators.http import require_POST
from unfold.decorators import display

from connectors.admin.connections import ReadOnlyAdmin, pill
from oncall.admin.base.aggregate import records_url
from oncall.admin.base.columns import PageOfRows
from oncall.masking import hide_addresses, may_see_addresses
from oncall.models import ChangeRecord
from oncall.selectors.visible import may_view_all
from syncjobs.admin.buttons import account_of
from syncjobs.conflicts.visible import visible_conflicts
from syncjobs.deciding.stored_rules import (
    RECORDED,
    answered_by_rules,
    forget,
    items_of,
    may_forget,
    may_switch,
    switch,
    uses_of,
)
from syncjobs.models import ConflictKind, Rule, SyncRun
from syncjobs.pages.marks import kind_words, render_page, rule_url
from syncjobs.planning.decisions.rules import IGNORE_NEW
from syncjobs.words.rules import rule_in_words

#: How many of the questions and items that a rule has decided are on its page, the latest first.
MOST_SHOWN: Final = 20


class KindFilter(admin.SimpleListFilter):
    """Filters by the kind of the questions."""

    title = "question"
    parameter_name = "kind"

    def lookups(self, request: HttpRequest, model_admin: Any) -> Iterable[tuple[str, str]]:
        kinds = [(kind.value, str(kind.label)) for kind in ConflictKind]
        return [*kinds, (IGNORE_NEW, "new at the source, not selected")]

    def queryset(self, request: HttpRequest, queryset: "QuerySet[Any]") -> "QuerySet[Any]":
        return queryset.filter(kind=self.value()) if self.value() else queryset


@admin.register(Rule)
class RuleAdmin(ReadOnlyAdmin):
    empty_text = "No answer is remembered. Tick “Remember” when you answer a question."
    list_display = ("questions_shown", "answer_shown", "made", "used", "state_shown")
    list_display_links = ("questions_shown",)
    list_filter = ("active", "connection", KindFilter)
    list_select_related = ("connection", "made_by")
    list_per_page = 50
    show_full_result_count = False
    search_fields = ("pattern", "connection__name")
    ordering = ("connection__name", "kind", "pattern")
    actions = ("switch_off", "switch_on")

    def has_delete_permission(self, request: HttpRequest, obj: Any = None) -> bool:
        return may_forget(account_of(request))

    def has_switch_permission(self, request: HttpRequest) -> bool:
        return may_switch(account_of(request))

    # --- the list -----------------------------------------------------------------------------------------------------

    def get_changelist(self, request: HttpRequest, **kwargs: Any) -> Any:
        return PageOfRows

    def complete(self, request: HttpRequest, rows: Sequence[Any]) -> None:
        """Set ``words`` and ``uses`` on the rules of one page."""
        uses = uses_of(rows)
        for rule in rows:
            vars(rule).update(words=rule_in_words(rule), uses=uses[rule.pk])

    @display(description="Questions", ordering="kind")
    def questions_shown(self, rule: Any) -> str:
        return _with_note(f"{capfirst(rule.words.kind)}: {rule.words.subject}", f"{rule} · {rule.connection}")

    @display(description="Answer", ordering="choice")
    def answer_shown(self, rule: Any) -> str:
        return _with_note(rule.words.answer, rule.words.effect)

    @display(description="Made", ordering="made_at")
    def made(self, rule: Rule) -> str:
        return f"{rule.made_at:%d %b %Y} by {_maker(rule)}"

    @display(description="Used")
    def used(self, rule: Any) -> str:
        return f"{rule.uses.total}×" if rule.uses.total else "not yet"

    @display(description="State", ordering="active")
    def state_shown(self, rule: Rule) -> str:
        mark = _mark(rule)
        return pill(mark["text"], mark["type"])

    # --- one rule -----------------------------------------------------------------------------------------------------

    def get_urls(self) -> list[URLPattern]:
        view = self.admin_site.admin_view(self.switch_view)
        return [path("<int:object_id>/switch/", view, name="syncjobs_rule_switch"), *super().get_urls()]

    def _rule(self, request: HttpRequest, object_id: str | int) -> Rule:
        if not self.has_view_permission(request):
            raise PermissionDenied
        return _find(object_id)

    def change_view(
        self, request: HttpRequest, object_id: str, form_url: str = "", extra_context: dict[str, Any] | None = None
    ) -> HttpResponse:
        rule, account = self._rule(request, object_id), account_of(request)
        questions = visible_conflicts(account).filter(rule=rule)
        context = {
            "rule": rule,
            "words": rule_in_words(rule),
            "mark": _mark(rule),
            "maker": _maker(rule),
            "uses": uses_of([rule])[rule.pk],
            "reopened": answered_by_rules([rule]).count(),
            "questions": _masked(request, questions.filter(remember=False).order_by("-pk")[:MOST_SHOWN]),
            "origins": _masked(request, questions.filter(remember=True).order_by("-pk")[:MOST_SHOWN]),
            "items": self._items(request, rule),
            "may_switch": self.has_switch_permission(request),
            "may_delete": self.has_delete_permission(request),
            "records_url": records_url(RECORDED, rule.pk) if may_view_all(account, ChangeRecord) else "",
        }
        return render_page(self, request, "syncjobs/rule.html", str(rule), rule, **context)

    def _items(self, request: HttpRequest, rule: Rule) -> list[dict[str, Any]]:
        if not may_view_all(request.user, SyncRun):
            return []
        latest = _masked(request, items_of(rule).order_by("-pk")[:MOST_SHOWN])
        return [{"item": item, "kind": kind_words(item.entity_type, plural=False)} for item in latest]

    def history_view(
        self, request: HttpRequest, object_id: str, extra_context: dict[str, Any] | None = None
    ) -> HttpResponse:
        return HttpResponseRedirect(records_url(RECORDED, self._rule(request, object_id).pk))

    # --- buttons ------------------------------------------------------------------------------------------------------

    @method_decorator(require_POST)
    def switch_view(self, request: HttpRequest, object_id: int) -> HttpResponse:
        rule = self._rule(request, object_id)
        if not self.has_switch_permission(request):
            raise PermissionDenied
        self._switch(request, [rule], active=request.POST.get("active") == "on")
        return HttpResponseRedirect(rule_url(rule))

    @action(description="Switch off", permissions=["switch"])
    def switch_off(self, request: HttpRequest, queryset: "QuerySet[Rule]") -> None:
        self._switch(request, queryset, active=False)

    @action(description="Switch on", permissions=["switch"])
    def switch_on(self, request: HttpRequest, queryset: "QuerySet[Rule]") -> None:
        self._switch(request, queryset, active=True)

    def _switch(self, request: HttpRequest, rules: Iterable[Rule], *, active: bool) -> None:
        account, word = account_of(request), "on" if active else "off"
        changed = [str(rule) for rule in rules if switch(rule, active=active, by=account)]
        if changed:
            messages.success(request, f"Switched {word}: {', '.join(changed)}.")
        else:
            messages.info(request, f"Nothing was changed: it was switched {word} before, or deleted.")

    def delete_view(
        self, request: HttpRequest, object_id: str, extra_context: dict[str, Any] | None = None
    ) -> HttpResponse:
        """Show what follows when a rule is deleted; delete it when this page is confirmed."""
        if not self.has_delete_permission(request):
            raise PermissionDenied
        rule = _find(object_id)
        if request.method == "POST" and request.POST.get("post") == "yes":
            reopened = forget(rule, account_of(request))
            messages.success(request, f"{rule} is deleted. Questions that wait again: {reopened}.")
            return HttpResponseRedirect(reverse("admin:syncjobs_rule_changelist"))
        context = {"rule": rule, "words": rule_in_words(rule), "reopened": answered_by_rules([rule]).count()}
        return render_page(self, request, "syncjobs/rule_delete.html", f"Delete {rule}", rule, **context)

    def get_actions(self, request: HttpRequest) -> dict[str, Any]:
        """Return the actions without that of Django, which does not say what follows."""
        actions: dict[str, Any] = super().get_actions(request)
        actions.pop("delete_selected", None)
        return actions


def _find(object_id: str | int) -> Rule:
    try:
        return Rule.objects.select_related("connection", "made_by").get(pk=object_id)
    except (Rule.DoesNotExist, ValueError, OverflowError):
        raise Http404(f"There is no rule {object_id}.") from None


def _with_note(text: str, note: str) -> str:
    return format_html('<span class="rb-named rb-question">{}<span class="rb-muted">{}</span></span>', text, note)


def _maker(rule: Rule) -> str:
    return str(rule.made_by or "the shell or a deleted account")


def _mark(rule: Rule) -> dict[str, str]:
    return {"text": "on", "type": "success"} if rule.active else {"text": "off", "type": ""}


def _masked(request: HttpRequest, rows: "QuerySet[Any]") -> list[Any]:
    """Return rows, without addresses for an account that may not see these."""
    shown: list[Any] = list(rows)
    for row in () if may_see_addresses(request.user) else shown:
        hide_addresses(row)
    return shown
