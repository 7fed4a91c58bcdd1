"""Answers many questions at once: a page that previews each of them, and then carries out each by itself."""

from dataclasses import dataclass
from typing import Any, Final

from django.contrib import messages
from django.contrib.admin import action
from django.db.models import QuerySet
from django.http import HttpRequest, HttpResponse
from django.template.response import TemplateResponse

from oncall.masking import may_see_addresses, without_addresses
from syncjobs.admin.buttons import account_of
from syncjobs.admin.question_list import ranking_of
from syncjobs.conflicts.concerned import sources_of
from syncjobs.conflicts.ranking import in_order
from syncjobs.conflicts.words import sentence
from syncjobs.deciding.decide import Decision, decide, preview
from syncjobs.models import WAITING_STATES, Conflict, ConflictKind
from syncjobs.pages.questions import Effects, effects_of
from syncjobs.planning.decisions.table import CHOICES
from syncjobs.planning.decisions.values import Choice, Refused

#: How many questions are previewed and answered by one press.
MOST: Final = 200


@dataclass(slots=True)
class Line:
    """A question with what its answer does, or why it is refused. done: whether it was answered or proposed."""

    conflict: Conflict
    text: str
    effects: Effects | None = None
    refusal: str = ""
    done: bool = False


@dataclass(frozen=True, slots=True)
class KindOfLines:
    """The chosen questions of one kind. choices: those that can answer many; chosen: the name of one, or empty."""

    kind: str
    label: str
    choices: tuple[Choice, ...]
    chosen: str
    lines: tuple[Line, ...]

    @property
    def choice(self) -> Choice | None:
        return next((choice for choice in self.choices if choice.name == self.chosen), None)


@action(description="Answer together", permissions=["answer"])
def answer_together(model_admin: Any, request: HttpRequest, queryset: "QuerySet[Conflict]") -> HttpResponse | None:
    """Show a page on which an answer is chosen for each kind, previewed, and given to each question by itself."""
    waiting = queryset.filter(state__in=WAITING_STATES)
    order = in_order(waiting.order_by().values_list("pk", flat=True), ranking_of(request, waiting).shifts)
    found = waiting.select_related("connection").in_bulk(order[:MOST])
    if not found:
        messages.warning(request, "None of these questions waits any more. Nothing was written.")
        return None
    groups = _groups(request, [found[pk] for pk in order[:MOST] if pk in found])
    step = request.POST.get("step", "")
    if step in ("preview", "answer"):
        _go(request, groups, really=step == "answer")
    lines = [line for group in groups for line in group.lines]
    done, refused = sum(line.done for line in lines), sum(bool(line.refusal) for line in lines)
    if step == "answer" and not refused and any(group.choice for group in groups):
        messages.success(request, f"Answered or proposed: {done} of {len(lines)} questions.")
        return None
    context = {
        **model_admin.admin_site.each_context(request),
        "opts": model_admin.opts,
        "title": "Answer together",
        "groups": groups,
        "step": step,
        "done": done,
        "refused": refused,
        "chosen": any(group.choice for group in groups),
        "ids": [line.conflict.pk for line in lines],
        "evidence": " ".join(f"{line.conflict.pk}:{line.conflict.evidence_hash}" for line in lines),
        "more": len(order) - len(lines),
    }
    request.current_app = model_admin.admin_site.name
    return TemplateResponse(request, "syncjobs/answer_together.html", context)


def _groups(request: HttpRequest, conflicts: list[Conflict]) -> list[KindOfLines]:
    sources, with_addresses = sources_of(conflicts), may_see_addresses(request.user)
    groups = []
    for kind in dict.fromkeys(each.kind for each in conflicts):
        lines = []
        for each in conflicts:
            if each.kind == kind:
                text = sentence(each, sources[each.pk])
                lines.append(Line(each, text if with_addresses else without_addresses(text)))
        choices = tuple(choice for choice in CHOICES.get(kind, ()) if choice.bulk)
        chosen = request.POST.get(f"choice_{kind}", "")
        groups.append(KindOfLines(kind, ConflictKind(kind).label, choices, chosen, tuple(lines)))
    return groups


def _go(request: HttpRequest, groups: list[KindOfLines], *, really: bool) -> None:
    """Preview or carry out the chosen answers, each in a transaction of its own. What is refused stops no other.

    A question that is answered by the rule which an earlier one of these answers made is done, too.
    """
    account, with_addresses = account_of(request), may_see_addresses(request.user)
    shown = dict(pair.partition(":")[::2] for pair in request.POST.get("evidence", "").split())
    answered: set[int] = set()
    for group in groups:
        for line in group.lines if group.choice is not None else ():
            if line.conflict.pk in answered:
                line.done = True
                continue
            # The evidence that was previewed; an empty text is no evidence, and so it is refused.
            evidence = shown.get(str(line.conflict.pk), "") if really else None
            comment = request.POST.get("comment", "")[:2_000].replace("\0", "")
            decision = Decision(group.chosen, {}, account, comment, evidence_hash=evidence)
            try:
                if really:
                    answered |= set(decide(line.conflict, decision).closes)
                    line.done = True
                else:
                    decided = preview(line.conflict, decision)
                    line.effects = effects_of(decided, account, with_addresses=with_addresses)
            except Refused as refused:
                text = str(refused)
                line.refusal = text if with_addresses else without_addresses(text)
