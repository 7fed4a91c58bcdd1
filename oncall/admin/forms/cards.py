"""Forms for the ordered cards of an aggregate: the layers of a schedule, the levels of an escalation policy.

A line that the user did not change keeps its stored value, so that a key from a source survives editing. A new line is
looked up by name.
"""

from collections import defaultdict
from collections.abc import Callable, Collection, Mapping, Sequence
from typing import Any, ClassVar, Generic, TypeVar, Unpack

from django import forms
from django.core.exceptions import ValidationError
from django.forms.boundfield import BoundField
from django.forms.formsets import DELETION_FIELD_NAME, ORDERING_FIELD_NAME
from unfold.widgets import UnfoldAdminIntegerFieldWidget, UnfoldAdminTextareaWidget, UnfoldBooleanWidget

from oncall.admin.forms.directory import Directory, Keys, one_line
from oncall.admin.forms.names import NameLines
from oncall.admin.forms.snapshots import KeyedFormSet, Slot, Snapshot
from oncall.admin.forms.typed import FormOptions
from oncall.aggregates import Kind
from oncall.escalation.codec import InvalidPolicy
from oncall.rendering.spec import InvalidSpec

Card = TypeVar("Card")
Entry = TypeVar("Entry")


class LinesField(forms.CharField):
    """Several entries, one per line, in order. Blank lines and surrounding blanks are removed."""

    def __init__(self, *, help_text: str) -> None:
        super().__init__(widget=UnfoldAdminTextareaWidget({"rows": 4}), required=False, help_text=help_text)

    def to_python(self, value: object) -> str:
        return "\n".join(filter(None, map(str.strip, (super().to_python(value) or "").splitlines())))


class NamesField(LinesField):
    """Names of rows, one per line, in order."""

    def __init__(self, *kinds: Kind, nobody: bool = False, help_text: str) -> None:
        super().__init__(help_text=help_text)
        self.widget = NameLines({"rows": 4})
        self.widget.kinds, self.widget.nobody = kinds, nobody

    def to_python(self, value: object) -> str:
        return "\n".join(map(one_line, super().to_python(value).splitlines()))


def distinct_labels(entries: Sequence[Entry], labels: Sequence[str], keys: Sequence[str]) -> list[str]:
    """Returns the labels in one line each. Different entries with one label get their keys, or numbers, after it."""
    found = list(map(one_line, labels))
    numbers = [str(entries.index(entry) + 1) for entry in entries]
    added = keys
    while len(set(found)) < len(set(entries)):
        meant: dict[str, set[Entry]] = defaultdict(set)
        for label, entry in zip(found, entries, strict=True):
            meant[label].add(entry)
        found = [
            one_line(f"{label} ({each})") if len(meant[label]) > 1 else label
            for label, each in zip(found, added, strict=True)
        ]
        added = numbers
    return found


