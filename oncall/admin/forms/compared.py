"""Forms of rows that have no version: what somebody else has changed is found by comparing values."""

from typing import TYPE_CHECKING, Any

from django import forms
from django.http import QueryDict

from oncall.admin.forms.snapshots import sent_by, signed, unsigned

SNAPSHOT_FIELD = "snapshot"

if TYPE_CHECKING:
    _Base = forms.ModelForm[Any]
else:
    _Base = object


class ComparedForm(_Base):
    """Is refused once if the row has changed since the form was opened. It then says what has changed."""

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        self.stored: dict[str, list[str]] = {}
        for name, field in self.fields.items():
            if not isinstance(field.widget, forms.PasswordInput):
                sent = sent_by(self, [name], {name: self.get_initial_for_field(field, name)})
                self.stored[name] = [text for texts in sent.values() for text in texts]
        self.fields[SNAPSHOT_FIELD] = forms.CharField(required=False, widget=forms.HiddenInput)
        self.initial[SNAPSHOT_FIELD] = signed(self.stored, self._shape)

    @property
    def _shape(self) -> str:
        label: str = self._meta.model._meta.label
        return label

    def clean(self) -> Any:
        cleaned = super().clean()
        shown = unsigned(self.data.get(self.add_prefix(SNAPSHOT_FIELD), ""), self._shape)
        if isinstance(shown, dict):
            changed = [name for name, texts in self.stored.items() if name in shown and shown[name] != texts]
            if changed:
                self._report(changed)
        return cleaned

    def _report(self, changed: list[str]) -> None:
        assert isinstance(self.data, QueryDict)  # noqa: S101 - the admin passes the body of the request
        self.data = self.data.copy()
        self.data[self.add_prefix(SNAPSHOT_FIELD)] = signed(self.stored, self._shape)
        words = [f"{name.replace('_', ' ')} is now “{', '.join(self.stored[name])}”" for name in changed]
        self.add_error(
            None,
            f"This has changed while you were editing: {'; '.join(words)}. Nothing was saved, and what you typed is "
            "still here. Save again to put it in place of those changes.",
        )


def compared(form: Any) -> Any:
    """Returns a subclass of a model form that is a ComparedForm, too."""
    return type(form.__name__, (ComparedForm, form), {})
