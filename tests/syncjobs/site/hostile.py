"""Hostile text in every column that a person or a vendor can fill, and what a page makes of it."""

import json
import re
from collections.abc import Collection
from dataclasses import replace
from html.parser import HTMLParser
from typing import Any, Final

from django.apps import apps
from django.contrib.auth.models import Group
from django.db import models
from django.utils import timezone

from connectors.models import Connection
from connectors.records import Completeness, FailedEntity, MappingNote, SourceMember, SourceService, SourceTeam
from oncall.aggregates import Draft
from oncall.escalation.policy import Target
from oncall.models import EscalationPolicy, Responder, Schedule, Service, User, UserGroup
from oncall.operations import create_account, delete, grant_lead, link_account, write
from syncjobs.invitations.outbox import hash_of
from syncjobs.models import (
    VALID_FOR,
    Conflict,
    ConnectionDraft,
    ExternalLink,
    Invitation,
    InvitationState,
    Part,
    Rule,
    SyncProfile,
)
from syncjobs.runs.heartbeats import note_seen
from tests.syncjobs.conflicts.test_kinds import made
from tests.syncjobs.conftest import BY, Sync, edit, layer, policy, schedule, user
from tests.syncjobs.site.addresses import OTHER_VALUES

#: What the vendor of the hostile world names. Columns get texts of their own, with the numbers from 1 on.
VENDOR: Final = 0


def hostile(number: int, row: object = "") -> str:
    """Return a text that ends every quote and element it can be in, and then begins an element."""
    return f"\"'></script><canary-{number}- canary=1>{row}"


#: Columns whose text is set in every row. A column that is neither here nor below fails the test.
NAMEABLE: Final = (
    "auth.Group.name",
    "connectors.Connection.account_id", "connectors.Connection.account_label", "connectors.Connection.name",
    "connectors.Connection.refused_account", "connectors.Connection.test_refused",
    "oncall.ChangeRecord.cause", "oncall.ChangeRecord.label",
    "oncall.ContactMethod.address", "oncall.ContactMethod.extension", "oncall.ContactMethod.label",
    "oncall.EscalationPolicy.description", "oncall.EscalationPolicy.name", "oncall.EscalationPolicy.origin_label",
    "oncall.GroupMember.imported_role",
    "oncall.Responder.email", "oncall.Responder.name", "oncall.Responder.origin_label", "oncall.Responder.title",
    "oncall.Schedule.description", "oncall.Schedule.name", "oncall.Schedule.origin_label",
    "oncall.Service.description", "oncall.Service.name", "oncall.Service.origin_label",
    "oncall.User.email", "oncall.User.name",
    "oncall.UserGroup.description", "oncall.UserGroup.name", "oncall.UserGroup.origin_label",
    "syncjobs.Conflict.comment", "syncjobs.Conflict.label",
    "syncjobs.ExternalLink.ignored_reason", "syncjobs.ExternalLink.source_label",
    "syncjobs.Heartbeat.fault",
    "syncjobs.Invitation.email", "syncjobs.Invitation.last_error", "syncjobs.Invitation.name",
    "syncjobs.ParityCheck.note",
    "syncjobs.Rule.pattern",
    "syncjobs.SyncItem.code", "syncjobs.SyncItem.comment", "syncjobs.SyncItem.label", "syncjobs.SyncItem.reason",
    "syncjobs.SyncProfile.quarantine_reason",
    "syncjobs.SyncRun.account_id", "syncjobs.SyncRun.hint", "syncjobs.SyncRun.reason",
)  # fmt: skip
#: JSON columns. In the hostile world they have texts of the vendor, which get the number of the column.
NAMEABLE_INSIDE: Final = (
    "connectors.Connection.rights", "connectors.Connection.settings",
    "oncall.ChangeRecord.changes", "oncall.EscalationPolicy.levels", "oncall.Schedule.layers",
    "syncjobs.Conflict.arguments", "syncjobs.Conflict.evidence",
    "syncjobs.ConnectionDraft.typed",
    "syncjobs.Rule.arguments",
    "syncjobs.SyncItem.changes", "syncjobs.SyncRun.completeness", "syncjobs.SyncRun.notes",
)  # fmt: skip
#: Columns that no page of the hostile world shows.
NEVER_SHOWN: Final = frozenset({
    "connectors.Connection.account_id", "syncjobs.ExternalLink.ignored_reason",
    "syncjobs.ExternalLink.source_label",
    "syncjobs.SyncRun.account_id",
})  # fmt: skip
#: Columns with words of ours, checked values, hashes, or keys. Keys contain ids of the vendor, which are hostile, too.
OURS: Final = re.compile(
    r".*\.(.*_key|.*_hash|.*canonical|key|provider|kind|state|phase|action|choice|subject_key|external_id|time_zone"
    r"|position|model|entity_type|password|credentials|learnt|lease_owner|pins|base|unread|suggestion|paths|scope"
    r"|counts|impact|mapping_version|checkpoint|guard|ownership|selection|evaluated_mapping|group_keys|sources|windows"
    r"|replaces|unresolved|differences|source_spans)"
    r"|oncall\.Substitution\.scope"
    r"|syncjobs\.(ExternalLink\.first_missing|Notice\.last_error|SyncProfile\.(every|quarantine_code|setup_step))"
    r"|django_celery_beat\..*"
    r"|(auth\.Permission|admin|contenttypes|sessions)\..*"
    r"|oncall\.(LoginAttempt|Session)\..*"
)


