"""A3: a form costs the same in a database with many people, groups, schedules and policies as in a small one.

An imported account of a few hundred objects is in two databases; to one, a copy, the rows of a large foreign source are
added. Each form for adding and changing an on-call row or an account is opened in both in turns, with the same row.
"""

import time
from collections.abc import Callable, Iterator, Mapping
from dataclasses import replace
from typing import Final

from django.contrib import admin
from django.db import connection
from django.test import Client
from django.urls import get_resolver, reverse

from oncall.admin.base.aggregate import OperationsAdmin
from oncall.operations import Actor, create_account
from scripts.bench.accounts import account
from scripts.bench.database import Counted, copied, emptied, tidied
from scripts.bench.effort import Effort
from scripts.bench.figures import Figure, Target, settled
from scripts.bench.foreign import add_foreign
from scripts.bench.measuring import Sample, Work, wall_times
from scripts.bench.syncing import connected, synced

PEOPLE: Final = 50_000
PEOPLE_PER_GROUP: Final = 10
OBJECTS: Final = 300
BYTES = Target("A3", "the largest form, {:,} people: bytes", "bytes", 300_000, 200_000)
STATEMENTS = Target("A3", "the worst form, {:,} people against none: statements", "x", 1.5, 1)
TIME = Target("A3", "the worst form, {:,} people against none: time", "x", 1.5, 1.1, band=0.3)

Enter = Callable[[bool], None]


def measure(effort: Effort) -> Iterator[Figure]:
    emptied()
    get_resolver().url_patterns  # noqa: B018 - loads every admin
    by = Actor(None, "bench")
    create_account("person@example.com", by=by)
    reader = create_account("reader@example.com", by=by, is_staff=True, is_superuser=True)
    synced(connected(), account(OBJECTS))
    client = Client(headers={"host": "localhost"})
    client.force_login(reader)
    urls = form_urls()
    people = min(effort.foreign, PEOPLE)
    with copied() as switch:
        switch(True)
        add_foreign(people, people // PEOPLE_PER_GROUP, people // PEOPLE_PER_GROUP)
        tidied()
        counts: dict[bool, dict[str, tuple[int, int]]] = {}
        for crowded in (True, False):
            switch(crowded)
            counts[crowded] = {name: _counted(client, url) for name, url in urls.items()}
        sizes = {name: size for name, (size, _) in counts[True].items()}
        yield Figure(_for(BYTES, people), max(sizes.values()), detail=_words(sizes, ","))
        ratios = {name: counts[True][name][1] / counts[False][name][1] for name in urls}
        numbers = {name: number for name, (_, number) in counts[True].items()}
        yield Figure(_for(STATEMENTS, people), max(ratios.values()), detail=_words(numbers, ","))
        yield settled(lambda: _times(client, urls, switch, people, effort.database_rounds), 2)


def form_urls() -> dict[str, str]:
    """Return the addresses of the forms, by the model's name and what the form does; each changes the oldest row."""
    urls = {}
    for model, model_admin in admin.site._registry.items():
        if isinstance(model_admin, OperationsAdmin):
            name, row = str(model._meta.model_name), model._default_manager.order_by("pk")[0]
            urls[f"{name} add"] = reverse(f"admin:oncall_{name}_add")
            urls[f"{name} change"] = reverse(f"admin:oncall_{name}_change", args=[row.pk])
    return urls


def _counted(client: Client, url: str) -> tuple[int, int]:
    """Return the bytes and the statements of a page."""
    client.get(url)  # content types are looked up once per process
    with Counted() as counted:
        answer = client.get(url)
    if answer.status_code != 200:
        raise AssertionError(f"{url} answers {answer.status_code}.")
    return len(answer.content), counted.statements


def _times(client: Client, urls: Mapping[str, str], switch: Enter, people: int, rounds: int) -> Figure:
    # SQLite works inside this process: CPU time includes all its work and is less affected by other processes.
    clock = time.process_time if connection.vendor == "sqlite" else time.perf_counter
    ratios: dict[str, float] = {}
    sides: dict[str, dict[str, Sample]] = {}
    for name, url in urls.items():

        def opened(url: str = url) -> None:
            client.get(url)

        works = {
            f"{people:,} people": Work(opened, lambda: switch(True)),
            "none": Work(opened, lambda: switch(False)),
        }
        sides[name] = wall_times(works, rounds, clock=clock)
        crowded, alone = sides[name].values()
        ratios[name] = crowded.median / alone.median
    worst = max(ratios, key=lambda name: ratios[name])
    return Figure(_for(TIME, people), ratios[worst], sides[worst], _words(ratios, ".2f"))


def _for(target: Target, people: int) -> Target:
    return replace(target, what=target.what.format(people))


def _words(numbers: Mapping[str, float], form: str) -> str:
    return ", ".join(f"{name} {number:{form}}" for name, number in numbers.items())
