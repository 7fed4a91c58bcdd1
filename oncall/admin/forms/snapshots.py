"""What a form was filled from, and how a form that is sent back is compared with what is stored by then.

A form contains, signed, the values that it was filled from. So it is known for each field whether the person changed
it, whether somebody else changed it in the meantime, or both:

- A field that the person did not change gets the stored value of now.
- A field that the person changed keeps what was typed, and a sentence says what is stored now.
- What was removed in the meantime is shown as it was typed, and a save adds it again.
- What was added in the meantime is shown, too.
"""

import json
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import asdict, dataclass, field, fields
from datetime import datetime
from typing import Any, Generic, Protocol, TypeVar, runtime_checkable

from django import forms
from django.core import signing
from django.core.serializers.json import DjangoJSONEncoder
from django.db.models import Model
from django.forms.formsets import (
    DELETION_FIELD_NAME,
    INITIAL_FORM_COUNT,
    MAX_NUM_FORM_COUNT,
    MIN_NUM_FORM_COUNT,
    TOTAL_FORM_COUNT,
    ManagementForm,
)
from django.http import QueryDict
from django.utils.functional import cached_property

SNAPSHOT = "SNAPSHOT"
_SALT = "oncall.admin.snapshot"
_LONGEST_VALUE = 60  # characters
_REMOVED = "removed:"

Item = TypeVar("Item")
Values = Mapping[str, Any]
#: Name of a field -> what a browser sends for it. A field that is not sent has no values.
Sent = dict[str, list[str]]


def signed(value: object, shape: str) -> str:
    """Returns a value of JSON as a text that only this site can make. Equal values have equal texts.

    shape: what the value describes. A form of another model, or of another release, cannot read it then.
    """
    return _signer(shape).sign_object(value, compress=True)


def unsigned(text: object, shape: str) -> Any:
    """Returns the value that was signed, or None if this site has not signed the text for this shape."""
    try:
        return _signer(shape).unsign_object(str(text))
    except signing.BadSignature:
        return None


def _signer(shape: str) -> signing.Signer:
    return signing.Signer(salt=f"{_SALT}.{shape}")


def plain(value: object) -> Any:
    """Returns a value as it is read back from JSON; rows are their primary keys."""
    return json.loads(json.dumps(value, cls=_Encoder))


class _Encoder(DjangoJSONEncoder):
    def default(self, o: Any) -> Any:
        if isinstance(o, datetime):
            return o.isoformat()  # the base class would cut the microseconds
        return o.pk if isinstance(o, Model) else super().default(o)


def sent_by(form: forms.BaseForm, names: Iterable[str], initial: Values) -> Sent:
    """Returns what a browser sends for these fields of a form if nobody changes their initial values."""
    sent: Sent = {}
    for name in names:
        sent |= _sent(form.fields[name].widget, name, form.fields[name].prepare_value(initial.get(name)))
    return sent


@runtime_checkable
class OwnWidget(Protocol):
    """A widget that sends other names than its own.

    sent: what a browser sends for a value. in_words: the value for people.
    """

    def sent(self, name: str, value: Any) -> Sent: ...

    def in_words(self, value: Any) -> str: ...


def _sent(widget: forms.Widget, name: str, value: Any) -> Sent:
    if isinstance(widget, OwnWidget):
        return widget.sent(name, value)
    if isinstance(widget, forms.MultiWidget):
        names: list[str] = widget.widgets_names  # type: ignore[attr-defined]  # the stub lacks it
        values = value if isinstance(value, list | tuple) else widget.decompress(value) or ()
        parts = zip(names, widget.widgets, values, strict=True)
        return {key: texts for suffix, each, part in parts for key, texts in _sent(each, name + suffix, part).items()}
    if isinstance(widget, forms.CheckboxInput):
        return {name: ["on"] if value else []}
    if isinstance(value, list | tuple):
        return {name: [str(each) for each in value]}
    shown: Any = widget.format_value(value)
    if isinstance(shown, list | tuple):  # of a select
        return {name: [str(each) for each in shown if each != ""]}
    return {name: [] if shown is None else [str(shown)]}


