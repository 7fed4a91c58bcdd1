"""Form fields of the on-call pages: zones, foreign keys."""

from collections.abc import Sequence

from django import forms
from django.contrib.admin.widgets import AutocompleteMixin, AutocompleteSelect, AutocompleteSelectMultiple
from django.core.exceptions import ValidationError
from unfold.widgets import UnfoldAdminTextInputWidget

from oncall.rendering.zones import zone_names


class ZoneField(forms.CharField):
    """An IANA time zone, or empty. The page contains suggestions."""

    def __init__(self) -> None:
        super().__init__(
            widget=UnfoldAdminTextInputWidget({"list": "rb-zones", "autocomplete": "off"}),
            max_length=64,
            required=False,
            label="Time zone",
            help_text="IANA name, for example Europe/Berlin.",
        )

    def validate(self, value: str) -> None:
        super().validate(value)
        if value and value not in zone_names():
            raise ValidationError(f"“{value}” is no IANA time zone. Write one like Europe/Berlin.")


class _IdsOnly(AutocompleteMixin):
    """A submitted text that is no id of a row selects no row."""

    def optgroups(
        self, name: str, value: Sequence[str], attr: dict[str, object] | None = None
    ) -> list[tuple[str | None, list[dict[str, object]], int | None]]:
        # Django filters by the submitted values when it shows the form again, and fails if one is no id.
        return super().optgroups(name, [each for each in value if self._is_id(each)], attr)

    def _is_id(self, text: str) -> bool:
        try:
            self.field.target_field.clean(text, None)
        except ValidationError:
            return False
        return True


class RowSelect(_IdsOnly, AutocompleteSelect):
    """A foreign key that is searched while the user types."""


class RowsSelect(_IdsOnly, AutocompleteSelectMultiple):
    """Rows that a foreign key may point to, searched while the user types."""
