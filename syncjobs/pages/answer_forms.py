"""Forms made from the arguments of a choice: one field, or a field per person, for each argument."""

import re
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any, Final

from django import forms
from django.core.exceptions import ValidationError
from unfold.widgets import (
    UnfoldAdminEmailInputWidget,
    UnfoldAdminSelectWidget,
    UnfoldAdminTextareaWidget,
    UnfoldAdminTextInputWidget,
)

from oncall.aggregates import fold
from oncall.rendering.codec import instant_to_text
from oncall.rendering.zones import zone_names
from syncjobs.planning.decisions.people import PERSON
from syncjobs.planning.decisions.values import Argument, Arguments, Choice, Question

#: How the person of a text is found: ``Ana Abt (responder:3)``, ``responder:3``, an address, ``Ana (ana@example.com)``.
_PERSON: Final = re.compile(rf"(?:.*\()?({PERSON}\S+?|[^\s()]+@[^\s()]+)\)?", re.DOTALL)
#: A claim that a person of the source is nobody who is here.
NEW: Final = "new"


@dataclass(frozen=True, slots=True)
class Sources:
    """Where the values of arguments come from.

    rows: the rows that the question is about, as texts by how an argument names them. people: the same for people of
    one address, by key.
    paths: the fields that the question is about, as texts.
    find_people: the people and accounts that a text may mean, as values with their names. people_url: the address that
    returns them while somebody types.
    """

    rows: Mapping[str, str]
    people: Mapping[str, tuple[str, str]]
    paths: Mapping[str, str]
    find_people: Callable[[str], Sequence[tuple[str, str]]]
    people_url: str


class PersonField(forms.CharField):
    """A person or an account: an address, ``responder:ID``, or a name that only one has. Its value is one of the first
    two.
    """

    def __init__(self, sources: Sources, list_id: str, **options: Any) -> None:
        attrs = {
            "list": list_id,
            "autocomplete": "off",
            "placeholder": "Name, e-mail address of an account, or responder:12",
            "hx-get": sources.people_url,
            "hx-trigger": "input changed delay:250ms",
            "hx-target": f"#{list_id}",
        }
        super().__init__(max_length=400, widget=UnfoldAdminTextInputWidget(attrs), **options)
        self._find = sources.find_people
        self.list_id = list_id

    def clean(self, value: Any) -> str:
        text: str = super().clean(value)
        named = _PERSON.fullmatch(text)
        if named or not text:
            return named[1] if named else ""
        found = self._find(text)
        exact = [pair for pair in found if fold(pair[1]) == fold(text)]
        if len(exact) == 1 or len(found) == 1:
            return (exact or found)[0][0]
        if not found:
            raise ValidationError(f"Nobody here is found by “{text}”. Write an address of an account or another name.")
        names = ", ".join(f"{name} ({key})" for key, name in found)
        raise ValidationError(f"Several are found by “{text}”: {names}. Write one of them.")


class ZoneField(forms.CharField):
    """An IANA time zone, searched in a list."""

    def __init__(self, **options: Any) -> None:
        attrs = {"list": "rb-zones", "autocomplete": "off", "placeholder": "Europe/Berlin"}
        super().__init__(max_length=64, widget=UnfoldAdminTextInputWidget(attrs), **options)


class InstantField(forms.DateTimeField):
    """A date and time, without an offset in UTC. Its value is an ISO instant."""

    def __init__(self, **options: Any) -> None:
        super().__init__(widget=UnfoldAdminTextInputWidget({"type": "datetime-local"}), **options)

    def prepare_value(self, value: Any) -> Any:
        """Return the text for the browser's field, which takes no offset. A text that is no instant stays."""
        try:
            at = datetime.fromisoformat(value)
            return f"{at.astimezone(UTC):%Y-%m-%dT%H:%M}" if at.tzinfo is not None else value
        except (TypeError, ValueError, OverflowError):
            return value

    def clean(self, value: Any) -> str:
        at = super().clean(value)
        try:
            return instant_to_text(int(at.timestamp())) if at is not None else ""
        except (ValueError, OverflowError):
            raise ValidationError("This date is too early or too late.") from None


