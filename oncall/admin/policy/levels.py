"""Levels of an escalation policy as forms."""

import json
from collections.abc import Mapping, Sequence
from difflib import SequenceMatcher
from typing import Any

from django import forms
from django.forms import formset_factory
from unfold.widgets import UnfoldAdminIntegerFieldWidget, UnfoldAdminSelectWidget

from oncall.admin.forms.cards import CardForm, CardFormSet, NamesField
from oncall.admin.forms.directory import Directory, Keys, row_of_key
from oncall.admin.forms.names import NameField
from oncall.admin.forms.snapshots import Snapshot, plain
from oncall.aggregates import Kind
from oncall.escalation.codec import FORMAT, levels_from_json, levels_to_json
from oncall.escalation.policy import Level, Target, TargetKind
from oncall.tables.escalation import ROW_OF_TARGET

_DISTRIBUTIONS = [("everyone", "page all of them"), ("round_robin", "page one of them in turn")]
#: The kinds of rows that a line may contain, and the kinds of their targets.
_TARGET_KINDS: Mapping[Kind, TargetKind] = {
    "responder": "responder",
    "schedule": "schedule",
    "user_group": "user_group",
    "escalation_policy": "escalation_policy",
}


def target_label(target: Target, directory: Directory, keys: Keys) -> str:
    """Returns the line for a target; its options follow in brackets."""
    kind = ROW_OF_TARGET.get(target.kind)
    if kind is None:
        name = f"{target.unresolved_kind or 'unknown'}: {target.label or target.key} (not known here)"
    else:
        name = directory.label(kind, row_of_key(keys, kind, target.key), target.label or target.key)
    special = option_words(target)
    return f"{name} [{'; '.join(special)}]" if special else name


def option_words(target: Target) -> list[str]:
    """Returns the options of a target that differ from the default, each in a few words."""
    return [
        *(["routing"] if target.kind == "group_routing" else []),
        *([f"{target.mode} on call"] if target.mode != "current" else []),
        *(
            [f"layer{'' if len(target.layers) == 1 else 's'} {', '.join(target.layers)}"]
            if target.layers is not None
            else []
        ),
        *([target.members] if target.members != "all" else []),
        *(["until closed"] if target.condition == "not_closed" else []),
        *([target.notify] if target.notify else []),
    ]


class LevelForm(CardForm[Level]):
    wide = ("targets",)
    lines_field = "targets"
    kinds = tuple(_TARGET_KINDS)
    wait = forms.IntegerField(
        min_value=0,
        required=False,
        label="Wait, minutes",
        help_text=(
            "Until the next level starts; on the last level, until the next round. If it is empty, it is unknown when "
            "they start."
        ),
        widget=UnfoldAdminIntegerFieldWidget,
    )
    distribution = forms.ChoiceField(
        choices=_DISTRIBUTIONS, widget=UnfoldAdminSelectWidget, label="Who is paged", initial="everyone"
    )
    targets = NamesField(*kinds, help_text="One per line, in order. People are written without a word before the name.")
    add = NameField(*kinds, required=False, placeholder="Add a name")

    def show(self, card: Level) -> None:
        self.set_labels(
            card.targets, lambda each, keys: target_label(each, self.directory, keys), lambda each: each.key
        )
        self.initial.update(wait=card.wait, distribution=card.distribution, targets="\n".join(self.labels))

    def clean(self) -> None:
        super().clean()
        if not self.errors:
            stored = self.original.targets if self.original is not None else ()
            self.cleaned_data["who"] = self.parse_lines(stored, self._find)

    @property
    def title(self) -> str:
        return f"Level {self.number}"

    def _find(self, text: str) -> Target:
        kind, key = self.directory.find(text, *self.kinds)
        return Target(_TARGET_KINDS[kind], key)

    def card(self) -> Level:
        return Level(self.cleaned_data["wait"], self.cleaned_data["distribution"], self.cleaned_data["who"])


class LevelFormSet(CardFormSet[Level]):
    title = "Levels"

    def key_of(self, number: int, card: Level) -> str:
        return str(number)

    def to_json(self, cards: Sequence[Level]) -> list[Any]:
        levels: list[Any] = levels_to_json(tuple(cards))["levels"]
        return levels

    def from_json(self, data: list[Any]) -> tuple[Level, ...]:
        return levels_from_json({"format": FORMAT, "levels": data})

    def pair(self, shown: Sequence[Snapshot], stored: Mapping[str, Level]) -> dict[str, str]:
        """Pairs equal levels, and levels that changed between the same neighbours. A level has no key of its own."""
        values = {key: plain(self.values_of(level)) for key, level in stored.items()}
        left, right = [json.dumps(each.values) for each in shown], [json.dumps(each) for each in values.values()]
        keys, paired = list(stored), dict[int, int]()
        blocks = SequenceMatcher(None, left, right, autojunk=False).get_opcodes()
        for kind, start, end, other, _ in blocks:
            if kind == "equal":
                paired |= {at: other + at - start for at in range(start, end)}
        for at, text in enumerate(left):  # moved levels
            free = [to for to, each in enumerate(right) if each == text and to not in paired.values()]
            if at not in paired and free:
                paired[at] = free[0]
        for kind, start, end, other, last in blocks:
            untaken = not paired.keys() & {*range(start, end)} and not {*paired.values()} & {*range(other, last)}
            if kind == "replace" and end - start == last - other and untaken:
                paired |= {at: other + at - start for at in range(start, end)}
        return {shown[at].key: keys[to] for at, to in paired.items()}


Levels: type[LevelFormSet] = formset_factory(  # type: ignore[assignment]  # the stub returns the base class
    LevelForm, formset=LevelFormSet, extra=1, can_order=True, can_delete=True
)
