"""The formset of an aggregate's elements in its form. It binds them by primary key."""

from collections.abc import Iterator, Mapping, Sequence
from typing import Any

from django.core.paginator import Page, Paginator
from django.db.models import QuerySet
from django.forms import BaseInlineFormSet
from django.forms.formsets import DELETION_FIELD_NAME
from django.utils.text import capfirst

from oncall.admin.forms.aggregate_forms import REMOVED_KEY
from oncall.admin.forms.snapshots import KeyedFormSet, Sent, Slot, Snapshot, in_words, is_touched
from oncall.errors import InvalidDraft
from oncall.models.root import Element
from oncall.numbers import row_number
from oncall.tables.base import LOCAL, Elements
from oncall.tables.kinds import ROOTS

#: More elements are shown in pages: a form of some thousand is larger than a request may be.
MOST_SHOWN = 50


class ElementFormSet(KeyedFormSet[Element], BaseInlineFormSet):  # type: ignore[type-arg]
    """The forms of the stored elements and of new ones.

    may_change: whether the account may change stored elements; otherwise they are shown read-only. page_number: the
    page to show if there are more than MOST_SHOWN elements. page: this page, None if all elements are shown.
    """

    key_field, removed_field = "id", REMOVED_KEY
    may_change = True
    page_number = ""
    page: "Page[Element] | None" = None

    def __init__(self, data: Mapping[str, Any] | None = None, *, keep_all: bool = False, **kwargs: Any) -> None:
        self.keep_all = keep_all
        #: Sentences about elements that the form does not show any more, or not as the person entered them.
        self.news: list[str] = []
        super().__init__(**kwargs)
        if data is None:
            self.fill()
        else:
            self.data, self.is_bound = self.bind(data), True
        self._queryset = [slot.item for slot in self.slots if slot.is_stored]

    @property
    def table(self) -> Elements:
        tables = (table for roots in ROOTS.values() for table in roots.elements.values())
        return next(table for table in tables if table.model is self.model)

    # --- the stored elements ------------------------------------------------------------------------------------------

    def items(self, keys: Sequence[str]) -> dict[str, Element]:
        """Returns the elements that the inline shows, and those that were sent: they may have ended since, or may be on
        another page by now."""
        if self.instance.pk is None:
            return {}
        assert isinstance(self.queryset, QuerySet)  # noqa: S101 - set by Django
        shown = self.queryset if self.queryset.ordered else self.queryset.order_by("pk")
        found = list(shown[: MOST_SHOWN + 1])
        if len(found) > MOST_SHOWN:
            self.page = Paginator(shown, MOST_SHOWN).get_page(self.page_number)
            found = [] if keys else list(self.page.object_list)
        rows = {str(row.pk): row for row in found}
        ids = [number for key in keys if key not in rows and (number := row_number(key))]
        if ids:
            among = self.table.rows.filter(**{self.fk.name: self.instance}) if self.may_change else shown
            others = among.filter(pk__in=ids)
            rows |= {str(row.pk): row for row in others.order_by("pk")}
        if self.form.person_column:
            people = (getattr(row, self.form.person_column) for row in rows.values())
            self.form_kwargs["directory"].expect("responder", filter(None, people))
        place = {key: number for number, key in enumerate(keys)}  # a row stays where the person saw it
        return dict(sorted(rows.items(), key=lambda each: place.get(each[0], len(place))))

    @property
    def page_numbers(self) -> Iterator[str | int]:
        """The numbers of the pages, with an ellipsis for those that are left out."""
        assert self.page is not None  # noqa: S101 - the template shows pages only if there are several
        return self.page.paginator.get_elided_page_range(self.page.number, on_each_side=2, on_ends=1)

    def values_of(self, item: Element) -> Any:
        return self.table.read(item)

    def item_from(self, values: Any, stored: Mapping[str, Element]) -> Element | None:
        row = self.table.new(LOCAL)
        try:
            self.table.put(row, values)
        except InvalidDraft:
            return None
        return row

    def probe(self, item: Element, **options: Any) -> Any:
        return self.form(instance=item, **self.form_kwargs, **options)

    def label_of(self, key: str, item: Element) -> str:
        form = self.probe(item)
        values = {name: form.initial.get(name) for name in form.fields}
        words = [in_words(form.fields[name], value) for name, value in values.items() if not isinstance(value, bool)]
        return f"{capfirst(str(self.table.model._meta.verbose_name))} “{', '.join(filter(None, words))}”"

    def show_removed(self, slot: Slot[Element], *, touched: bool) -> bool:
        label = slot.snapshot.label if slot.snapshot else ""
        if touched:
            slot.notes.append(f"{label} was removed in the meantime. Save again to put it back, or remove the row.")
        else:
            self.news.append(f"{label} was removed in the meantime.")
        return touched

    def _compared(
        self, key: str, item: Element, snapshot: Snapshot, sent: Sent
    ) -> tuple[Slot[Element], list[Slot[Element]]]:
        if self.may_change:
            return super()._compared(key, item, snapshot, sent)
        self._name_ignored(item, snapshot, sent)
        kept = {name: texts for name, texts in sent.items() if name in (self.key_field, DELETION_FIELD_NAME)}
        return Slot(item, snapshot, kept), []

    def _name_ignored(self, item: Element, snapshot: Snapshot, sent: Sent) -> None:
        """Says what the person entered in a row that the account may not change any more."""
        form = self._sent_form(item, sent)
        for name in snapshot.initial:
            if name in sent and is_touched(form, name, snapshot.initial):
                entered = f"“{', '.join(sent[name])}” ({form[name].label})"
                self.news.append(f"{snapshot.label}: you entered {entered}, but you may not change it any more.")

    def _removed(
        self, snapshot: Snapshot, sent: Sent, stored: Mapping[str, Element], *, only_touched: bool = False
    ) -> list[Slot[Element]]:
        return super()._removed(snapshot, sent, stored, only_touched=only_touched) if self.may_change else []

    def _unsent(self, key: str, item: Element, *, added: bool) -> Slot[Element]:
        return super()._unsent(key, item, added=added and self.may_change)

    # --- the forms ----------------------------------------------------------------------------------------------------

    def get_form_kwargs(self, index: int | None) -> dict[str, object]:
        kwargs: dict[str, object] = super().get_form_kwargs(index)
        slot = self._slot(index)
        return (
            {**kwargs, "instance": slot.item}
            if slot is not None and slot.snapshot and slot.snapshot.removed
            else kwargs
        )

    def _slot(self, index: int | None) -> Slot[Element] | None:
        return self.slots[index] if index is not None and index < len(self.slots) else None

    def add_fields(self, form: Any, index: int | None) -> None:
        super().add_fields(form, index)
        slot = self._slot(index)
        if slot is None or slot.snapshot is None:
            return
        form.initial.update(slot.snapshot.initial)
        if slot.snapshot.removed:
            form.removed = True

    def full_clean(self) -> None:
        super().full_clean()
        for form, slot in zip(self.forms, self.slots, strict=False):
            for note in slot.notes:
                form.add_error(None, note)
        self.non_form_errors().extend(self.news)
