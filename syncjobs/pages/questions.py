"""What the page of a question shows: its sides, its choices with their forms, effects in words, earlier decisions."""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, replace
from functools import partial
from typing import Any, Final

from django.db.models import Q
from django.utils import timezone

from connectors.records import entity_type_of
from oncall.aggregates import fold
from oncall.masking import may_see_addresses, without_addresses
from oncall.models import Responder, User
from oncall.selectors.visible import may_view_all, visible_to
from syncjobs.conflicts.concerned import Concern, keys_of
from syncjobs.conflicts.evidence import Sides, names_of_rows
from syncjobs.conflicts.planned import planned_objects
from syncjobs.deciding.carrying_out import changes_of
from syncjobs.deciding.decide import Decided, preview, proposal_of
from syncjobs.deciding.rights import REMEMBER, demand_right
from syncjobs.deciding.sides import question_of
from syncjobs.deciding.suggesting import Suggestion, suggestions
from syncjobs.models import WAITING_STATES, Conflict, ConflictState, RunKind, SyncRun
from syncjobs.pages.answer_forms import AnswerForm, Sources
from syncjobs.pages.impact import ImpactShown, impact_of_decision
from syncjobs.pages.run.items import ChangeRow, rows_of_changes
from syncjobs.planning.conflicts import NAMES_ROWS
from syncjobs.planning.decisions.people import PERSON
from syncjobs.planning.decisions.table import choices_of, find_choice
from syncjobs.planning.decisions.values import PLANNED, Choice, Refused
from syncjobs.words.names import Names
from syncjobs.words.values import Lines

#: How many people and accounts are suggested while somebody types.
MOST_PEOPLE: Final = 20


@dataclass(frozen=True, slots=True)
class EffectShown:
    """What a decision does to one row: a sentence, and the values before and after."""

    text: str
    rows: tuple[ChangeRow, ...]


@dataclass(frozen=True, slots=True)
class Effects:
    """What a decision does. remembered, deferred: in words, or empty. closes: number of other questions it answers.

    impact: what changes about who is on call; None if no row or link changes now.
    """

    effects: tuple[EffectShown, ...]
    sentence: str
    deferred: str
    remembered: str
    closes: int
    impact: ImpactShown | None = None


@dataclass(slots=True)
class Card:
    """One choice of a question. right: whether the account decides or proposes; empty with the reason in ``refusal``.

    error: why it was refused, in words.
    """

    choice: Choice
    form: AnswerForm
    right: str
    refusal: str = ""
    suggestion: Suggestion | None = None
    effects: Effects | None = None
    error: str = ""

    @property
    def is_open(self) -> bool:
        """Whether the card is unfolded when the page is loaded."""
        return self.form.is_bound or self.suggestion is not None


def effects_of(decided: Decided, account: User, *, with_addresses: bool) -> Effects:
    """Return what a decision does, in words, to an account. The names in it are loaded in a few queries."""
    shown = tuple(
        EffectShown(
            f"{effect.label} {effect.change}.",
            rows_of_changes(
                changes_of(effect), Names(with_addresses=with_addresses), timezone.now(), with_addresses=with_addresses
            ),
        )
        for effect in decided.outcome.effects
    )
    effects = Effects(
        shown,
        "" if shown else decided.choice.effect,
        _whole_sentence(decided.outcome.deferred),
        decided.choice.remembered if decided.outcome.rule is not None else "",
        len(decided.closes),
        impact_of_decision(decided.impact, account, with_addresses=with_addresses),
    )
    return effects if with_addresses else without_addresses(effects)


def read_in_words(decided: Decided) -> str:
    """Return what is read because of a decision, or an empty text."""
    read = decided.read
    if read is None:
        waits = "Another run of the connection is active. When it ends, the schedules concerned are read again."
        return waits if decided.outcome.reads else ""
    what = "A plan for review is made" if read.kind == RunKind.PLAN else "The schedules concerned are read again"
    return f"{what}: run {read.pk}, {read.get_state_display()}. {read.reason}".rstrip()


def _whole_sentence(text: str) -> str:
    return f"{text[:1].upper()}{text[1:]}." if text else ""


