"""Who is reachable: queries, filters and pages agree with the definition of the glossary."""

from collections.abc import Callable
from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from oncall.emails import canonical_email
from oncall.models import ContactMethod, Responder
from oncall.selectors.responders import REACHABLE, reachable, with_reachability

pytestmark = pytest.mark.django_db
MakeRow = Callable[..., int]
Method = tuple[str, str, bool]  # channel, address, enabled

ADDRESSES = ("ana@example.com", "ana@", "ana", "+49 30 123", "+", "()", "", "0", "ä@exämple.com")
methods = st.tuples(st.sampled_from(ContactMethod.Channel.values), st.sampled_from(ADDRESSES), st.booleans())
people = st.tuples(st.booleans(), st.sampled_from(Responder.State.values), st.lists(methods, max_size=3))


def is_valid(channel: str, address: str) -> bool:
    if channel == "email":
        return canonical_email(address) is not None
    return channel in ("push", "other") or any(each.isdigit() for each in address)


def is_reachable(active: bool, state: str, contacts: list[Method]) -> bool:
    """The definition, without the database."""
    paged = any(enabled and is_valid(channel, address) for channel, address, enabled in contacts)
    return active and state not in ("inactive", "deleted") and paged


@settings(max_examples=60, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(st.lists(people, min_size=1, max_size=4))
def test_the_query_agrees_with_the_definition(make: MakeRow, found: list[tuple[bool, str, list[Method]]]) -> None:
    expected = set()
    ids = []
    for active, state, contacts in found:
        stored = {
            f"local:+{n}": {"channel": channel, "address": address, "enabled": enabled}
            for n, (channel, address, enabled) in enumerate(contacts)
        }
        ids.append(make("responder", {"contact_methods": stored}, active=active, state=state))
        expected |= {ids[-1]} if is_reachable(active, state, contacts) else set()
    rows = Responder.objects.filter(pk__in=ids)
    assert reachable(ids) == expected
    assert {row.pk for row in rows.filter(REACHABLE)} == expected
    assert {row.pk for row in rows.exclude(REACHABLE)} == set(ids) - expected
    assert {row.pk for row in with_reachability(rows) if row.is_reachable} == expected


def test_many_people_take_a_query_for_each_500(django_assert_num_queries: Any) -> None:
    with django_assert_num_queries(1):
        assert reachable(range(1, 400)) == frozenset()
    with django_assert_num_queries(3):
        assert reachable(range(1, 1_201)) == frozenset()
