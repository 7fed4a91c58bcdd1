"""Converts between rows and the labels that forms show for them. Each kind of row needs one query."""

import re
from collections.abc import Mapping
from functools import cached_property

from django.core.exceptions import ValidationError
from django.http import HttpRequest

from oncall.aggregates import Kind, fold
from oncall.models import Reference
from oncall.selectors.visible import Viewer, may_change_any, visible_to
from oncall.tables.base import LOCAL, local_id
from oncall.tables.kinds import ROOTS

#: The word for each kind of row, with which labels begin. Labels of people have none.
KIND_WORDS: Mapping[Kind, str] = {
    "responder": "",
    "user_group": "group",
    "schedule": "schedule",
    "escalation_policy": "policy",
}
NOBODY = "nobody"
_NUMBER = re.compile(r"#(\d+)\s*$")

Keys = Mapping[tuple[Kind, str], int]


class Directory:
    """Finds rows by label. A label is the name and the number of the row, ``Ana Kowalski #12`` or
    ``group: Payments #3``. The number may be left out if the name is unique, and so may the name.

    account: who uses it. Somebody who changes on-call rows finds all rows, anybody else those that are visible.
    """

    def __init__(self, account: Viewer) -> None:
        self._account = account
        self._everything = may_change_any(account)
        self._names: dict[Kind, dict[int, str]] = {}

    @classmethod
    def of(cls, request: HttpRequest) -> "Directory":
        """Returns the directory of a request, which is created once."""
        directory = getattr(request, "on_call_directory", None)
        if directory is None:
            directory = cls(request.user)
            request.on_call_directory = directory  # type: ignore[attr-defined]
        return directory

    def names(self, kind: Kind) -> dict[int, str]:
        """Returns primary key -> name, ordered by name."""
        if kind not in self._names:
            rows = ROOTS[kind].rows.order_by("name_key", "pk")
            shown = rows if self._everything else visible_to(self._account, rows)
            self._names[kind] = dict(shown.values_list("pk", "name"))
        return self._names[kind]

    def label(self, kind: Kind, id_: int | None, key: str = "") -> str:
        """Returns the label of a row. The label of an unknown row contains ``key``."""
        name = self.names(kind).get(id_) if id_ is not None else None
        return _prefix(kind) + (f"{key} (not known here)" if name is None else f"{name} #{id_}")

    def labels(self, *kinds: Kind) -> list[str]:
        return [self.label(kind, id_) for kind in kinds for id_ in self.names(kind)]

    @cached_property
    def people(self) -> list[str]:
        return self.labels("responder")

    @cached_property
    def people_and_groups(self) -> list[str]:
        return [NOBODY, *self.labels("responder", "user_group")]

    @cached_property
    def targets(self) -> list[str]:
        return self.labels("schedule", "responder", "user_group", "escalation_policy")

    def find(self, text: str, *kinds: Kind) -> tuple[Kind, str]:
        """Returns (kind, ``local:<pk>``) of the row with this label. Raises ValidationError unless one matches."""
        kind = next((each for each in kinds if KIND_WORDS[each] and text.lower().startswith(_prefix(each))), None)
        if kind is None:
            kind = next((each for each in kinds if not KIND_WORDS[each]), None)
        if kind is None:
            raise ValidationError(f"“{text}”: begin with one of {', '.join(f'{KIND_WORDS[k]}:' for k in kinds)}")
        name = text[len(_prefix(kind)) :].strip()
        number = _NUMBER.search(name)
        if number:
            before, numbered = name[: number.start()], self.names(kind).get(int(number[1]))
            if numbered is not None and fold(before) in ("", fold(numbered)):
                return kind, f"{LOCAL}{int(number[1])}"
        found = [id_ for id_, each in self.names(kind).items() if fold(each) == fold(name)]
        if len(found) == 1:
            return kind, f"{LOCAL}{found[0]}"
        if found:
            choices = ", ".join(self.label(kind, id_) for id_ in found)
            raise ValidationError(f"“{text}” could be {choices}: write it with its number.")
        raise ValidationError(f"“{text}” is not known here. Pick a name from the list, or create it first.")


def _prefix(kind: Kind) -> str:
    return f"{KIND_WORDS[kind]}: " if KIND_WORDS[kind] else ""


def resolved_keys(reference_owner: str, pk: int) -> Keys:
    """Returns the primary keys for the resolved keys inside an aggregate's JSON. Runs one query."""
    references = Reference.objects.filter(**{f"{reference_owner}_id": pk})
    keys: dict[tuple[Kind, str], int] = {}
    for reference in references:
        for kind in KIND_WORDS:
            row_id = getattr(reference, f"{kind}_id")
            if row_id is not None:
                keys[kind, reference.key] = row_id
    return keys


def row_of_key(keys: Keys, kind: Kind, key: str) -> int | None:
    """Returns the primary key of the row for a key inside an aggregate's JSON, None if it is unknown."""
    return local_id(key) if key.startswith(LOCAL) else keys.get((kind, key))
