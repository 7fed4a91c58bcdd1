"""Never twice, nothing hidden: random worlds of two sources, edited on both sides, with all questions answered."""

from collections.abc import Iterator
from dataclasses import replace
from random import Random
from typing import Any

import pytest
from django.apps import apps
from django.core import serializers
from django.db import transaction
from django.db.models import QuerySet

from connectors.records import SourceMember, SourceService, SourceTeam, entity_type_of
from oncall.aggregates import Draft, Kind
from oncall.escalation.policy import Target
from oncall.models import Responder, Service, User, UserGroup
from oncall.operations import create_account, delete, write
from oncall.selectors.states import load_states
from oncall.tables.kinds import ROOTS
from syncjobs.deciding.decide import Decision, decide
from syncjobs.deciding.sides import load_sides, question_of
from syncjobs.models import WAITING_STATES, Conflict, ConflictState, RunState
from syncjobs.planning.decisions.table import choices_of
from syncjobs.planning.decisions.values import Choice, Refused
from tests.syncjobs.conftest import BY, Source, Sync, edit, layer, policy, schedule, user, world

pytestmark = [pytest.mark.django_db, pytest.mark.slow]

SEEDS, ALL_SEEDS = 4, 200
NAMES = ("Ana", "Bo", "Cy", "Dee", "Eve")
GROUPS = ("Platform", "platform", "Ops")
SCHEDULES = ("Primary", "PRIMARY", "Nights")
POLICIES = ("Default", "default", "Night")
#: Answers that later questions may depend on, so that a question may have moved when its turn comes.
MOVED = {"stale_question", "already_decided"}


class RandomSource(Source):
    """A source whose schedules are read in the zones that were chosen, as connectors do."""

    def __init__(self, random: Random) -> None:
        super().__init__()
        count = random.randint(3, 5)
        self.people = [(f"U{n}", random.choice(NAMES), self._email(random, n)) for n in range(1, count + 1)]
        self.roles = {n: f"U{random.randint(1, count)}" for n in range(9)}
        self.names = [random.choice(pool) for pool in (GROUPS, SCHEDULES, SCHEDULES, POLICIES)]
        self.zones = [random.choice(["Europe/Paris", "Europe/Paris", "CST", "EST"]) for _ in range(2)]
        self.description = ""

    @staticmethod
    def _email(random: Random, number: int) -> str | None:
        name = random.choice(NAMES).lower()
        return random.choice([f"{name}@example.com", f"{name}@example.org", f"u{number}@example.com", None])

    def edit(self, random: Random) -> None:
        place = random.randrange(len(self.people))
        self.people[place] = (self.people[place][0], random.choice(NAMES), self.people[place][2])
        self.names[random.randrange(4)] += random.choice(["", " B"])
        self.description = random.choice(["", "theirs"])

    def __getattribute__(self, name: str) -> Any:
        return self.built() if name == "snapshot" else super().__getattribute__(name)

    def built(self) -> Any:
        who, names = self.roles, self.names
        members = tuple(SourceMember(each, "responder") for each in sorted({who[0], who[1]}))
        targets = (Target("schedule", "S1"), Target("responder", who[2]))
        return replace(
            world(),
            users=tuple(user(id_, name, email=email) for id_, name, email in self.people),
            teams=(SourceTeam("T1", names[0], description=self.description, members=members),),
            schedules=tuple(
                schedule(f"S{n + 1}", names[n + 1], layer(who[3 + n], who[5 + n]), zone=self.zones[n]) for n in (0, 1)
            ),
            policies=(policy("P1", names[3], *targets, group_id="T1"),),
            services=(SourceService("V1", "Checkout", policy_id="P1", group_id="T1"),),
        )


def make_world(random: Random) -> list[Sync]:
    sources = [Sync("first"), Sync("second")]
    for each in sources:
        each.source = RandomSource(random)
        each.rules(strategy=random.choice(["ask", "ask", "source"]))
    for name in random.sample(NAMES, 2):
        create_account(f"{name.lower()}@example.com", "long enough password", by=BY, name=name)
    for kind, name in (("user_group", "ops"), ("schedule", "nights"), ("responder", "Eve")):
        if random.random() < 0.5:
            zone = {"time_zone": "UTC"} if kind == "schedule" else {}
            write(entity_type_of(kind), [Draft({"name": name, **zone})], by=BY)
    for each in sources:
        assert each.run().state in (RunState.SUCCEEDED, RunState.PARTIAL)
    for group in UserGroup.objects.exclude(origin_label=""):
        if random.random() < 0.5:
            edit("user_group", group, description="ours")
    for person in Responder.objects.exclude(origin_label="").filter(active=True):
        if random.random() < 0.3:
            edit("responder", person, name=random.choice(NAMES))
    if random.random() < 0.4:
        delete("service", [Service.objects.order_by("pk")[0].pk], by=BY)
    for each in sources:
        each.source.edit(random)  # type: ignore[attr-defined]
        each.run()
    return sources


