"""Forms of aggregates that consist of ordered parts."""

from typing import Any, ClassVar

from oncall.admin.directory import Keys, known_keys
from oncall.admin.operated import AggregateForm
from oncall.admin.parts import PartFormSet


class PartedForm(AggregateForm):
    """parts: the formset of layers or levels. parts_field: the JSON field that they are stored in."""

    parts_field: ClassVar[str]
    reference_owner: ClassVar[str]

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        self.keys: Keys = known_keys(self.reference_owner, self.instance.pk) if self.instance.pk else {}
        self.parts = self.make_parts(self.data if self.is_bound else None)

    def make_parts(self, data: Any) -> PartFormSet[Any]:
        """The formset over the parts as stored. Raises InvalidSpec or InvalidPolicy when they cannot be read."""
        raise NotImplementedError

    def stored(self, parts: tuple[Any, ...]) -> dict[str, Any]:
        """The JSON of the parts."""
        raise NotImplementedError

    def clean(self) -> dict[str, Any]:
        cleaned = super().clean()
        if not self.parts.is_valid():
            self.add_error(None, f"Correct the {self.parts.title.lower()} below.")
        return cleaned

    def state(self) -> dict[str, Any]:
        state = super().state()
        if self.parts.has_changed():
            state[self.parts_field] = self.stored(self.parts.parts())
        return state