def text_columns() -> dict[str, Any]:
    """Return all columns that can contain a text which is not one of a list, by ``app.Model.column``."""
    return {
        f"{model._meta.label}.{column.name}": column
        for model in apps.get_models()
        for column in model._meta.local_fields
        if isinstance(column, models.CharField | models.TextField | models.JSONField) and not column.choices
    }


def number_of(column: str) -> int:
    return 1 + [*NAMEABLE, *NAMEABLE_INSIDE].index(column)


def plant() -> dict[str, int]:
    """Put hostile texts into all rows. Returns the number of rows of each column that contain one."""
    columns, planted = text_columns(), {}
    for name in (*NAMEABLE, *NAMEABLE_INSIDE):
        column = columns[name]
        planted[name] = 0
        for row in column.model._default_manager.all():
            if name in NAMEABLE:
                value: Any = hostile(number_of(name), row.pk)[: column.max_length]
            else:
                text = json.dumps(getattr(row, column.name))
                value = json.loads(re.sub(r"canary-\d+-", f"canary-{number_of(name)}-", text))
                planted[name] += "canary-" in text
            planted[name] += name in NAMEABLE
            column.model._default_manager.filter(pk=row.pk).update(**{column.name: value})
    return planted


def draft_of(account: User) -> None:
    """Let an account have a draft with hostile entries, at the address that the resolver's tests use."""
    typed = {"name": hostile(VENDOR), "subdomain": hostile(VENDOR)}
    ConnectionDraft.objects.create(uid=OTHER_VALUES["uid"][0], provider="pagerduty", account=account, typed=typed)


# --- the world --------------------------------------------------------------------------------------------------------


def build(sync: Sync) -> None:
    """Fill the database as a hostile vendor and hostile colleagues do: runs, a plan, questions, records, tasks."""
    _change_source(sync)
    sync.run()
    _edit_here(sync)
    _change_source(sync, again=" again")
    sync.run()
    _delete_here(sync)
    sync.run()
    sync.source.change(teams=(*sync.source.snapshot.teams, SourceTeam("T9", hostile(VENDOR, "new"))))
    sync.plan()
    note_seen(Part.BROKER, hostile(VENDOR))
    Connection.objects.update(test_refused_at=timezone.now())
    people = ExternalLink.objects.filter(entity_type="responder", responder__isnull=False, responder__account=None)
    person = people.order_by("pk")[0]
    Invitation.objects.create(
        connection=sync.connection, external_id=person.external_id, email="x@example.com", state=InvitationState.QUEUED,
        created_at=timezone.now(), expires_at=timezone.now() + VALID_FOR, from_shell=True, tries=1,
        token_hash=hash_of(OTHER_VALUES["token"][0]),
    )  # fmt: skip
    SyncProfile.objects.update(failures=3, quarantined_at=timezone.now(), next_try_at=timezone.now())
    _ask(sync)
    _remember(sync)