class AnswerForm(forms.Form):
    """The form of one choice. ``arguments()`` returns what was chosen, as a decision takes it.

    initial: the arguments of a suggestion or of a proposal. may_remember: whether the answer can be remembered by the
    account.
    """

    remember = forms.BooleanField(required=False)
    comment = forms.CharField(
        required=False,
        max_length=2_000,
        widget=UnfoldAdminTextareaWidget({"rows": 2, "aria-label": "Comment"}),
        label="Comment",
    )

    def __init__(
        self,
        choice: Choice,
        question: Question,
        sources: Sources,
        data: Any = None,
        initial: Arguments | None = None,
        may_remember: bool = False,
    ) -> None:
        super().__init__(data, auto_id=f"id_{choice.name}_%s", label_suffix="")
        self.choice, self._question, self._sources = choice, question, sources
        self.remembered = choice.remembered if may_remember and choice.rule is not None else ""
        if not self.remembered:
            del self.fields["remember"]
        given = initial or {}
        for argument in choice.arguments:
            for name, field in self._fields_of(argument, given.get(argument.name, "")):
                self.fields[name] = field
        self.order_fields([name for name in self.fields if name not in ("remember", "comment")])

    @property
    def argument_fields(self) -> list[forms.BoundField]:
        return [self[name] for name in self.fields if name not in ("remember", "comment")]

    @property
    def lists(self) -> list[str]:
        """The ids of the lists that suggest people."""
        return [field.list_id for field in self.fields.values() if isinstance(field, PersonField)]

    def arguments(self) -> dict[str, str]:
        """Return the arguments of a valid form, as texts."""
        return {argument.name: self._text_of(argument) for argument in self.choice.arguments}

    def _text_of(self, argument: Argument) -> str:
        if argument.kind == "claims":
            names = self._claim_names(argument)
            return ", ".join(f"{external_id}:{self.cleaned_data[name]}" for external_id, name in names)
        value = self.cleaned_data[argument.name]
        if argument.kind == "paths":
            paths = list(self._sources.paths)
            return "" if len(value) == len(paths) else ",".join(paths[int(number)] for number in value)
        return ",".join(value) if isinstance(value, list) else str(value)

    def _claim_names(self, argument: Argument) -> list[tuple[str, str]]:
        """Return the external id of each person of the source with the name of its field."""
        own = f"{self._question.connection_id}:"
        keys = [key for key in self._sources.people if key.startswith(own)]
        return [(key.removeprefix(own), f"{argument.name}-{number}") for number, key in enumerate(keys)]

    def _fields_of(self, argument: Argument, given: str) -> Iterable[tuple[str, forms.Field]]:
        if argument.kind == "claims":
            yield from self._claims(argument, given)
            return
        name, required = argument.name, argument.required
        chosen = [each.strip() for each in given.split(",") if each.strip()]
        label = argument.label or name.capitalize()
        common: dict[str, Any] = {"label": label, "required": required, "initial": given}
        several = {**common, "required": True, "initial": chosen or None}
        match argument.kind:
            case "text":
                yield name, forms.CharField(max_length=255, widget=UnfoldAdminTextInputWidget(), **common)
            case "email":
                yield name, forms.EmailField(max_length=254, widget=UnfoldAdminEmailInputWidget(), **common)
            case "row":
                yield name, _select(_optional(argument, self._rows()), **common)
            case "rows":
                yield name, _ticks(self._rows(), **several)
            case "paths":
                # Numbers, because a path can contain a key, which is shown to nobody.
                paths = list(enumerate(self._sources.paths.items()))
                numbers = [str(number) for number, (path, _) in paths if path in chosen]
                options = [(str(number), text) for number, (_, text) in paths]
                yield name, _ticks(options, **{**several, "initial": numbers or None})
            case "person":
                yield name, PersonField(self._sources, f"rb-people-{self.choice.name}-{name}", **common)
            case "zone":
                yield name, ZoneField(**common)
            case "instant":
                yield name, InstantField(**common)
            case "candidate":
                zones = [str(zone) for zone in self._question.evidence.get("candidates", ())]
                first = given or (zones[0] if zones else "")
                options = [(zone, zone) for zone in zones]
                yield name, _select(options, **{**common, "required": True, "initial": first})

    def _rows(self) -> list[tuple[str, str]]:
        return list(self._sources.rows.items())

    def _claims(self, argument: Argument, given: str) -> Iterable[tuple[str, forms.Field]]:
        chosen = dict(claim.strip().partition(":")[::2] for claim in given.split(",") if claim.strip())
        own = f"{self._question.connection_id}:"
        for external_id, name in self._claim_names(argument):
            here, label = self._sources.people[f"{own}{external_id}"]
            others = {value: text for value, text in self._sources.people.values() if value != here}
            options = [(NEW, "a person of its own"), *others.items()]
            yield name, _select(options, label=f"{label} is", required=True, initial=chosen.get(external_id, NEW))


def _optional(argument: Argument, options: list[tuple[str, str]]) -> list[tuple[str, str]]:
    return [("", "Choose one" if argument.required else argument.default.capitalize()), *options]


def _select(options: Sequence[tuple[str, str]], **common: Any) -> forms.ChoiceField:
    return forms.ChoiceField(choices=options, widget=UnfoldAdminSelectWidget(), **common)


def _ticks(options: list[tuple[str, str]], **common: Any) -> forms.MultipleChoiceField:
    """Return ticks, all of them set unless the arguments say which."""
    if common.get("initial") is None:
        common["initial"] = [value for value, _ in options]
    errors = {"required": "Tick at least one."}
    return forms.MultipleChoiceField(
        choices=options, widget=forms.CheckboxSelectMultiple(), error_messages=errors, **common
    )


def all_zones() -> list[str]:
    """Return the time zones to suggest."""
    return sorted(zone_names())
