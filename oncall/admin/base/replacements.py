"""Base classes for overrides and substitutions: elements by which another person, or nobody, is on call for a time."""

from datetime import datetime
from typing import TypeVar, Unpack

from django.core.exceptions import ValidationError
from django.db.models import QuerySet
from django.http import HttpRequest
from django.utils import timezone

from oncall.admin.base.aggregate import ElementInline
from oncall.admin.base.directory import NOBODY, Directory, unknown_label
from oncall.admin.base.fields import ReadingField, instant_of_field
from oncall.admin.base.forms import AnyRoot, ElementForm
from oncall.admin.base.names import NameField
from oncall.admin.base.unfold import ModelFormOptions
from oncall.aggregates import fold
from oncall.holders import holder_in_words
from oncall.models import Override, Substitution
from oncall.rendering.codec import instant_to_text
from oncall.rendering.zones import reading
from oncall.tables.base import PERSON

AnyReplacement = TypeVar("AnyReplacement", bound=Override | Substitution)


class ReplacementForm(ElementForm[AnyReplacement]):
    """zone: the time zone of the form's dates and times."""

    person_column = "by_id"
    stand_in: NameField
    starts = ReadingField(label="Starts")
    ends = ReadingField(label="Ends")

    def __init__(self, *, zone: str, directory: Directory, **options: Unpack[ModelFormOptions[AnyReplacement]]) -> None:
        self.zone = zone
        super().__init__(directory=directory, **options)

    def show(self, row: AnyReplacement) -> None:
        self.initial["stand_in"] = holder_in_words(row.by_key)
        if row.by_key.startswith(PERSON):
            self.initial["stand_in"] = self.directory.label_when_shown(
                "responder", row.by_id, row.by_key.removeprefix(PERSON)
            )
        self.initial["starts"] = reading(self.zone, _seconds(row.starts_at))
        self.initial["ends"] = reading(self.zone, _seconds(row.ends_at))

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
        row = self.instance
        starts, ends = (_seconds(row.starts_at), _seconds(row.ends_at)) if row.by_key else (None, None)
        return {
            "by_key": self.cleaned_data["stand_in"],
            "starts_at": self._instant_text("starts", starts),
            "ends_at": self._instant_text("ends", ends),
        }

    def _instant_text(self, name: str, stored: int | None) -> str:
        instant = instant_of_field(self, name, stored, self.zone)
        assert instant is not None  # noqa: S101 - the field is required
        return instant_to_text(instant)


def _seconds(instant: datetime) -> int:
    return int(instant.timestamp())


class ReplacementInline(ElementInline[AnyReplacement, AnyRoot]):
    """Shows the elements that have not ended, the earliest first."""

    def get_queryset(self, request: HttpRequest) -> QuerySet[AnyReplacement]:
        return super().get_queryset(request).filter(ends_at__gt=timezone.now()).order_by("starts_at")
