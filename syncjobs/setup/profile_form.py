"""The forms of a connection's selection and rules."""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Final

from django import forms

from connectors.closure import Selection
from connectors.records import ENTITY_TYPES, ENTITY_WORDS
from oncall.aggregates import AGGREGATES
from syncjobs.models import Strategy, SyncProfile
from syncjobs.planning.values import Rules
from syncjobs.setup.inventory import keys_of
from syncjobs.setup.rules import DEFAULT, save_rules, set_rules
from syncjobs.slots.every import OFF, InvalidEvery, clean_every, grid_of, in_words
from syncjobs.words.values import field_word

if TYPE_CHECKING:
    _Base = forms.ModelForm[SyncProfile]
else:
    _Base = forms.ModelForm

EVERYTHING = "everything"
CHOSEN = "chosen"
#: The intervals that the form offers. Another rule is typed.
OFFERED: Final = (OFF, "1h", "6h", "1d")
OTHER: Final = "other"
_RULES: Final = Rules("ask", {}, "", 0, "")
#: The limits of the guard of a profile that has none of its own.
GUARD: Final = {"share": _RULES.guard_share, "count": _RULES.guard_count}
_OWNERS: Final = (
    (DEFAULT, "as chosen above"),
    ("ask", "ask when both sides changed it"),
    ("source", "the source decides"),
    ("local", "it is edited here"),
)


class SelectionForm(forms.Form):
    """What a connection imports. ``chosen`` is no form field, because there may be thousands of tick boxes."""

    scope = forms.ChoiceField(
        label="What to import",
        choices=[(EVERYTHING, "Everything that the key may read"), (CHOSEN, "Only what is ticked below")],
        widget=forms.RadioSelect,
    )

    def __init__(self, profile: SyncProfile, data: Mapping[str, Any] | None = None, chosen: Iterable[str] = ()) -> None:
        stored = Selection.from_json(profile.selection)
        super().__init__(data, initial={"scope": EVERYTHING if stored.everything else CHOSEN})
        self.profile = profile
        self.chosen = stored.chosen if data is None else keys_of(chosen)

    def clean(self) -> dict[str, Any]:
        if self.cleaned_data.get("scope") == CHOSEN and not self.chosen:
            self.add_error("scope", "Nothing is ticked. Tick at least one object below, or import everything.")
        return self.cleaned_data

    def save(self) -> bool:
        """Store the selection. Return whether it changed. Call it on a valid form."""
        everything = self.cleaned_data["scope"] == EVERYTHING
        selection = Selection(everything, frozenset() if everything else self.chosen).to_json()
        changed = bool(selection != self.profile.selection)
        if changed:
            save_rules(self.profile, {"selection": selection})
        return changed


@dataclass(frozen=True, slots=True)
class OwnedKind:
    """The fields of one kind whose owner may be chosen, as bound form fields."""

    words: str
    fields: tuple[forms.BoundField, ...]


class RulesForm(_Base):
    """By which rules a connection is synced. ``own.KIND.FIELD`` is the owner of a field of a kind."""

    every = forms.ChoiceField(
        label="When it is synced by itself",
        choices=[
            (OFF, "Only when somebody starts a sync"),
            *((each, in_words(grid_of(each)).capitalize()) for each in OFFERED if each != OFF),
            (OTHER, "By another rule"),
        ],
        widget=forms.RadioSelect,
    )
    other_every = forms.CharField(label="Another rule", max_length=200, required=False)
    guard_share = forms.IntegerField(label="More than this share of a kind, in percent", min_value=1, max_value=99)
    guard_count = forms.IntegerField(label="And at least this many objects", min_value=1, max_value=999_999)

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

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        profile = self.instance
        strategy = self.fields["strategy"]
        assert isinstance(strategy, forms.ChoiceField)  # noqa: S101 - the column has choices
        strategy.choices = Strategy.choices  # no blank choice: the field is required
        is_offered = profile.every in OFFERED
        self.initial.update(
            every=profile.every if is_offered else OTHER,
            other_every="" if is_offered else profile.every,
            guard_share=profile.guard.get("share", GUARD["share"]),
            guard_count=profile.guard.get("count", GUARD["count"]),
        )
        for name, field in _owned():
            self.fields[f"own.{name}"] = forms.ChoiceField(label=field, choices=_OWNERS, required=False)
            self.initial[f"own.{name}"] = profile.ownership.get(name, DEFAULT)

    def clean(self) -> dict[str, Any]:
        cleaned = super().clean() or self.cleaned_data
        if cleaned.get("every") == OTHER:
            try:
                cleaned["other_every"] = clean_every(cleaned.get("other_every", ""))
            except InvalidEvery as invalid:
                self.add_error("other_every", str(invalid))
        return cleaned

    @property
    def guard_fields(self) -> tuple[forms.BoundField, ...]:
        return (self["guard_share"], self["guard_count"])

    @property
    def owned_kinds(self) -> tuple[OwnedKind, ...]:
        return tuple(
            OwnedKind(
                ENTITY_WORDS[kind][1], tuple(self[f"own.{name}"] for name, _ in _owned() if name.startswith(f"{kind}."))
            )
            for kind in ENTITY_TYPES
        )

    @property
    def has_own_rules(self) -> bool:
        """Return whether something differs from the default that the page shows under *more*."""
        return bool(self.instance.ownership or self.instance.guard or self.instance.approval_on_impact) or bool(
            self.errors.keys() & {"guard_share", "guard_count"}
        )

    def save(self, commit: bool = True) -> SyncProfile:
        """Save the rules that are valid, whatever ``commit`` says. A changed rule increases ``rules_version``."""
        profile, given = self.instance, self.cleaned_data
        stored = SyncProfile.objects.get(pk=profile.pk)
        values: dict[str, Any] = {name: given[name] for name in self.Meta.fields if name in given}
        every = given.get("other_every") if given.get("every") == OTHER else given.get("every")
        if every:
            values["every"] = every
        for name, default in GUARD.items():
            value = given.get(f"guard_{name}")
            if value not in (None, stored.guard.get(name, default)):
                values[f"guard.{name}"] = value
        for name, _ in _owned():
            owner = given.get(f"own.{name}", "") or DEFAULT
            if owner != stored.ownership.get(name, DEFAULT) and f"own.{name}" in given:
                values[f"own.{name}"] = owner
        set_rules(profile, values)
        profile.refresh_from_db()
        return profile


def _owned() -> list[tuple[str, str]]:
    """Return ``kind.field`` and the word of each field and collection whose owner may be chosen."""
    return [
        (f"{kind}.{name}", field_word(name))
        for kind, aggregate in AGGREGATES.items()
        for name in (*aggregate.fields, *(collection.name for collection in aggregate.collections))
    ]
