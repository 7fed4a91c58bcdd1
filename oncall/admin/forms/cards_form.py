"""Base class of the forms of aggregates that consist of ordered cards."""

from collections.abc import Mapping
from typing import Any, ClassVar, Generic

from oncall.admin.forms.aggregate_forms import AggregateForm, AnyRoot
from oncall.admin.forms.cards import Card, CardFormSet
from oncall.admin.forms.directory import Keys, resolved_keys
from oncall.aggregates import Values
from oncall.escalation.codec import InvalidPolicy
from oncall.rendering.spec import InvalidSpec

#: A schedule or policy with more cards is edited without them: a form of 1,000 layers is larger than a request may be.
MOST_CARDS = 100


class CardsForm(AggregateForm[AnyRoot], Generic[AnyRoot, Card]):
    """Edits an aggregate with its cards. cards: the formset of layers or levels, None if the stored ones cannot be
    read or are too many, and none were sent. unreadable: why they cannot be read, or empty. too_many: their number if
    it is larger than MOST_CARDS, otherwise 0. cards_field: the JSON field that stores the cards. reference_owner: the
    foreign key of ``Reference`` that points to the aggregate."""

    cards_field: ClassVar[str]
    reference_owner: ClassVar[str]

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        self.keys: Keys = resolved_keys(self.reference_owner, self.instance.pk) if self.instance.pk else {}
        for (kind, _), row_id in self.keys.items():
            self.directory.expect(kind, [row_id])
        self.unreadable = ""
        data = self.data if self.is_bound else None
        try:
            cards = self.stored_cards()
        except (InvalidSpec, InvalidPolicy) as wrong:
            self.unreadable, cards = str(wrong), ()
        self.too_many = len(cards) if len(cards) > MOST_CARDS else 0
        editable = not (self.unreadable or self.too_many)
        wanted = editable or any(name.startswith(f"{self.cards_field}-") for name in data or ())
        self.cards = self.make_cards(data, cards) if wanted else None

    def stored_cards(self) -> tuple[Card, ...]:
        """Returns the stored cards. Raises InvalidSpec or InvalidPolicy if they cannot be read."""
        raise NotImplementedError

    def make_cards(self, data: Mapping[str, str] | None, cards: tuple[Card, ...]) -> CardFormSet[Card] | None:
        """Returns the formset of the stored cards, None if the form does not edit them."""
        raise NotImplementedError

    def cards_to_json(self, cards: tuple[Card, ...]) -> Values:
        """Returns the cards as the JSON field stores them."""
        raise NotImplementedError

    def clean(self) -> None:
        super().clean()
        if self.cards is None:
            return
        title = self.cards.title.lower()
        if not self.cards.is_valid():
            self.add_error(None, f"Correct the {title} below.")
        elif len(self.cards.ordered_forms) > max(MOST_CARDS, self.too_many):
            self.add_error(None, f"A form stores at most {MOST_CARDS} {title}. Remove some of them.")
        elif self.cards.has_news and not self.errors:
            self.add_error(None, f"The {title} have changed in the meantime. Look at them, and save again.")

    def state(self) -> dict[str, object]:
        state = super().state()
        if self.cards is not None and (self.unreadable or self.cards.has_changed()):
            state[self.cards_field] = self.cards_to_json(self.cards.cards())
        return state
