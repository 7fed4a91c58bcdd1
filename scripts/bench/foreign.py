"""Rows of another source in the same database: its people, and all that a sync of any source may look at."""

from datetime import timedelta
from typing import Any, Final

from django.db import connection, models
from django.db.models import Value
from django.utils import timezone

from connectors.models import Connection
from oncall.models import (
    ContactMethod,
    EscalationPolicy,
    GroupMember,
    Override,
    Reference,
    Responder,
    Schedule,
    User,
    UserGroup,
)
from syncjobs.models import Conflict, ExternalLink, RunKind, RunState, SyncItem, SyncProfile, SyncRun

#: Primary keys of foreign rows follow this number, so that keys which the database chooses stay below them.
FIRST: Final = 1_000_000_000
#: One of so many people has an open question; one of so many memberships has no row yet.
PER_QUESTION: Final = 10
PER_UNKNOWN: Final = 100


def fill(model: type[models.Model], rows: int, **columns: Any) -> None:
    """Insert ``rows`` rows with one statement.

    columns: the column's value by attribute name. A text is an SQL expression in which ``i`` counts from 1; any other
    value is stored as it is. Columns that are left out have their defaults.
    """
    quoted = connection.ops.quote_name
    names, values, parameters = [], [], []
    for field in model._meta.concrete_fields:
        if field.generated or (field.primary_key and field.attname not in columns):
            continue
        value = columns.get(field.attname, Value(field.get_default()))
        names.append(quoted(field.column))
        values.append(value.replace("%", "%%") if isinstance(value, str) else "%s")
        if not isinstance(value, str):
            plain = value.value if isinstance(value, Value) else value
            parameters.append(field.get_db_prep_save(plain, connection))
    with connection.cursor() as cursor:
        cursor.execute(  # names from the models, expressions from this module, values as parameters
            f"INSERT INTO {quoted(model._meta.db_table)} ({', '.join(names)}) "  # noqa: S608
            "WITH RECURSIVE n(i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM n WHERE i < %s) "
            f"SELECT {', '.join(values)} FROM n",
            [rows, *parameters],
        )
        if connection.vendor == "postgresql":
            # Otherwise checks of foreign keys may keep the plan that was made when this table was almost empty.
            cursor.execute(f"ANALYZE {quoted(model._meta.db_table)}")


def add_foreign(people: int, groups: int, accounts: int) -> None:
    """Add a connection with so many people, their contacts, links, memberships, overrides, questions and a run.

    groups: the number of groups, and that of schedules and of policies. accounts: every second one belongs to a person.
    No address and no name is one of another source.
    """
    source = Connection.objects.create(name="foreign", provider="pagerduty")
    now, row, address = timezone.now(), f"{FIRST} + i", "'person.' || i || '@foreign.example'"
    fill(User, accounts, id=row, email=address, email_canonical=address, name="'Foreign account ' || i")
    fill(
        Responder,
        people,
        **_root("person", source),
        email=address,
        email_canonical=address,
        account_id=f"CASE WHEN i <= {accounts} AND i % 2 = 0 THEN {row} END",
    )
    known = f"i % {PER_UNKNOWN} > 0"
    method = {"channel": "'email'", "address": address, "canonical": address}
    fill(ContactMethod, people, responder_id=row, source_key=_key(source, "M"), **method)
    fill(UserGroup, groups, **_root("group", source))
    fill(Schedule, groups, **_root("schedule", source), time_zone="'Europe/Berlin'")
    fill(EscalationPolicy, groups, **_root("policy", source))
    fill(
        GroupMember,
        people,
        group_id=f"{FIRST} + 1 + i % {groups}",
        source_key=_key(source, "G"),
        person_key=f"CASE WHEN {known} THEN {_key(source, 'responder')} ELSE {_key(source, 'unknown')} END",
        responder_id=f"CASE WHEN {known} THEN {row} END",
    )
    fill(
        Override,
        people,
        schedule_id=f"{FIRST} + 1 + i % {groups}",
        source_key=_key(source, "O"),
        starts_at=now,
        ends_at=now + timedelta(days=1),
        by_key="'person:' || " + _key(source, "responder"),
        by_id=row,
    )
    fill(
        Reference,
        groups,
        owner_schedule_id=row,
        position="'layers/L/0'",
        kind="'responder'",
        key=_key(source, "responder"),
        responder_id=row,
    )
    kinds = {"responder": people, "user_group": groups, "schedule": groups, "escalation_policy": groups}
    for kind, rows in kinds.items():
        link = {"entity_type": f"'{kind}'", "external_id": f"'{kind}' || i", f"{kind}_id": row, "synced_version": 1}
        fill(ExternalLink, rows, connection_id=source.pk, since=now, source_hash="'x'", **link)
    subject = {"entity_type": "'responder'", "external_id": "'responder' || i", "label": "'Foreign person ' || i"}
    fill(
        Conflict,
        max(1, people // PER_QUESTION),
        connection_id=source.pk,
        kind="'user_not_found'",
        subject_key=_key(source, "responder"),
        evidence_hash="'x'",
        opened_at=now,
        **subject,
    )
    profile = SyncProfile.objects.create(connection=source)
    run = SyncRun.objects.create(connection=source, profile=profile, kind=RunKind.APPLY, state=RunState.SUCCEEDED)
    fill(SyncItem, people, run_id=run.pk, row_id=row, action="'create'", outcome="'applied'", **subject)


def _root(what: str, source: Connection) -> dict[str, Any]:
    """Return the columns of an aggregate."""
    name, key = f"'Foreign {what} ' || i", f"'foreign {what} ' || i"
    return {"id": f"{FIRST} + i", "name": name, "name_key": key, "origin_label": f"'{source.origin_label}'"}


def _key(source: Connection, what: str) -> str:
    """Return the expression of the key of an object of a source."""
    return f"'{source.pk}:{what}' || i"