def _ask(sync: Sync) -> None:
    """Store the questions whose cause no plan looks for."""
    text = hostile(VENDOR)
    new, old, person, group = f"S1{text}", f"S2{text}", f"U2{text}", f"T1{text}"
    keys = [f"{sync.connection.pk}:{external_id}" for external_id in (old, new)]
    account = {"id": text, "label": text}
    made(sync, "gone", "schedule", old, text, {"presence": "absent", "edited": ["name", text]})
    made(sync, "not_visible", "user_group", group, text, {"presence": "not_visible", "edited": []})
    made(sync, "recreated", "schedule", new, text, {"rows": keys, "equal": "name"})
    made(sync, "inactive_scheduled", "responder", person, text, {"state": text})
    made(sync, "account_changed", "", "", text, {"here": account, "source": account})


def _remember(sync: Sync) -> None:
    """Store a rule, and the proposal of a lead."""
    text = hostile(VENDOR)
    Rule.objects.create(
        connection=sync.connection, kind="user_not_found", pattern=text, choice="map", arguments={"domain": text},
        made_at=timezone.now(),
    )  # fmt: skip
    question = Conflict.objects.filter(kind="user_not_found", state="open").order_by("pk")[0]
    question.state, question.choice, question.arguments = "proposed", "map", {"to": text}
    question.save()


def _change_source(sync: Sync, again: str = "") -> None:
    text = hostile(VENDOR)
    ids = {each: f"{each}{text}" for each in ("U1", "U2", "U3", "T1", "T2", "S1", "P1", "V1", "V2")}
    people = [
        user(ids[each], f"{text}{each}{again}", email=f"{each.lower()}@example.com", title=text)
        for each in ("U1", "U2", "U3")
    ]
    people = [
        replace(each, contact_methods=tuple(replace(m, label=text, address=text) for m in each.contact_methods or ()))
        for each in people
    ]
    stack = replace(layer(ids["U1"], ids["U2"]), key=f"L1{text}", name=f"{text}{again}")
    zoneless = schedule(f"S2{text}", f"{text}zoneless", layer(ids["U1"]), zone=text)
    group = SourceTeam(ids["T1"], f"{text}T1", description=f"{text}{again}", members=(SourceMember(ids["U1"], text),))
    sync.source.change(
        users=(*people, user(f"U4{text}", f"{text}twin", email="u1@example.com")),
        teams=(group, SourceTeam(ids["T2"], f"{text}T2")),
        schedules=(schedule(ids["S1"], f"{text}S1", stack, description=text, group_ids=(ids["T1"],)), zoneless),
        policies=(
            policy(ids["P1"], f"{text}P1", Target("schedule", ids["S1"]), Target("responder", ids["U3"]),
                   Target("user_group", f"unknown{text}"), description=text, group_id=ids["T1"]),
        ),
        services=tuple(
            SourceService(ids[each], f"{text}{each}", text, policy_id=ids["P1"], group_id=ids["T1"])
            for each in ("V1", "V2")
        ),
        notes=(
            MappingNote("schedule", ids["S1"], "unknown_loss", text, loss=True),
            MappingNote("escalation_policy", ids["P1"], "unknown_target", text),
        ),
        failed=(FailedEntity("service", f"V9{text}", "invalid", "name", text, hint=text),),
        completeness={
            **sync.source.snapshot.completeness, "service": Completeness(False, text),
        },
        account=replace(sync.source.snapshot.account, label=text),
    )  # fmt: skip


