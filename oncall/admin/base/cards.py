"""Forms for the ordered cards of an aggregate: the layers of a schedule, the levels of an escalation policy.

A line that the user did not change keeps its stored value, so that a key from a source survives editing. A new line is
looked up by name.
"""

from collections import defaultdict
from collections.abc import Callable, Mapping, Sequence
from typing import ClassVar, Generic, TypeVar, Unpack

from django import forms
from django.core.exceptions import ValidationError
from django.forms.boundfield import BoundField
from django.forms.formsets import DELETION_FIELD_NAME, ORDERING_FIELD_NAME
from unfold.widgets import UnfoldAdminIntegerFieldWidget, UnfoldAdminTextareaWidget, UnfoldBooleanWidget

from oncall.admin.base.directory import Directory, Keys, one_line
from oncall.admin.base.names import NameLines
from oncall.admin.base.unfold import FormOptions
from oncall.aggregates import Kind

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
    had a row: a form that was opened then still sends them."""

    readonly = ""
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

    def card(self) -> Card:
        """Returns the card with the values of the form. The form must be valid. Raises ValidationError."""
        raise NotImplementedError

    @property
    def title(self) -> str:
        """The heading of the card."""
        raise NotImplementedError

    @property
    def body_fields(self) -> list[BoundField]:
        """The fields in the body of the card."""
        others = (ORDERING_FIELD_NAME, DELETION_FIELD_NAME, "add")
        return [self[name] for name in self.fields if name not in others and not self[name].is_hidden]


class CardFormSet(forms.BaseFormSet, Generic[Card]):  # type: ignore[type-arg]
    """Forms for the stored cards, and one for a new card."""

    title = ""

    def __init__(
        self, data: Mapping[str, str] | None, *, prefix: str, cards: Sequence[Card], directory: Directory, keys: Keys
    ) -> None:
        self.originals, self.context = tuple(cards), {"directory": directory, "keys": keys}
        super().__init__(data, prefix=prefix, initial=[{"number": number} for number, _ in enumerate(cards, 1)])

    def initial_form_count(self) -> int:
        """Returns the number of stored cards, not the submitted number: a card may have been added meanwhile."""
        return len(self.originals)

    def get_form_kwargs(self, index: int | None) -> dict[str, object]:
        stored = index is not None and index < len(self.originals)
        return {**self.context, "original": self.originals[index] if stored and index is not None else None}

    def add_fields(self, form: CardForm[Card], index: int | None) -> None:
        super().add_fields(form, index)
        form.fields[ORDERING_FIELD_NAME].widget = UnfoldAdminIntegerFieldWidget()
        form.fields[ORDERING_FIELD_NAME].label = "Position"
        form.fields[DELETION_FIELD_NAME].widget = UnfoldBooleanWidget()

    def cards(self) -> tuple[Card, ...]:
        """Returns the cards in their new order; those without a position are last. The formset must be valid."""
        return tuple(
            form.original if form.readonly and form.original is not None else form.card() for form in self.ordered_forms
        )