def is_touched(form: forms.BaseForm, name: str, shown: Values) -> bool:
    """Returns whether the person changed a field of a bound form that showed these values."""
    return form.fields[name].has_changed(shown.get(name), form[name].data)


def refreshed(form: forms.BaseForm, shown: Values, stored: Values) -> Sent:
    """Returns what a bound form is to contain in the fields that somebody else has changed, and the person has not.

    shown: the values that the form showed. stored: the values that it would show now.
    """
    changed = (name for name in form.fields if name in stored and shown.get(name, ...) != stored[name])
    return sent_by(form, [n for n in changed if n not in shown or not is_touched(form, n, shown)], stored)


def changes_in_words(form: forms.BaseForm, shown: Values, stored: Values) -> list[str]:
    """Returns a sentence about each field of a bound form that somebody else has changed. See :func:`refreshed`."""
    words = []
    for name in form.fields:
        if name not in stored or name not in shown or shown[name] == stored[name]:
            continue
        now, before = (_quoted(in_words(form.fields[name], values[name])) for values in (stored, shown))
        text = f"{form[name].label} is {now} now; it was {before}."
        if not is_touched(form, name, shown):
            words.append(text)
        elif is_touched(form, name, stored):
            words.append(f"{text} A save puts what you entered in its place.")
    return words


def in_words(field_: forms.Field, value: Any) -> str:
    """Returns a value of a field for people, in a few words; empty if the field is."""
    if isinstance(value, bool):
        return "on" if value else "off"
    if isinstance(field_, forms.ChoiceField):
        choices: Any = field_.choices
        return str(dict(choices).get(value, value or ""))
    if isinstance(field_.widget, OwnWidget):
        return field_.widget.in_words(value)
    sent = _sent(field_.widget, "", field_.prepare_value(value))
    text = ", ".join(line for texts in sent.values() for each in texts for line in each.splitlines())
    return text if len(text) <= _LONGEST_VALUE else f"{text[:_LONGEST_VALUE]}…"


def _quoted(text: str) -> str:
    return f"“{text}”" if text else "empty"


@dataclass(frozen=True, slots=True)
class Snapshot:
    """What one form of a formset was filled from.

    key: identifies the form in the formset. label: the name of the item on the page. values: the stored values.
    initial: what the fields showed. lines: the labels of a card's entries. removed: nothing is stored under the key any
    more, so a save adds the item again.
    """

    key: str
    label: str
    values: Any
    initial: Mapping[str, Any]
    lines: Sequence[str] = ()
    removed: bool = False


@dataclass(slots=True)
class Slot(Generic[Item]):
    """One form of a formset.

    item: what is stored; if the snapshot says that it is removed, what was stored; None for a new form. sent: what the
    form contains. notes: sentences about what has happened in the meantime.
    """

    item: Item | None = None
    snapshot: Snapshot | None = None
    sent: Sent = field(default_factory=dict)
    notes: list[str] = field(default_factory=list)

    @property
    def is_stored(self) -> bool:
        return self.snapshot is not None and not self.snapshot.removed


