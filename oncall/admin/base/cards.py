"""Ordered parts of an aggregate (layers of a schedule, levels of a policy) as cards in its form.

What a line names is kept as it is stored as long as the line stays the same, so that a key given by a source survives
editing; a new line picks a row by name.
"""

from collections.abc import Callable, Sequence
from typing import Any, ClassVar, Generic, TypeVar

from django import forms
from django.core.exceptions import ValidationError
from django.forms.formsets import DELETION_FIELD_NAME, ORDERING_FIELD_NAME
from unfold.widgets import (
    UnfoldAdminIntegerFieldWidget,
    UnfoldAdminTextareaWidget,
    UnfoldAdminTextInputWidget,
    UnfoldBooleanWidget,
)

from oncall.admin.base.directory import Directory, Keys

Card = TypeVar("Card")
Entry = TypeVar("Entry")


class LinesField(forms.CharField):
    """One thing per line, in order; blank lines and blanks around a line do not count."""

    def __init__(self, **kwargs: Any) -> None:
        super().__init__(widget=UnfoldAdminTextareaWidget({"rows": 4}), required=False, **kwargs)

    def to_python(self, value: Any) -> str:
        return "\n".join(filter(None, map(str.strip, (super().to_python(value) or "").splitlines())))


class AddField(forms.CharField):
    """A name picked from a list of suggestions, put behind the lines when the form is saved."""

    def __init__(self, suggestions: str, **kwargs: Any) -> None:
        attrs = {"list": suggestions, "autocomplete": "off", "placeholder": "Pick a name"}
        super().__init__(widget=UnfoldAdminTextInputWidget(attrs), required=False, **kwargs)


class CardForm(forms.Form, Generic[Card]):
    """One part. original: the part as stored, None for a new one. readonly: why it cannot be edited here, or empty."""

    readonly = ""
    #: Fields that want more room, and the one whose lines ``add`` is put behind.
    wide: ClassVar[tuple[str, ...]] = ()
    listed: ClassVar[str] = ""

    def __init__(self, *args: Any, original: Card | None, directory: Directory, keys: Keys, **kwargs: Any) -> None:
        self.original, self.directory, self.keys = original, directory, keys
        kwargs["label_suffix"] = ""
        super().__init__(*args, **kwargs)

    def named(
        self, field: str, labels: Sequence[str], stored: Sequence[Entry], find: Callable[[str], Entry]
    ) -> tuple[Entry, ...]:
        """What the lines of ``field``, then the field ``add``, name. stored: what is there now, under ``labels``; as
        long as a line reads like its label it means exactly that."""
        if field not in self.changed_data and "add" not in self.changed_data:
            return tuple(stored)
        kept, found, wrong = dict(zip(labels, stored, strict=True)), [], []
        for text in filter(None, [*self.cleaned_data[field].splitlines(), self.cleaned_data["add"].strip()]):
            try:
                found.append(kept[text] if text in kept else find(text))
            except ValidationError as unknown:
                wrong += unknown.messages
        if wrong:
            self.add_error(field, ValidationError(wrong))
        return tuple(found)

    def part(self) -> Card:
        """The part as it shall be; called when the form is valid. Raises ValidationError."""
        raise NotImplementedError

    @property
    def title(self) -> str:
        """What the card is called."""
        raise NotImplementedError

    @property
    def shown_fields(self) -> list[Any]:
        own = (ORDERING_FIELD_NAME, DELETION_FIELD_NAME, "add")
        return [self[name] for name in self.fields if name not in own and not self[name].is_hidden]


class CardFormSet(forms.BaseFormSet, Generic[Card]):  # type: ignore[type-arg]
    """Cards for the parts as stored, and an empty one."""

    title = ""

    def __init__(self, *args: Any, parts: Sequence[Card], directory: Directory, keys: Keys, **kwargs: Any) -> None:
        self.originals, self.context = tuple(parts), {"directory": directory, "keys": keys}
        kwargs["initial"] = [{"number": n} for n, _ in enumerate(parts, 1)]
        super().__init__(*args, **kwargs)

    def get_form_kwargs(self, index: int | None) -> dict[str, Any]:
        stored = index is not None and index < len(self.originals)
        return {**self.context, "original": self.originals[index] if stored and index is not None else None}

    def add_fields(self, form: Any, index: int | None) -> None:
        super().add_fields(form, index)
        form.fields[ORDERING_FIELD_NAME].widget = UnfoldAdminIntegerFieldWidget()
        form.fields[ORDERING_FIELD_NAME].label = "Position"
        form.fields[DELETION_FIELD_NAME].widget = UnfoldBooleanWidget()
        if index is not None and index < len(self.originals):
            form.fields[ORDERING_FIELD_NAME].initial = index + 1
        else:
            form.fields[ORDERING_FIELD_NAME].initial = None

    def parts(self) -> tuple[Card, ...]:
        """The parts in their new order; called when the formset is valid."""
        kept: list[tuple[float, int, Card]] = []
        for index, form in enumerate(self.forms):
            if form in self.deleted_forms or (form.original is None and not form.has_changed()):
                continue
            position = form.cleaned_data.get(ORDERING_FIELD_NAME)
            part = form.original if form.readonly else form.part()
            kept.append((float("inf") if position is None else position, index, part))
        return tuple(part for _, _, part in sorted(kept, key=lambda each: each[:2]))
