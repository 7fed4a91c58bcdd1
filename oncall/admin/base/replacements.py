"""Base classes for overrides and substitutions: elements by which another person, or nobody, is on call for a time."""

from typing import TypeVar, Unpack

from django.core.exceptions import ValidationError
from django.db.models import QuerySet
from django.http import HttpRequest
from django.utils import timezone

from oncall.admin.base.aggregate import ElementInline
from oncall.admin.forms.aggregate_forms import AnyRoot, ElementForm
from oncall.admin.forms.directory import NOBODY, Directory, unknown_label
from oncall.admin.forms.names import NameField
from oncall.admin.forms.times import FormZone, InstantField, set_zone
from oncall.admin.forms.typed import ModelFormOptions
from oncall.aggregates import fold
from oncall.holders import holder_in_words
from oncall.models import Override, Substitution
from oncall.rendering.codec import instant_to_text
from oncall.tables.base import PERSON

AnyReplacement = TypeVar("AnyReplacement", bound=Override | Substitution)


class ReplacementForm(ElementForm[AnyReplacement]):
    """zone: the time zone of the form's dates and times."""

    person_column = "by_id"
    stand_in: NameField
    starts = InstantField(label="Starts")
    ends = InstantField(label="Ends")

    def __init__(
        self, *, zone: FormZone, directory: Directory, **options: Unpack[ModelFormOptions[AnyReplacement]]
    ) -> None:
        super().__init__(directory=directory, **options)
        set_zone(self, zone)

    def show(self, row: AnyReplacement) -> None:
        self.initial["stand_in"] = holder_in_words(row.by_key)
        if row.by_key.startswith(PERSON):
            self.initial["stand_in"] = self.directory.label_when_shown(
                "responder", row.by_id, row.by_key.removeprefix(PERSON)
            )
        self.initial.update(starts=row.starts_at, ends=row.ends_at)

    def clean(self) -> None:
        super().clean()
        starts, ends = self.cleaned_data.get("starts"), self.cleaned_data.get("ends")
        if starts is not None and ends is not None and ends <= starts:
            self.add_error("ends", ValidationError("The end must be after the start."))

    def clean_stand_in(self) -> str:
        """Returns ``person:<key>`` or ``vacant``. If the field did not change, this is the stored text."""
        text, stored = self.cleaned_data["stand_in"], self.instance.by_key
        was_unknown = text == unknown_label("responder", stored.removeprefix(PERSON))
        if stored and (was_unknown or "stand_in" not in self.changed_data):
            return stored
        return "vacant" if fold(text) == NOBODY else PERSON + self.directory.find(text, "responder")[1]

    def values(self) -> dict[str, object]:
        starts, ends = (int(self.cleaned_data[name].timestamp()) for name in ("starts", "ends"))
        return {
            "by_key": self.cleaned_data["stand_in"],
            "starts_at": instant_to_text(starts),
            "ends_at": instant_to_text(ends),
        }


class ReplacementInline(ElementInline[AnyReplacement, AnyRoot]):
    """Shows the elements that have not ended, the earliest first."""

    def get_queryset(self, request: HttpRequest) -> QuerySet[AnyReplacement]:
        return super().get_queryset(request).filter(ends_at__gt=timezone.now()).order_by("starts_at", "pk")