def arguments_for(random: Random, conflict: Conflict, choice: Choice) -> dict[str, str]:
    """Return arguments that are valid for the rows as they are now."""
    question = question_of(conflict)
    sides = load_sides(question)
    rows = sorted({row.id for row in sides.rows.values()})
    given: dict[str, str] = {}
    for argument in choice.arguments:
        if not argument.required and random.random() < 0.5:
            continue
        match argument.kind:
            case "text":
                given[argument.name] = f"Name {random.random()}"
            case "row":
                given[argument.name] = ",".join(map(str, rows)) if argument.name == "rows" else str(random.choice(rows))
            case "paths":
                given[argument.name] = random.choice(question.paths)
            case "zone":
                given[argument.name] = random.choice(question.evidence.get("candidates") or ["Europe/Berlin"])
            case "person":
                given[argument.name] = _somebody(random, sides.row.id if sides.row else 0)
            case "claims":
                given[argument.name] = ",".join(_claims(random, conflict))
    if "into" in given:
        given.pop("values", None)
    return given


def _somebody(random: Random, beside: int) -> str:
    people = Responder.objects.filter(active=True, merged_into=None).exclude(pk=beside).order_by("pk")
    free = User.objects.filter(responder=None, is_active=True, is_staff=False).order_by("pk")
    choices = [f"responder:{pk}" for pk in people.values_list("pk", flat=True)]
    return random.choice([*choices, *free.values_list("email", flat=True)])


def _claims(random: Random, conflict: Conflict) -> Iterator[str]:
    keys = [key for key in conflict.evidence["people"] if key.startswith(f"{conflict.connection_id}:")]
    outside = Responder.objects.filter(active=True, merged_into=None).exclude(
        links__key__in=conflict.evidence["people"]
    )
    for key in keys:
        to = random.choice(["new", *(f"responder:{pk}" for pk in outside.order_by("pk").values_list("pk", flat=True))])
        yield f"{key.partition(':')[2]}:{to}"


def answer_all(random: Random, sources: list[Sync]) -> None:
    """Answer every question that waits, in random order. A question that moved is left to the next sync."""
    waiting = list(Conflict.objects.filter(state__in=WAITING_STATES))
    random.shuffle(waiting)
    for conflict in waiting:
        conflict.refresh_from_db()
        if conflict.state not in WAITING_STATES:
            continue
        choice = random.choice(choices_of(question_of(conflict)))
        try:
            before = _values()
            decided = decide(conflict, Decision(choice.name, arguments_for(random, conflict, choice), None))
        except Refused as refused:
            _answer_otherwise(conflict, refused)
            continue
        touched = {(each.kind, each.row_id) for each in decided.outcome.effects}
        touched |= {(each.kind, each.merge_into) for each in decided.outcome.effects}
        after = _values()
        changed = {key for key, state in before.items() if after.get(key) != state}
        assert changed <= touched, (conflict, choice.name)
        if decided.read is not None:
            next(each for each in sources if each.connection == decided.connection).drive(decided.read)


def _answer_otherwise(conflict: Conflict, refused: Refused) -> None:
    """A person with an account cannot become another person with an account, for example: leave all as it is."""
    if refused.code in MOVED:
        return
    assert refused.code == "invalid_argument", refused
    for name in ("leave", "separate", "keep_all"):
        if any(choice.name == name for choice in choices_of(question_of(conflict))):
            decide(conflict, Decision(name, {}, None))
            return
    raise AssertionError(refused)


def _values() -> dict[tuple[Kind, int], Any]:
    """Return the values of all rows that were not merged, by kind and id."""
    found: dict[tuple[Kind, int], Any] = {}
    for kind in ROOTS:
        states = load_states(kind, ROOTS[kind].rows.filter(merged_into=None).values("pk"))
        found |= {(kind, pk): state for pk, state in states.items()}
    return found


def on_call_rows() -> str:
    models = [model for model in apps.get_models() if model._meta.app_label == "oncall"]
    return serializers.serialize("json", [row for m in models for row in m._default_manager.order_by("pk")])


def test_nothing_is_asked_twice_and_nothing_else_changes(db: None, thorough: bool) -> None:
    for seed in range(ALL_SEEDS if thorough else SEEDS):
        with transaction.atomic():
            try:
                search(Random(seed))
            except Exception as error:
                error.add_note(f"world {seed}")
                raise
            transaction.set_rollback(True)


def search(random: Random) -> None:
    """Answer all questions of one world, and sync twice."""
    sources = make_world(random)
    for _ in range(6):
        answer_all(random, sources)
        answered = set(_identities(Conflict.objects.filter(state=ConflictState.DECIDED)))
        for each in sources:
            each.run()
        again = answered.intersection(_identities(Conflict.objects.filter(state__in=WAITING_STATES)))
        assert not again, "asked twice"
        if not Conflict.objects.filter(state__in=WAITING_STATES).exists():
            break
    else:
        raise AssertionError([str(each) for each in Conflict.objects.filter(state=ConflictState.OPEN)])
    before, questions = on_call_rows(), set(Conflict.objects.values_list("pk", flat=True))
    for each in sources:
        run = each.run()
        assert run.state == RunState.SUCCEEDED, run.reason
        assert sum(counts.get("written", 0) for counts in run.counts.values()) == 0
    assert on_call_rows() == before
    assert set(Conflict.objects.values_list("pk", flat=True)) == questions
    assert not Conflict.objects.filter(state__in=WAITING_STATES).exists()


def _identities(questions: "QuerySet[Conflict]") -> Iterator[tuple[str, ...]]:
    return iter(questions.values_list("kind", "subject_key", "evidence_hash"))
