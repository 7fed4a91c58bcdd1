"""The rules of the sync, each broken once: what is replaced in the product, and by what.

A mutant replaces functions or constants where the product looks them up. It is made from the present ones, so that one
that no longer applies is an error.
"""

from collections.abc import Callable
from dataclasses import replace
from datetime import timedelta
from importlib import import_module
from typing import Any, NamedTuple

import pytest

from connectors.presence import Presence, Presences
from syncjobs.planning.merge import MISSING, settle
from syncjobs.planning.missing.guard import Guarded
from syncjobs.planning.undoing import Former
from syncjobs.planning.values import Rules

Break = Callable[[pytest.MonkeyPatch], None]


class Mutant(NamedTuple):
    """A broken rule. seed: of the first random sequence to try. named: a test that does, as ``module:function``."""

    rule: str
    breaks: Break
    named: str = ""
    seed: int = 0


def replaced(*targets: str, by: Callable[[Any], Any]) -> Break:
    """Replace ``module:name`` or ``module:Class.name`` by what ``by`` makes of it."""

    def breaks(patch: pytest.MonkeyPatch) -> None:
        for target in targets:
            module, _, path = target.partition(":")
            owner: Any = import_module(module)
            *outer, name = path.split(".")
            for each in outer:
                owner = getattr(owner, each)
            patch.setattr(owner, name, by(owner.__dict__[name]))

    return breaks


def together(*breaks: Break) -> Break:
    """Break several places that keep the same rule."""

    def break_all(patch: pytest.MonkeyPatch) -> None:
        for each in breaks:
            each(patch)

    return break_all


def settled(change: Callable[[str, dict[str, Any]], str]) -> Break:
    """Change the verdict about a value. change: gets the verdict and owner, base, local, source and quiet."""

    def by(_: Any) -> Any:
        def mutated(owner: Any, base: Any, local: Any, source: Any, *, quiet: bool, equal: Any) -> Any:
            verdict = settle(owner, base, local, source, quiet=quiet, equal=equal)
            found = {"owner": owner, "base": base, "local": local, "source": source, "quiet": quiet, "equal": equal}
            return change(verdict, found)

        return mutated

    return replaced("syncjobs.planning.merge:settle", by=by)


def owned(change: Callable[[Rules, Any, str, Any], Any]) -> Break:
    """Change who owns a field."""
    owner = Rules.owner
    return replaced(
        "syncjobs.planning.values:Rules.owner",
        by=lambda _: lambda rules, kind, path, pins: change(rules, kind, path, pins) or owner(rules, kind, path, pins),
    )


def seen_as(before: str, after: Any) -> Break:
    """Let a read take one state of presence for another."""

    def by(of: Any) -> Any:
        def mutated(presences: Presences, kind: Any, external_id: str) -> Presence:
            found: Presence = of(presences, kind, external_id)
            return Presence(after) if found.state == before else found

        return mutated

    return replaced("connectors.presence:Presences.of", by=by)


def constant(value: Any) -> Callable[[Any], Any]:
    return lambda _: value


def returns(value: Any) -> Callable[[Any], Any]:
    return lambda _: lambda *args, **options: value


def _differ(found: dict[str, Any]) -> bool:
    return not found["equal"](found["local"], found["source"])


def _is_known(found: dict[str, Any]) -> bool:
    return found["base"] is not MISSING


def _merged(**changed: Any) -> Callable[[Any], Any]:
    return lambda merge: lambda *args, **options: merge(*args, **options | changed)


def _all_agreed(merge_element: Any) -> Any:
    """Each element that is here was agreed on with each source."""

    def mutated(collection: Any, path: Any, key: Any, base: Any, local: Any, *rest: Any) -> None:
        merge_element(collection, path, key, {**local, **base}, local, *rest)

    return mutated


def _of_source(rules: Rules, kind: Any, path: str, pins: Any) -> Any:
    found = pins.get(path) or rules.ownership.get(f"{kind}.{path.split('.')[0]}") or rules.strategy
    return "ask" if found == "source" else None


def _of_local(rules: Rules, kind: Any, path: str, pins: Any) -> Any:
    found = pins.get(path) or rules.ownership.get(f"{kind}.{path.split('.')[0]}")
    return "ask" if found == "local" else None


def _without_conflicts_settled(store: Any) -> Any:
    def mutated(run: Any, plan: Any, *args: Any) -> Any:
        return store(run, replace(plan, settled=()), *args)

    return mutated


def _without_resets(remember: Any) -> Any:
    return lambda plan: remember(replace(plan, sightings=tuple(each for each in plan.sightings if each[1].count)))


def _all_former(former: Any) -> Any:
    """Everything gets its former value, whatever was edited later."""

    def mutated(kind: Any, changes: Any, now: Any) -> Former:
        return former(kind, {path: [old, now.value(path)] for path, (old, _) in changes.items()}, now)  # type: ignore[no-any-return]

    return mutated


PLAN = "syncjobs.planning.plan"
UNLISTED = "syncjobs.planning.missing.unlisted"
GONE = "tests.syncjobs.runs.test_gone"
RULES = "tests.syncjobs.convergence.test_rules"

