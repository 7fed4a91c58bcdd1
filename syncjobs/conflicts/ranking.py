"""Ranks questions by the next shift that they concern. It is computed when it is shown."""

from collections import defaultdict
from collections.abc import Iterable, Mapping
from datetime import datetime
from functools import cached_property
from typing import TYPE_CHECKING

from django.db.models import Exists, OuterRef

from connectors.records import entity_type_of
from oncall.models import Reference, Schedule, Service
from oncall.tables.base import local_id
from syncjobs.conflicts.concerned import keys_of, rows_of
from syncjobs.conflicts.next_shifts import NextShifts
from syncjobs.models import ROW_COLUMNS, Conflict, ConflictRow, ExternalLink
from syncjobs.planning.conflicts import NAMED_BY_EVIDENCE, NAMES_ROWS

if TYPE_CHECKING:
    from django.db.models import QuerySet


def next_shifts(questions: "QuerySet[Conflict]", at: datetime) -> dict[int, int | None]:
    """Return for each question the instant of the next shift that it concerns, None if there is none within 14 days.

    A person concerns the own shifts; a schedule its own; an escalation policy, a service and a user group those
    of their schedules. The number of queries does not depend on the number of questions, per 500 schedules.
    """
    asked = list(questions.order_by().only("pk", "kind", "entity_type", "external_id", "connection_id", "evidence"))
    if not asked:
        return {}
    rows = _rows_by_key(questions, asked)
    starts = _Starts(at)
    return {
        each.pk: min(
            (
                start
                for key in keys_of(each)
                if (row := rows.get((each.entity_type, key))) is not None
                and (start := starts.of(each.entity_type, row)) is not None
            ),
            default=None,
        )
        for each in asked
    }


def in_order(pks: Iterable[int], shifts: Mapping[int, int | None]) -> list[int]:
    """Return ids of questions: that with the next shift first, then those without one, then those not in ``shifts``."""

    def place(pk: int) -> tuple[int, int, int]:
        start = shifts.get(pk)
        if start is not None:
            return 0, start, pk
        return (1, 0, pk) if pk in shifts else (2, 0, -pk)

    return sorted(pks, key=place)


def _rows_by_key(questions: "QuerySet[Conflict]", asked: list[Conflict]) -> dict[tuple[str, str], int]:
    """Return the ids of the rows that the questions are about, by kind and key."""
    own = questions.order_by().filter(
        connection=OuterRef("connection"), entity_type=OuterRef("entity_type"), external_id=OuterRef("external_id")
    )
    named = ConflictRow.objects.filter(key=OuterRef("key"), conflict__in=questions.order_by().values("pk"))
    found: dict[tuple[str, str], int] = {}
    links = ExternalLink.objects.filter(Exists(own) | Exists(named)).values_list("entity_type", "key", *ROW_COLUMNS)
    for kind, key, *columns in links:
        row_id = next((pk for pk in columns if pk is not None), None)
        if row_id is not None:
            found[kind, key] = row_id
    for each in asked:
        if each.kind in NAMES_ROWS:
            found |= {(each.entity_type, key): pk for key in keys_of(each) if (pk := local_id(key)) is not None}
    named_by_evidence: dict[str, set[str]] = defaultdict(set)
    for each in asked:
        if each.kind in NAMED_BY_EVIDENCE:
            named_by_evidence[each.entity_type].update(keys_of(each))
    for kind, keys in named_by_evidence.items():
        found |= {(kind, key): pk for key, pk in rows_of(entity_type_of(kind), tuple(sorted(keys))).items()}
    return found


class _Starts:
    """The next shifts of people, schedules, and what has schedules. What is not asked for is not loaded."""

    def __init__(self, at: datetime) -> None:
        self._active = list(Schedule.objects.filter(active=True).order_by("pk"))
        shifts = NextShifts(self._active, int(at.timestamp()))
        self._people, self._schedules = shifts.of_people(), shifts.of_schedules()

    def of(self, kind: str, row: int) -> int | None:
        """Return the instant of the next shift of a row."""
        if kind == "responder":
            return self._people.get(row)
        return min((self._schedules[pk] for pk in self._used_by(kind, row) if pk in self._schedules), default=None)

    def _used_by(self, kind: str, row: int) -> set[int]:
        match kind:
            case "schedule":
                return {row}
            case "user_group":
                return {schedule.pk for schedule in self._active if schedule.group_id == row}
            case "escalation_policy":
                return self._of_policies[row]
            case "service":
                return self._of_policies[self._policies.get(row, 0)]
        return set()

    @cached_property
    def _of_policies(self) -> dict[int, set[int]]:
        found: dict[int, set[int]] = defaultdict(set)
        uses = Reference.objects.filter(schedule__isnull=False, owner_policy__isnull=False)
        for policy, schedule in uses.values_list("owner_policy", "schedule").distinct():
            found[policy or 0].add(schedule or 0)
        return found

    @cached_property
    def _policies(self) -> dict[int, int]:
        services = Service.objects.filter(policy__isnull=False).values_list("pk", "policy")
        return {service: policy or 0 for service, policy in services}