def _edit_here(sync: Sync) -> None:
    """Edits, duplicates and deletes here what the vendor names, so that the next sync has questions."""
    group = UserGroup.objects.get(name__contains="T1")
    edit("user_group", group, description=hostile(VENDOR, "ours"))
    for kind, rows, more in (
        ("user_group", UserGroup.objects, {}),
        ("schedule", Schedule.objects.filter(active=True), {"time_zone": "UTC"}),
        ("escalation_policy", EscalationPolicy.objects, {}),
    ):
        write(kind, [Draft({"name": rows.order_by("pk")[0].name, **more})], by=BY)
    (lonely,) = write("service", [Draft({"name": hostile(VENDOR, "gone")})], by=BY)
    delete("service", [lonely.id], by=BY)
    account = create_account("Eve@example.com", "long enough password", name=hostile(VENDOR), is_staff=True, by=BY)
    person = Responder.objects.order_by("pk")[0]
    link_account(person.pk, account.pk, by=BY)
    grant_lead(account.pk, group.pk, BY)
    Group.objects.create(name="x").user_set.add(User.objects.get(pk=account.pk))
    sync.connection.rights = [{"entity_type": "schedule", "granted": False, "detail": hostile(VENDOR)}]
    sync.connection.settings = {**sync.connection.settings, "subdomain": hostile(VENDOR)}
    sync.connection.save()


def _delete_here(sync: Sync) -> None:
    """Deletes what the vendor still has. A policy begins to page a group without a row, which only its link names."""
    delete("service", [Service.objects.get(name__contains="V1").pk], by=BY)
    delete("user_group", [UserGroup.objects.get(name__contains="T2").pk], by=BY)
    (paging,) = sync.source.snapshot.policies
    (level,) = paging.policy.levels
    target = Target("user_group", f"T2{hostile(VENDOR)}")
    levels = (replace(level, targets=(*level.targets, target)),)
    sync.source.change(policies=(replace(paging, policy=replace(paging.policy, levels=levels)),))
    sync.rules(strategy="source")


# --- the page ---------------------------------------------------------------------------------------------------------


class _Page(HTMLParser):
    """Collects the texts of a page, and each place where a hostile text is more than text."""

    _EVALUATED = re.compile(r"on.*|x-.*|@.*|:.*|hx-(on|vals|vars|headers|trigger).*|style|srcdoc")
    _ADDRESSES = frozenset({"href", "src", "action", "formaction", "hx-get", "hx-post"})

    def __init__(self) -> None:
        super().__init__()
        self.faults: list[str] = []
        self.texts: list[str] = []
        self._raw = ""

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self._raw = tag if tag in ("script", "style") else ""
        if "canary" in tag:
            self.faults.append(f"element {tag}")
        for name, value in attrs:
            self.texts.append(value or "")
            if "canary" in name:
                self.faults.append(f"attribute {name} of {tag}")
            elif "canary" in (value or "") and (
                self._EVALUATED.fullmatch(name) or (name in self._ADDRESSES and re.search(r'[<>" ]', value or ""))
            ):
                self.faults.append(f"{name} of {tag} is {value}")

    def handle_endtag(self, tag: str) -> None:
        self._raw = ""

    def handle_data(self, data: str) -> None:
        self.texts.append(data)
        if self._raw and "canary" in data:
            self.faults.append(f"text of {self._raw}")


def faults(page: str) -> list[str]:
    """Return each place of an HTML page where a hostile text is markup, an expression or a broken address."""
    parser = _Page()
    parser.feed(page)
    parser.close()
    return [*parser.faults, *(["raw text"] if "<canary" in page else [])]


def numbers(page: str) -> set[int]:
    """Return the numbers of the hostile texts that are on a page."""
    return {int(number) for number in re.findall(r"canary-(\d+)-", page)}


def columns_of(seen: Collection[int]) -> set[str]:
    """Return the columns of hostile texts with these numbers."""
    return {name for name in (*NAMEABLE, *NAMEABLE_INSIDE) if number_of(name) in seen}