def cards_of(
    conflict: Conflict,
    concern: Concern,
    sides: Sequence[Sides],
    account: User,
    people_url: str,
    given: tuple[str, Any] | None = None,
) -> list[Card]:
    """Return a card for each choice that a waiting question offers.

    given: the choice and the form that were submitted. The conflict must be as it is stored, with its addresses.
    """
    question = question_of(conflict)
    with_addresses = may_see_addresses(account)
    suggestion = suggestions([conflict]).get(conflict.pk)
    sources = _sources(conflict, concern, sides, account, people_url)
    proposed = conflict.state == ConflictState.PROPOSED
    cards = []
    for choice in choices_of(question):
        refusal = ""
        try:
            right: str = demand_right(conflict, choice, account, concern)
        except Refused as refused:
            right, refusal = "", str(refused)
        own = suggestion if suggestion is not None and suggestion.choice == choice.name else None
        initial: Mapping[str, str] = own.arguments if own else {}
        if proposed and conflict.choice == choice.name:
            initial = conflict.arguments
        if not with_addresses and without_addresses(dict(initial)) != dict(initial):
            initial = {}
        data = given[1] if given is not None and given[0] == choice.name else None
        may_remember = right == "decide" and account.has_perm(REMEMBER)
        form = AnswerForm(choice, question, sources, data, initial, may_remember)
        if own is not None and not with_addresses:
            own = replace(own, reason=without_addresses(own.reason))
        cards.append(Card(choice, form, right, refusal, own))
    return cards


def _sources(conflict: Conflict, concern: Concern, sides: Sequence[Sides], account: User, people_url: str) -> Sources:
    texts = names_of_rows(conflict) if conflict.kind in NAMES_ROWS else {}
    if not may_see_addresses(account):
        texts = without_addresses(texts)
    missing = texts.keys() - concern.rows.keys()
    planned = planned_objects(entity_type_of(conflict.entity_type), missing) if missing else {}
    refs = {key: str(row_id) for key, row_id in concern.rows.items()}
    refs |= {key: f"{PLANNED}{key}" for key, each in planned.items() if each.creates}
    rows = {refs[key]: text for key, text in texts.items() if key in refs}
    people = {
        key: (refs[key] if key in planned else f"{PERSON}{refs[key]}", texts[key])
        for key in keys_of(conflict)
        if key in texts and key in refs
    }
    paths = {
        path: side.word if "." not in path else f"{side.word}: {', '.join(side.here or side.there or ())}"
        for path, side in zip(sorted(conflict.evidence), sides, strict=False)
        if path in conflict.paths
    }
    return Sources(rows, people, paths, partial(find_people, account), people_url)


def find_people(account: User, text: str) -> list[tuple[str, str]]:
    """Return the people and accounts that a text may mean, as far as the account sees them: values and names."""
    term = text.strip()
    if not term or "\0" in term or len(term) > 200:
        return []
    named = Q(name_key__contains=fold(term))
    if may_see_addresses(account):
        named |= Q(email__icontains=term)
    people = visible_to(account, Responder.objects.filter(named, active=True, merged_into=None))
    found = [(f"{PERSON}{each.pk}", each.name) for each in people.order_by("name_key", "pk")[:MOST_PEOPLE]]
    if may_view_all(account, User):
        accounts = User.objects.filter(Q(name__icontains=term) | Q(email__icontains=term), is_active=True)
        found += [(each.email, each.name or each.email) for each in accounts.order_by("email")[:MOST_PEOPLE]]
    return found


def effects_of_proposal(conflict: Conflict, account: User, *, with_addresses: bool) -> Effects | str:
    """Return what a proposed answer does, or why it cannot be carried out any more."""
    try:
        decided = preview(conflict, proposal_of(conflict, None))
        return effects_of(decided, account, with_addresses=with_addresses)
    except Refused as refused:
        return str(refused) if with_addresses else without_addresses(str(refused))


def run_of(conflict: Conflict) -> SyncRun | None:
    """Return the run that carried out the decision of a question."""
    return SyncRun.objects.filter(kind=RunKind.DECISION, scope__conflict=conflict.pk).order_by("-pk").first()


def label_of_choice(conflict: Conflict) -> str:
    """Return the label of the choice of a question; of one that is not offered any more, its name."""
    choice = find_choice(question_of(conflict), conflict.choice)
    return choice.label if choice else conflict.choice


def earlier_decisions(conflict: Conflict) -> list[dict[str, Any]]:
    """Return the earlier decisions about the same subject, the latest first."""
    same = Conflict.objects.filter(kind=conflict.kind, subject_key=conflict.subject_key).exclude(pk=conflict.pk)
    decided = same.exclude(choice="").exclude(state__in=WAITING_STATES).select_related("decided_by", "rule__made_by")
    return [{"conflict": each, "label": label_of_choice(each)} for each in decided.order_by("-pk")[:10]]


def _marked(lines: Lines | None, others: Lines | None) -> list[tuple[str, bool]] | None:
    """Return the lines of a side with whether the other side, which has the same field, lacks them."""
    return None if lines is None else [(line, others is not None and line not in others) for line in lines]


def differing(sides: Iterable[Sides]) -> list[dict[str, Any]]:
    """Return the sides with the lines that the other side does not have marked."""
    return [
        {
            "word": side.word,
            "here": _marked(side.here, side.there),
            "there": _marked(side.there, side.here),
        }
        for side in sides
    ]