MUTANTS = (
    Mutant(
        "what only the source changed is taken",
        settled(lambda v, f: "keep" if v == "take" and f["owner"] == "ask" and _is_known(f) else v),
        seed=1,
    ),
    Mutant(
        "what was only edited here is kept",
        settled(lambda v, f: "take" if v == "keep" and f["owner"] == "ask" and _differ(f) else v),
        seed=1,
    ),
    Mutant("what both changed is asked, not overwritten", settled(lambda v, f: "take" if v == "conflict" else v)),
    Mutant("what both changed is asked, not passed over", settled(lambda v, f: "keep" if v == "conflict" else v)),
    Mutant(
        "an equal value becomes the base",
        settled(lambda v, f: "keep" if v == "settle" and not _differ(f) else v),
    ),
    Mutant("the source overwrites what it owns", owned(_of_source)),
    Mutant("what is owned here is never written", owned(_of_local),
        f"{RULES}:test_what_is_owned_here_is_never_written"),
    Mutant("a pin comes before the rules", owned(
        lambda r, kind, path, pins: r.ownership.get(f"{kind}.{path.split('.')[0]}") or r.strategy)),
    Mutant("a field of the profile comes before the strategy", owned(
        lambda r, kind, path, pins: pins.get(path) or r.strategy),
        f"{RULES}:test_a_field_of_the_profile_comes_before_the_strategy"),
    Mutant(
        "a first difference of a quiet field is not asked",
        settled(lambda v, f: "conflict" if v == "settle" and f["quiet"] and _differ(f) else v),
        f"{RULES}:test_a_first_difference_of_a_quiet_field_is_not_asked"),
    Mutant("a blank is filled at the first contact", settled(
        lambda v, f: "settle" if v == "take" and not _is_known(f) and f["local"] == "" else v),
        f"{RULES}:test_a_blank_is_filled_at_the_first_contact"),
    Mutant("a deleted row is asked about where the source owns it", owned(
        lambda r, kind, path, pins: "ask" if path == "active" else None)),
    Mutant("what is not chosen is not gone", seen_as("not_chosen", "not_found")),
    Mutant("what was not reached does not change", seen_as("not_reached", "not_found")),
    Mutant("what may only be hidden is asked", seen_as("not_visible", "not_found")),
    Mutant("a contradicted list proves nothing", replaced(
        "connectors.presence:Presences._contradicted", by=lambda _: property(lambda self: frozenset())),
        f"{RULES}:test_a_contradicted_list_proves_nothing"),
    Mutant("a proof needs two sightings", replaced(f"{UNLISTED}:PROVED", by=constant(1))),
    Mutant("two sightings are an hour apart", replaced(f"{UNLISTED}:BETWEEN_SIGHTINGS", by=constant(timedelta(0)))),
    Mutant("two sightings need the same rights",
        replaced(f"{UNLISTED}:compared_rights", by=returns("same")), seed=37),
    Mutant("a return ends the count", replaced("syncjobs.runs.planned_read:remember_sightings", by=_without_resets),
        f"{RULES}:test_a_return_ends_the_count"),
    Mutant("an edited row is asked about when it is gone", replaced(f"{UNLISTED}:edited_paths", by=returns(()))),
    Mutant("the guard holds many removals", replaced(
        f"{PLAN}:guard", by=lambda _: lambda items, *rest: Guarded(tuple(items), (), ()))),
    Mutant(
        "a kind that vanishes holds the whole run",
        replaced("syncjobs.planning.missing.guard:WHOLE_KIND", by=constant(99)),
        f"{GONE}:test_a_kind_that_vanishes_holds_the_whole_run_at_the_first_sighting",
    ),
    Mutant(
        "a read asks for at most twenty objects",
        replaced("syncjobs.runs.picture.missing:MOST_SOUGHT", by=constant(99)),
        f"{GONE}:test_a_read_asks_for_at_most_twenty_objects_and_the_next_for_the_others",
    ),
    Mutant("only the primary link writes fields", replaced(f"{PLAN}:merge", by=_merged(primary=True))),
    Mutant("the oldest live link takes over", replaced(
        "syncjobs.runs.picture.local:load_former_links", by=returns({})),
        f"{RULES}:test_the_oldest_live_link_takes_over"),
    Mutant("elements belong to one link", replaced("syncjobs.planning.merge:_merge_element", by=_all_agreed)),
    Mutant("elements leave with their link", replaced(f"{UNLISTED}:_leaving_elements", by=returns(({}, {})))),
    Mutant("only the last live link makes a row inactive", together(
        replaced("syncjobs.runs.picture.local:_others", by=returns({})),
        replaced("syncjobs.runs.apply:_stale_removal", by=returns(None))),
        f"{RULES}:test_only_the_last_live_link_makes_a_row_inactive"),
    Mutant("what was created again is asked", replaced(f"{UNLISTED}:recreated", by=returns({}))),
    Mutant("what is attached again is reviewed", replaced("syncjobs.runs.runner:replaced_edits", by=returns(0)),
        f"{RULES}:test_what_is_attached_again_is_reviewed"),
    Mutant("a question closes when its cause is gone", replaced(
        "syncjobs.runs.planned_read:store_conflicts", by=_without_conflicts_settled)),
    Mutant("an undone value is pinned", replaced("syncjobs.undoing.links:_paths", by=returns(frozenset()))),
    Mutant("an undo keeps later edits", replaced("syncjobs.undoing.rows:former_values", by=_all_former)),
)  # fmt: skip