class CardForm(forms.Form, Generic[Card]):
    """Edits one card. original: the stored card, None for a new one. readonly: why the form cannot edit it, or empty.
    wide: names of the wide fields. lines_field: name of the field whose lines ``add`` extends. kinds: of the rows that
    these lines may name. labels: the stored entries of this field as lines. unknown_labels: the same as long as no key
    had a row: a form that was opened then still sends them. number: the position of the stored card. heading: of the
    card on the page. removed: whether it is not stored any more. notes: sentences about what somebody else changed in
    the meantime."""

    readonly = ""
    number = 0
    heading = "New"
    removed = False
    notes: Sequence[str] = ()
    wide: ClassVar[tuple[str, ...]] = ()
    lines_field: ClassVar[str] = ""
    kinds: ClassVar[tuple[Kind, ...]] = ()

    def __init__(
        self, *, original: Card | None, directory: Directory, keys: Keys, **options: Unpack[FormOptions]
    ) -> None:
        self.original, self.directory, self.keys = original, directory, keys
        self.labels: list[str] = []
        self.unknown_labels: list[str] = []
        options["label_suffix"] = ""
        super().__init__(**options)
        if original is not None:
            self.show(original)

    def show(self, card: Card) -> None:
        """Sets the initial values of the fields, the labels, and whether the card is read-only."""
        raise NotImplementedError

    def set_labels(
        self, entries: Sequence[Entry], label: Callable[[Entry, Keys], str], key: Callable[[Entry], str]
    ) -> None:
        """Sets the labels. label: of an entry, with the rows of the keys that have one. key: of an entry."""
        keys = list(map(key, entries))
        self.labels = distinct_labels(entries, [label(each, self.keys) for each in entries], keys)
        self.unknown_labels = distinct_labels(entries, [label(each, {}) for each in entries], keys)

    def parse_lines(self, stored: Sequence[Entry], find: Callable[[str], Entry]) -> tuple[Entry, ...]:
        """Returns the entries of the lines and of the field ``add``. A line that equals the label of a stored entry
        keeps this entry; any other is looked up with ``find``. Lines that cannot be found are reported as errors of the
        field."""
        if self.lines_field not in self.changed_data and "add" not in self.changed_data:
            return tuple(stored)
        by_label: dict[str, Entry] = {}
        for labels in (self.unknown_labels, self.labels):
            by_label.update(zip(labels, stored, strict=True))
        entries: list[Entry] = []
        errors: list[str] = []
        texts = [*filter(None, [*self.cleaned_data[self.lines_field].splitlines(), self.cleaned_data["add"]])]
        self.directory.look_up((text for text in texts if text not in by_label), *self.kinds)
        for text in texts:
            try:
                entries.append(by_label[text] if text in by_label else find(text))
            except ValidationError as unknown:
                errors += unknown.messages
        if errors:
            self.add_error(self.lines_field, ValidationError(errors))
        return tuple(entries)

    def has_changed(self) -> bool:
        return self.removed or super().has_changed()

    def card(self) -> Card:
        """Returns the card with the values of the form. The form must be valid. Raises ValidationError."""
        raise NotImplementedError

    @property
    def title(self) -> str:
        """The name of a stored card."""
        raise NotImplementedError

    @property
    def body_fields(self) -> list[BoundField]:
        """The fields in the body of the card."""
        others = (ORDERING_FIELD_NAME, DELETION_FIELD_NAME, "add")
        return [self[name] for name in self.fields if name not in others and not self[name].is_hidden]


