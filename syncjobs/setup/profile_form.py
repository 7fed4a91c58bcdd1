"""The form of a connection's rules: what is imported, and whose value is kept."""

from collections.abc import Iterable
from typing import TYPE_CHECKING, Any

from django import forms

from connectors.closure import Selection
from syncjobs.models import Strategy, SyncProfile
from syncjobs.setup.inventory import keys_of
from syncjobs.setup.rules import save_rules

if TYPE_CHECKING:
    _Base = forms.ModelForm[SyncProfile]
else:
    _Base = forms.ModelForm

EVERYTHING = "everything"
CHOSEN = "chosen"


class ProfileForm(_Base):
    """The rules of a connection. ``chosen`` is no form field, because there may be thousands of tick boxes."""

    scope = forms.ChoiceField(
        label="What to import",
        choices=[(EVERYTHING, "Everything this credential may read"), (CHOSEN, "Only what is ticked below")],
        widget=forms.RadioSelect,
    )

    class Meta:
        model = SyncProfile
        fields = ["strategy", "contact_details", "review_first", "approval_on_impact"]
        labels = {
            "strategy": "When something was changed here and at the source",
            "contact_details": "Import contact details",
            "review_first": "Review first",
            "approval_on_impact": "Approve changes of who is on call",
        }
        widgets = {
            "strategy": forms.RadioSelect,
            "contact_details": forms.CheckboxInput,
            "review_first": forms.CheckboxInput,
            "approval_on_impact": forms.CheckboxInput,
        }

    def __init__(self, *args: Any, chosen: Iterable[str] | None = None, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        stored = Selection.from_json(self.instance.selection)
        self.chosen = stored.chosen if chosen is None else keys_of(chosen)
        self.fields["scope"].initial = EVERYTHING if stored.everything else CHOSEN
        strategy = self.fields["strategy"]
        assert isinstance(strategy, forms.ChoiceField)  # noqa: S101 - the column has choices
        strategy.choices = Strategy.choices  # no blank choice: the field is required

    def clean(self) -> dict[str, Any]:
        cleaned = super().clean() or self.cleaned_data
        if cleaned.get("scope") == CHOSEN and not self.chosen:
            self.add_error("scope", "Nothing is ticked. Tick at least one object below, or import everything.")
        return cleaned

    def _selection(self) -> dict[str, object]:
        everything = self.cleaned_data["scope"] == EVERYTHING
        return Selection(everything, frozenset() if everything else self.chosen).to_json()

    @property
    def selection_changed(self) -> bool:
        """Whether the selection differs from the stored selection. Call it on a valid form before :meth:`save`."""
        return bool(self._selection() != self.instance.selection)

    def save(self, commit: bool = True) -> SyncProfile:
        """Save the rules, whatever ``commit`` says. A changed rule increases ``rules_version``."""
        profile = self.instance
        changed = {name: self.cleaned_data[name] for name in self.Meta.fields if name in self.changed_data}
        save_rules(profile, {"selection": self._selection(), **changed})
        return profile
