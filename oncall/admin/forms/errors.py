"""Lists the errors of a form's cards and elements, each with the layer, level, override, ... that it belongs to."""

from collections.abc import Iterable, Iterator
from typing import Any, NamedTuple

from django import forms
from django.core.exceptions import NON_FIELD_ERRORS
from django.utils.text import capfirst

_LONGEST_NAME = 60


class FormError(NamedTuple):
    """An error. place: the card or element. field: the label of its field, empty if the error concerns several."""

    place: str
    field: str
    message: str


def form_errors(form: forms.BaseForm, inlines: Iterable[Any]) -> list[FormError]:
    """Returns the errors of the cards of a form, and of its inlines (Django's ``InlineAdminFormSet``), in their order
    on the page."""
    cards = getattr(form, "cards", None)
    formsets = [] if cards is None else [(cards.title.removesuffix("s"), cards)]
    formsets += [(capfirst(str(inline.opts.verbose_name)), inline.formset) for inline in inlines]
    return [error for kind, formset in formsets if formset.is_bound for error in _errors(kind, formset)]


def _errors(kind: str, formset: Any) -> Iterator[FormError]:
    for number, form in enumerate(formset.forms, 1):
        if not form.errors or form in formset.deleted_forms:
            continue
        name = _name(form)
        place = f"{kind} {number}{f' ({name})' if name else ''}"
        for field, messages in form.errors.items():
            label = "" if field == NON_FIELD_ERRORS else str(form[field].label)
            yield from (FormError(place, label, message) for message in messages)


def _name(form: forms.BaseForm) -> str:
    """Returns the first text of a form: the name of a layer, the person of an override."""
    for field in form.visible_fields():
        if isinstance(field.field, forms.CharField) and field.value():
            name = str(field.value()).partition("\n")[0].strip()
            return name if len(name) <= _LONGEST_NAME else f"{name[:_LONGEST_NAME]}…"
    return ""
