"""Base class of the forms of aggregates that consist of ordered cards."""

from collections.abc import Mapping
from typing import Any, ClassVar, Generic

from oncall.admin.base.cards import Card, CardFormSet
from oncall.admin.base.directory import Keys, resolved_keys
from oncall.admin.base.forms import AggregateForm, AnyRoot
from oncall.aggregates import Values
from oncall.escalation.codec import InvalidPolicy
from oncall.rendering.spec import InvalidSpec


class CardsForm(AggregateForm[AnyRoot], Generic[AnyRoot, Card]):
    """Edits an aggregate with its cards. cards: the formset of layers or levels, None if the stored ones cannot be
    read. unreadable: why they cannot be read, or empty. cards_field: the JSON field that stores the cards.
    reference_owner: the foreign key of ``Reference`` that points to the aggregate."""

    cards_field: ClassVar[str]
    reference_owner: ClassVar[str]

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        self.keys: Keys = resolved_keys(self.reference_owner, self.instance.pk) if self.instance.pk else {}
        for (kind, _), row_id in self.keys.items():
            self.directory.expect(kind, [row_id])
        self.unreadable = ""
        self.cards: CardFormSet[Card] | None = None
        try:
            self.cards = self.make_cards(self.data if self.is_bound else None)
        except (InvalidSpec, InvalidPolicy) as wrong:
            self.unreadable = str(wrong)

    def make_cards(self, data: Mapping[str, str] | None) -> CardFormSet[Card] | None:
        """Returns the formset of the stored cards, None if the form does not edit them.

        Raises InvalidSpec or InvalidPolicy if they cannot be read.
        """
        raise NotImplementedError

    def cards_to_json(self, cards: tuple[Card, ...]) -> Values:
        """Returns the cards as the JSON field stores them."""
        raise NotImplementedError

    def clean(self) -> None:
        super().clean()
        if self.cards is not None and not self.cards.is_valid():
            self.add_error(None, f"Correct the {self.cards.title.lower()} below.")

    def state(self) -> dict[str, object]:
        state = super().state()
        if self.cards is not None and self.cards.has_changed():
            state[self.cards_field] = self.cards_to_json(self.cards.cards())
        return state
