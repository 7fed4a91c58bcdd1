"""Rows with one name can be told apart in the words of a question."""

import re

import pytest
from django.test import Client
from django.urls import reverse
from django.utils import timezone

from oncall.models import EscalationPolicy, Schedule, UserGroup
from syncjobs.conflicts.concerned import concerns
from syncjobs.conflicts.evidence import names_of_rows
from syncjobs.conflicts.told_apart import ToldApart, numbered
from syncjobs.conflicts.words import sentence
from syncjobs.deciding.decide import Decision, preview
from syncjobs.deciding.suggesting import suggestions
from syncjobs.models import Conflict, ConflictKind
from syncjobs.planning.conflicts import NAMES_ROWS
from tests.syncjobs.conftest import Sync, layer, schedule

pytestmark = pytest.mark.django_db

#: Kinds of rows whose names :func:`concerns` tells.
KINDS = {"user_group": UserGroup, "schedule": Schedule, "escalation_policy": EscalationPolicy}


@pytest.fixture
def two_sources(sync: Sync) -> Sync:
    """Two sources with the same schedule, user group and policy."""
    sync.run()
    other = Sync("other")
    other.run()
    return sync


@pytest.mark.parametrize("kind", KINDS)
def test_a_name_of_two_sources_is_followed_by_the_source(two_sources: Sync, kind: str) -> None:
    names = dict(KINDS[kind].objects.values_list("pk", "name"))
    assert len(names) > len(set(names.values()))
    apart = ToldApart(kind, names)  # type: ignore[arg-type]
    told = apart.of(names.keys())
    assert len(set(told.values())) == len(names)
    for name in set(names.values()):
        assert {text for pk, text in told.items() if names[pk] == name} == {f"{name} (acme)", f"{name} (other)"}
    first = min(names)
    assert apart.of([first]) == {first: names[first]}  # alone, a name needs nothing


def test_a_name_twice_in_one_source_is_followed_by_the_id_too(sync: Sync) -> None:
    night = (schedule("A1", "Night", layer("U1")), schedule("A2", "night ", layer("U1")))
    sync.source.change(schedules=night)
    sync.run()
    names = dict(Schedule.objects.filter(name_key="night").values_list("pk", "name"))
    assert len(names) == 2
    assert ToldApart("schedule", names).of(names) == {pk: f"{name} (acme) #{pk}" for pk, name in names.items()}


def test_no_query_without_a_repeated_name(django_assert_num_queries: object) -> None:
    with django_assert_num_queries(0):  # type: ignore[operator]
        assert ToldApart("schedule", {1: "Night", 2: "Day"}).of([1, 2]) == {1: "Night", 2: "Day"}


def test_a_question_about_equal_names_names_each_row_and_what_it_holds_up_once(two_sources: Sync) -> None:
    for conflict in Conflict.objects.filter(kind__in=NAMES_ROWS):
        texts = names_of_rows(conflict)
        assert len(set(texts.values())) == len(texts), texts
        concern = concerns([conflict], timezone.now())[conflict.pk]
        for told in (concern.holds_up, concern.groups):
            assert len(set(told)) == len(told), told
        assert sentence(conflict, ("acme", "other", "third")).endswith(
            f"from acme, other and third have the name {conflict.label}."
        )


def test_the_preview_of_a_merge_names_both_rows_by_their_ids(two_sources: Sync, admin_client: Client) -> None:
    conflict = Conflict.objects.get(kind=ConflictKind.DUPLICATE_SCHEDULE)
    one, two = Schedule.objects.filter(name_key=conflict.evidence["name"]).order_by("pk")
    (effect, *_) = preview(conflict, Decision("merge", {}, None)).outcome.effects
    assert f"{effect.label} {effect.change}" == f"{numbered(two.name, two.pk)} is merged into {one.name} #{one.pk}"
    page = admin_client.get(reverse("admin:syncjobs_conflict_change", args=[conflict.pk])).content.decode()
    assert f"{one.name} #{one.pk}, imported from" in page
    assert ">nothing<" not in page  # both rows were imported: nothing is missing here
    assert '<h2 class="rb-title">Here</h2>' not in page
    assert len(re.findall(r'<h2 class="rb-title">At the source</h2>', page)) == 1


@pytest.mark.parametrize(("rule", "words"), [("unknown", "is spelled most like"), ("abbreviation", "most likely")])
def test_a_zone_that_was_only_compared_by_its_letters_is_not_called_likely(sync: Sync, rule: str, words: str) -> None:
    sync.source.change(schedules=(schedule("S1", "Primary", layer("U1"), zone="America/Canada"),))
    sync.run()
    conflict = Conflict.objects.get(kind=ConflictKind.TIMEZONE_MISMATCH)
    assert conflict.evidence["rule"] == "unknown"
    conflict.evidence["rule"] = rule
    assert words in suggestions([conflict])[conflict.pk].reason