class CardFormSet(KeyedFormSet[Card], Generic[Card]):
    """Forms for the stored cards, and one for a new card. context: arguments for each form."""

    title = ""
    key_field = removed_field = "key"

    def __init__(
        self, data: Mapping[str, str] | None, *, prefix: str, cards: Sequence[Card], keep_all: bool, **context: object
    ) -> None:
        self.originals, self.context, self.keep_all = tuple(cards), context, keep_all
        self.notes: list[str] = []
        super().__init__(prefix=prefix)
        if data is None:
            self.fill()
        else:
            self.data, self.is_bound = self.bind(data), True

    # --- the stored cards ---------------------------------------------------------------------------------------------

    def key_of(self, number: int, card: Card) -> str:
        """Returns the key under which the form shows a stored card. number: its position, counted from 1."""
        raise NotImplementedError

    def to_json(self, cards: Sequence[Card]) -> list[Any]:
        """Returns the cards as the JSON field stores them."""
        raise NotImplementedError

    def from_json(self, data: list[Any]) -> tuple[Card, ...]:
        """Inverse of :meth:`to_json`. Raises InvalidSpec or InvalidPolicy."""
        raise NotImplementedError

    def renewed(self, card: Card, stored: Collection[Card]) -> Card:
        """Returns a card that was removed so that it can be added to those that are stored."""
        return card

    def items(self, keys: Sequence[str]) -> dict[str, Card]:
        return {self.key_of(number, card): card for number, card in enumerate(self.originals, 1)}

    def values_of(self, item: Card) -> Any:
        return self.to_json([item])[0]

    def item_from(self, values: Any, stored: Mapping[str, Card]) -> Card | None:
        try:
            (card,) = self.from_json([values])
        except (InvalidSpec, InvalidPolicy):
            return None
        return self.renewed(card, stored.values())

    def probe(self, item: Card, **options: Any) -> CardForm[Card]:
        form: CardForm[Card] = self.form(original=item, **self.context, **options)
        return form

    def label_of(self, key: str, item: Card) -> str:
        form = self.probe(item)
        form.number = 1 + [*self.items(())].index(key)
        return form.title

    def show_removed(self, slot: Slot[Card], *, touched: bool) -> bool:
        label = slot.snapshot.label if slot.snapshot else ""
        if touched:
            slot.notes.append(f"{label} was removed in the meantime. Save again to put it back, or tick Remove.")
        else:
            slot.sent[DELETION_FIELD_NAME] = ["on"]
            slot.notes.append(f"{label} was removed in the meantime. Clear the tick at Remove to put it back.")
        return True

    def put_in_order(self, shown: Sequence[Snapshot], paired: Mapping[str, str]) -> None:
        """Keeps the positions as typed if the person changed one of them. Otherwise they are those of now."""
        stored = [slot for slot in self.slots if slot.is_stored]
        now = {slot.snapshot.key: number for number, slot in enumerate(stored, 1) if slot.snapshot}
        before = {paired[each.key]: number for number, each in enumerate(shown, 1)}
        texts = {key: slot.sent.get(ORDERING_FIELD_NAME, [""])[-1] for key, slot in zip(now, stored, strict=True)}
        typed = any(texts[key] not in ("", str(number)) for key, number in before.items())
        for key, slot in zip(now, stored, strict=True):
            if not typed or not texts[key]:
                slot.sent[ORDERING_FIELD_NAME] = [str(now[key])]
        if sorted(before, key=before.__getitem__) != [key for key in now if key in before]:
            self.notes.append("Somebody else changed the order in the meantime. It is shown below.")

    # --- the forms ----------------------------------------------------------------------------------------------------

    def initial_form_count(self) -> int:
        return sum(slot.is_stored for slot in self.slots)

    def get_form_kwargs(self, index: int | None) -> dict[str, object]:
        return {**self.context, "original": None if (slot := self._slot(index)) is None else slot.item}

    def _slot(self, index: int | None) -> Slot[Card] | None:
        return self.slots[index] if index is not None and index < len(self.slots) else None

    def add_fields(self, form: CardForm[Card], index: int | None) -> None:
        super().add_fields(form, index)
        form.fields[ORDERING_FIELD_NAME].widget = UnfoldAdminIntegerFieldWidget()
        form.fields[ORDERING_FIELD_NAME].label = "Position"
        form.fields[DELETION_FIELD_NAME].widget = UnfoldBooleanWidget()
        slot = self._slot(index)
        key = slot.snapshot.key if slot is not None and slot.snapshot is not None else ""
        form.fields[self.key_field] = forms.CharField(required=False, initial=key, widget=forms.HiddenInput)
        if slot is None or slot.snapshot is None or index is None:
            form.notes = [] if slot is None else slot.notes
            return
        form.number, form.notes, form.removed = index + 1, slot.notes, slot.snapshot.removed
        form.initial.update(slot.snapshot.initial)
        form.labels = list(slot.snapshot.lines)
        form.heading = slot.snapshot.label if form.removed else form.title

    @property
    def has_news(self) -> bool:
        """Whether a sentence says what has changed in the meantime."""
        return bool(self.notes) or any(slot.notes for slot in self.slots)

    def cards(self) -> tuple[Card, ...]:
        """Returns the cards in their new order; those without a position are last. The formset must be valid."""
        return tuple(
            form.original if form.readonly and form.original is not None else form.card() for form in self.ordered_forms
        )
