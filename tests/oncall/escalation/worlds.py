"""Converts small worlds of plain values to the values of the product and to a context of the walk."""

from typing import Any

from hypothesis import strategies as st

from oncall.escalation import walk as product
from oncall.escalation.policy import Level, Policy, Target
from oncall.rendering.spec import VACANT, Participant, person
from tests.oncall.escalation import referee

PEOPLE = ("ann", "ben", "cat", "dan")
AT = 1_780_000_020  # any instant


def target(kind: str, key: str, **more: Any) -> dict[str, Any]:
    return {"kind": kind, "key": key, "condition": "not_acked", "members": "all", **more}


def level(wait: int | None, *targets: dict[str, Any], in_turn: bool = False) -> dict[str, Any]:
    return {"wait": wait, "distribution": "round_robin" if in_turn else "everyone", "targets": list(targets)}


def policy(*levels: dict[str, Any], **more: Any) -> dict[str, Any]:
    rules = {
        "initial_wait": 0, "repeat_count": 0, "after_last": "nothing", "unstaffed_level": "skip", "resolved": "level",
    }  # fmt: skip
    return {**rules, **more, "levels": list(levels)}


def world(policies: dict[str, Any], **more: Any) -> referee.World:
    empty: referee.World = {"schedules": {}, "groups": {}, "routings": {}, "away": {}, "reachable": set(PEOPLE)}
    return {**empty, **more, "policies": policies}


def as_policy(plain: dict[str, Any]) -> Policy:
    levels = tuple(
        Level(each["wait"], each["distribution"], tuple(Target(**target) for target in each["targets"]))
        for each in plain["levels"]
    )
    return Policy(**{**plain, "levels": levels})


class Plain:
    """The context of a walk in a plain world."""

    def __init__(self, world: referee.World) -> None:
        self.world = world
        self.policies = {key: as_policy(each) for key, each in world["policies"].items()}

    def policy(self, key: str) -> Policy | None:
        return self.policies.get(key)

    def routing(self, group: str) -> str | None:
        found: str | None = self.world["routings"].get(group)
        return found

    def on_call(self, schedule: str, instant: int, mode: str, layers: Any) -> tuple[Participant, ...] | None:
        changes = self.world["schedules"].get(schedule)
        if changes is None:
            return None
        minute, second = divmod(instant - AT, 60)
        assert (second, mode, layers) == (0, "current", None)
        now = [who for since, who in changes if since <= minute][-1]
        return tuple(Participant(*each.split(":")) for each in now)

    def members(self, group: str, which: str) -> tuple[Participant, ...] | None:
        if group not in self.world["groups"]:
            return None
        members, leads = self.world["groups"][group]
        chosen = {"all": members, "leads": leads, "others": [one for one in members if one not in leads]}[which]
        return tuple(map(person, chosen))

    def replacement(self, who: Participant, instant: int, group: str | None) -> Participant:
        by = self.world["away"].get(who.id, who.id)
        return VACANT if by is None else person(by)

    def is_reachable(self, who: Participant) -> bool:
        return who.id in self.world["reachable"]


def walked(
    world: referee.World, name: str = "P", acknowledged: int | None = None, closed: int | None = None,
    walk: Any = product,
) -> dict[str, Any]:  # fmt: skip
    """Returns the result of the product in the form of ``referee.course``."""
    context = Plain(world)
    found = walk.walk(context.policies[name], context, AT, acknowledged, closed)
    return {
        "notices": sorted(
            (each.minute, each.path, each.round, each.level, tuple(who.id for who in each.people), each.one_of)
            for each in walk.notices(found)
        ),
        "outcomes": [(step.minute, step.round, step.level, step.outcome) for step in found.steps],
        "ending": (found.ending.kind, found.ending.minute),
    }


# --- any world --------------------------------------------------------------------------------------------------------

SCHEDULES, GROUPS, POLICIES = ("S", "T", "lost"), ("G", "H", "lost"), ("P", "Q", "R", "lost")
_participants = st.one_of(
    st.sampled_from(PEOPLE).map("person:{}".format),
    st.sampled_from(
        ("group:G", "group:lost", "group_routing:G", "group_routing:H", "policy:Q", "policy:R", "unknown:x")
    ),
)
_conditions = st.sampled_from(("not_acked", "not_closed"))
_targets = st.one_of(
    st.builds(target, st.just("responder"), st.sampled_from(PEOPLE), condition=_conditions),
    st.builds(target, st.just("schedule"), st.sampled_from(SCHEDULES), condition=_conditions),
    st.builds(
        target, st.just("user_group"), st.sampled_from(GROUPS),
        members=st.sampled_from(("all", "leads", "others", "random")), condition=_conditions,
    ),
    st.builds(target, st.just("group_routing"), st.sampled_from(GROUPS)),
    st.builds(target, st.just("escalation_policy"), st.sampled_from(POLICIES), condition=_conditions),
    st.builds(target, st.just("unresolved"), st.just("x")),
)  # fmt: skip
_waits = st.integers(0, 12) | st.none()


@st.composite
def _policies(draw: st.DrawFn) -> dict[str, Any]:
    levels = draw(
        st.lists(
            st.builds(
                lambda wait, targets, in_turn: level(wait, *targets, in_turn=in_turn),
                st.integers(0, 12), st.lists(_targets, max_size=3), st.booleans(),
            ),
            max_size=3,
        )
    )  # fmt: skip
    for each in levels[-1:] if draw(st.booleans()) else levels:
        each["wait"] = draw(_waits)
    return policy(
        *levels,
        initial_wait=draw(st.integers(0, 6)),
        repeat_count=draw(st.integers(0, 2) | st.none()),
        after_last=draw(st.sampled_from(("nothing", "close"))),
        unstaffed_level=draw(st.sampled_from(("skip", "skip_within_round", "wait"))),
        resolved=draw(st.sampled_from(("level", "start"))),
    )


@st.composite
def worlds(draw: st.DrawFn) -> referee.World:
    policies = {name: draw(_policies()) for name in ("P", "Q", "R")}
    for number, each in enumerate(policies.values()):
        each["initial_wait"] += 10 * number  # the referee tells policies apart by name, the product by value
    changes = st.lists(st.tuples(st.integers(1, 40), st.lists(_participants, max_size=2, unique=True)), max_size=3)
    schedules = {
        name: [(0, draw(st.lists(_participants, max_size=2, unique=True))), *sorted(draw(changes))]
        for name in ("S", "T")
    }
    members = draw(st.lists(st.sampled_from(PEOPLE), max_size=3, unique=True))
    return world(
        policies,
        schedules=schedules,
        groups={"G": (members, members[:1]), "H": ([], [])},
        routings=draw(st.dictionaries(st.sampled_from(("G", "H")), st.sampled_from(("Q", "R", "lost")))),
        away=draw(st.dictionaries(st.sampled_from(PEOPLE), st.sampled_from(PEOPLE) | st.none(), max_size=2)),
        reachable=set(draw(st.lists(st.sampled_from(PEOPLE), unique=True))),
    )
