"""Forms of aggregates that consist of ordered parts."""

from typing import Any, ClassVar

from oncall.admin.base.aggregate import AggregateForm
from oncall.admin.base.cards import CardFormSet
from oncall.admin.base.directory import Keys, known_keys
from oncall.escalation.codec import InvalidPolicy
from oncall.rendering.spec import InvalidSpec


class CardsForm(AggregateForm):
    """parts: the formset of layers or levels, None when those stored cannot be read. parts_field: the JSON field that
    they are stored in. unreadable: why they cannot be read, empty when they can."""

    parts_field: ClassVar[str]
    reference_owner: ClassVar[str]

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        self.keys: Keys = known_keys(self.reference_owner, self.instance.pk) if self.instance.pk else {}
        self.unreadable = ""
        self.parts: CardFormSet[Any] | None = None
        try:
            self.parts = self.make_parts(self.data if self.is_bound else None)
        except (InvalidSpec, InvalidPolicy) as wrong:
            self.unreadable = str(wrong)

    def make_parts(self, data: Any) -> CardFormSet[Any]:
        """The formset over the parts as stored. Raises InvalidSpec or InvalidPolicy when they cannot be read."""
        raise NotImplementedError

    def stored(self, parts: tuple[Any, ...]) -> dict[str, Any]:
        """The JSON of the parts."""
        raise NotImplementedError

    def clean(self) -> dict[str, Any]:
        cleaned = super().clean()
        if self.parts is not None and not self.parts.is_valid():
            self.add_error(None, f"Correct the {self.parts.title.lower()} below.")
        return cleaned

    def state(self) -> dict[str, Any]:
        state = super().state()
        if self.parts is not None and self.parts.has_changed():
            state[self.parts_field] = self.stored(self.parts.parts())
        return state