class KeyedFormSet(forms.BaseFormSet, Generic[Item]):  # type: ignore[type-arg]
    """Binds each form to its item by key, whatever was added, removed or reordered since the form was opened.

    What was sent is put into the order of the stored items, and the counts of the management form follow from it. So
    Django's formsets find consistent data, and the page that shows a conflict can be sent again.

    key_field: the field that contains the key of a stored item. removed_field: the field that contains the key of an
    item that was removed. keep_all: the aggregate itself is gone, so that a save adds all items again, also those that
    nobody changed.
    """

    key_field: str
    removed_field: str
    keep_all = False
    slots: list[Slot[Item]]

    # --- what a formset knows about its items -------------------------------------------------------------------------

    def items(self, keys: Sequence[str]) -> dict[str, Item]:
        """Returns the stored items in their order, by key. keys: of forms that were sent, which may be shown again."""
        raise NotImplementedError

    def values_of(self, item: Item) -> Any:
        """Returns the stored values of an item as JSON."""
        raise NotImplementedError

    def item_from(self, values: Any, stored: Mapping[str, Item]) -> Item | None:
        """Returns an item that was removed from its values, or None if they cannot be read any more."""
        raise NotImplementedError

    def probe(self, item: Item, **options: Any) -> Any:
        """Returns a form for one item outside of the formset."""
        raise NotImplementedError

    def label_of(self, key: str, item: Item) -> str:
        """Returns the name of an item on the page, like ``Layer Nights``."""
        raise NotImplementedError

    def pair(self, shown: Sequence[Snapshot], stored: Mapping[str, Item]) -> dict[str, str]:
        """Returns the stored key for the key of each item that the form showed. Removed items are left out."""
        return {snapshot.key: snapshot.key for snapshot in shown if snapshot.key in stored}

    # --- binding ------------------------------------------------------------------------------------------------------

    def fill(self) -> None:
        """Sets the slots from the stored items. Call it for a form that was not sent."""
        self.slots = [Slot(item, self._snapshot(key, item)) for key, item in self.items(()).items()]

    def bind(self, data: Mapping[str, Any]) -> QueryDict:
        """Sets the slots from what was sent and what is stored. Returns the data for the forms of the slots."""
        found = data if isinstance(data, QueryDict) else _as_query(data)
        forms_sent = _forms_in(found, str(self.prefix))
        keys = [self._key(sent, self.removed_field) or self._key(sent, self.key_field) for sent in forms_sent]
        stored = self.items(keys)
        sent_back = unsigned(found.get(f"{self.prefix}-{SNAPSHOT}", ""), self._shape)
        known = sent_back is not None
        shown = (
            [Snapshot(**each) for each in sent_back] if known else [self._snapshot(*each) for each in stored.items()]
        )
        paired = self.pair([each for each in shown if not each.removed], stored)
        by_key = {each.key: each for each in shown}
        slots: dict[str, Slot[Item]] = {}
        new: list[Slot[Item]] = []
        gone: list[Slot[Item]] = []
        for key, sent in zip(keys, forms_sent, strict=True):
            snapshot = by_key.pop(key, None)
            if snapshot is None:
                new.append(Slot[Item](sent=self._without_key(sent)))
            elif snapshot.key in paired:
                at = paired[snapshot.key]
                slots[at], copies = self._compared(at, stored[at], snapshot, sent)
                gone += copies
            else:
                gone += self._removed(snapshot, sent, stored)
        for key, item in stored.items():
            if key not in slots:
                slots[key] = self._unsent(key, item, added=known and key not in paired.values())
        ordered = [slots[key] for key in stored]
        self.slots = [*ordered, *gone, *new]
        self.put_in_order([each for each in shown if each.key in paired], paired)
        return self._data(len(ordered))

    def put_in_order(self, shown: Sequence[Snapshot], paired: Mapping[str, str]) -> None:
        """Merges the order of the items, if they have one. shown: those that are still stored, in the order shown."""

    @staticmethod
    def _key(sent: Sent, name: str) -> str:
        return sent.get(name, [""])[-1]

    def _without_key(self, sent: Sent) -> Sent:
        return {name: texts for name, texts in sent.items() if name not in (self.key_field, self.removed_field)}

    def _snapshot(self, key: str, item: Item) -> Snapshot:
        form = self.probe(item)
        initial = {name: form.initial.get(name, each.initial) for name, each in form.fields.items()}
        lines = list(getattr(form, "labels", ()))
        return Snapshot(key, self.label_of(key, item), plain(self.values_of(item)), plain(initial), lines)

    def _compared(self, key: str, item: Item, snapshot: Snapshot, sent: Sent) -> tuple[Slot[Item], list[Slot[Item]]]:
        """Returns the slot of an item that is stored, and what was typed if its form cannot show this any more."""
        sent = {**sent, self.key_field: [key]}
        if snapshot.values == plain(self.values_of(item)):
            return Slot(item, Snapshot(**{**asdict(snapshot), "key": key}), sent), []
        now = self._snapshot(key, item)
        form = self._sent_form(item, sent)
        if snapshot.initial.keys() - form.fields.keys():
            # The stored item became one that this form cannot edit.
            note = f"{now.label} was changed in the meantime, and this form cannot edit it any more."
            return Slot(item, now, sent, [note]), self._removed(snapshot, sent, {key: item}, only_touched=True)
        sent |= refreshed(form, snapshot.initial, now.initial)
        return Slot(item, now, sent, changes_in_words(form, snapshot.initial, now.initial)), []

    def _removed(
        self, snapshot: Snapshot, sent: Sent, stored: Mapping[str, Item], *, only_touched: bool = False
    ) -> list[Slot[Item]]:
        """Returns a slot in which an item that is not stored any more is shown as it was typed."""
        item = self.item_from(snapshot.values, stored)
        if item is None:
            return [Slot(sent=self._without_key(sent))]
        slot = Slot(item, snapshot, sent)
        if not snapshot.removed:
            if sent.get(DELETION_FIELD_NAME):
                return []
            slot.snapshot = Snapshot(**{**asdict(snapshot), "key": _REMOVED + snapshot.key, "removed": True})
            slot.sent = {**self._without_key(sent), self.removed_field: [_REMOVED + snapshot.key]}
            form = self._sent_form(item, sent)
            names = [name for name in snapshot.initial if name in form.fields]
            touched = any(is_touched(form, name, snapshot.initial) for name in names)
            if only_touched and not touched:
                return []
            if not self.keep_all and not self.show_removed(slot, touched=touched):
                return []
        return [slot]

    def show_removed(self, slot: Slot[Item], *, touched: bool) -> bool:
        """Adds a note to the slot of a removed item. Returns whether the form shows it; else it must be named."""
        raise NotImplementedError

    def _unsent(self, key: str, item: Item, *, added: bool) -> Slot[Item]:
        snapshot = self._snapshot(key, item)
        form = self.probe(item)
        sent = {**sent_by(form, form.fields, snapshot.initial), self.key_field: [key]}
        return Slot(item, snapshot, sent, [f"{snapshot.label} was added in the meantime."] if added else [])

    def _sent_form(self, item: Item, sent: Sent) -> Any:
        data = QueryDict(mutable=True)
        for name, texts in sent.items():
            data.setlist(f"sent-{name}", texts)
        return self.probe(item, data=data, prefix="sent")

    def _data(self, stored: int) -> QueryDict:
        data = QueryDict(mutable=True)
        for number, slot in enumerate(self.slots):
            for name, texts in slot.sent.items():
                data.setlist(f"{self.prefix}-{number}-{name}", texts)
        counts = {
            TOTAL_FORM_COUNT: len(self.slots), INITIAL_FORM_COUNT: stored, MIN_NUM_FORM_COUNT: 0,
            MAX_NUM_FORM_COUNT: self.max_num, SNAPSHOT: self.snapshots,
        }  # fmt: skip
        for name, value in counts.items():
            data[f"{self.prefix}-{name}"] = str(value)
        return data

    @property
    def snapshots(self) -> str:
        return signed([asdict(slot.snapshot) for slot in self.slots if slot.snapshot is not None], self._shape)

    @property
    def _shape(self) -> str:
        return f"{self.prefix} {' '.join(each.name for each in fields(Snapshot))}"

    @cached_property
    def management_form(self) -> ManagementForm:
        """Contains the snapshot, too."""
        form: ManagementForm = super().management_form
        form.fields[SNAPSHOT] = forms.CharField(widget=forms.HiddenInput, required=False, initial=self.snapshots)
        return form


def _as_query(data: Mapping[str, Any]) -> QueryDict:
    query = QueryDict(mutable=True)
    for name, value in data.items():
        query.setlist(name, value if isinstance(value, list) else [value])
    return query


def _forms_in(data: QueryDict, prefix: str) -> list[Sent]:
    """Returns what was sent for each form of a formset, in order. The counts of the management form are not needed."""
    found: dict[int, Sent] = {}
    for name, number, field_name in _names_in(data, prefix):
        found.setdefault(number, {})[field_name] = data.getlist(name)
    return [found[number] for number in sorted(found)]


def _names_in(data: QueryDict, prefix: str) -> Iterator[tuple[str, int, str]]:
    for name in data:
        if name.startswith(f"{prefix}-"):
            number, _, field_name = name.removeprefix(f"{prefix}-").partition("-")
            if number.isascii() and number.isdecimal() and len(number) < 6 and field_name:
                yield name, int(number), field_name
