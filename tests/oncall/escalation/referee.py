"""A second implementation of docs/escalation.md: it decides minute by minute who is paged.

It imports nothing of the product and takes plain values. A world is ``{"policies", "schedules", "groups", "routings",
"away", "reachable"}``. A schedule is ``[(minute, ["person:ann", ...]), ...]``: who is on call from each minute on.
``away`` maps a person to the replacement, None for nobody.
"""

from dataclasses import dataclass
from typing import Any

World = dict[str, Any]
Notice = tuple[int, tuple[str, ...], int, int, tuple[str, ...], bool]
FOREVER = 100_000
#: A policy starts at most so often around itself.
AGAIN = 3
Around = list[tuple[str, int]]


@dataclass
class Run:
    """A running policy. around: the policies around it and itself, each with the minute in which it started. due: the
    minute in which its next level starts. perhaps: it is only a candidate."""

    policy: dict[str, Any]
    around: Around
    path: tuple[str, ...]
    start: int
    due: int
    perhaps: bool
    round: int = 1
    level: int = 0
    ended: str = ""


def begin(world: World, name: str, minute: int, around: Around, path: tuple[str, ...], perhaps: bool) -> Run:
    policy = world["policies"][name]
    return Run(policy, [*around, (name, minute)], path, minute, minute + policy["initial_wait"], perhaps)


def course(world: World, name: str, acknowledged: int | None = None, closed: int | None = None) -> dict[str, Any]:
    """Returns all notices, and the outcomes and the ending of the policy itself."""
    world = {**world, "staffs": {}}
    root = begin(world, name, 0, [], (), False)
    running, notices, outcomes = [root], [], []
    minute, stop = 0, None
    while minute < FOREVER and not all(run.ended for run in running):
        if closed is not None and minute >= closed:
            stop = minute
            break
        while due := next((run for run in running if not run.ended and run.due == minute), None):
            if due.level == len(due.policy["levels"]):
                next_round(due)
                continue
            found, outcome = fire(world, due, minute, acknowledged)
            notices += found["notices"]
            running += found["begun"]
            if due is root:
                outcomes.append((minute, root.round, root.level + 1, outcome))
            advance(due, outcome)
        if any(run.ended == "closed" and run.due == minute and not run.perhaps for run in running):
            stop = minute
            break
        minute += 1
    by_other = stop is not None and (not root.ended or root.due >= stop)
    ending = ("closed", stop) if by_other else (root.ended, root.due)
    return {"notices": sorted(notices), "outcomes": outcomes, "ending": ending}


def next_round(run: Run) -> None:
    policy = run.policy
    if not policy["levels"]:
        run.ended = "nothing"
    elif policy["repeat_count"] is None:
        run.ended = "rounds_unknown"
    elif run.round > policy["repeat_count"]:
        run.ended = "closed" if policy["after_last"] == "close" else "nothing"
    else:
        run.round, run.level = run.round + 1, 0


def advance(run: Run, outcome: str) -> None:
    """Sets the minute of the next level. The wait of a skipped level is dropped; an unknown wait ends the run."""
    wait = run.policy["levels"][run.level]["wait"]
    final = run.level + 1 == len(run.policy["levels"]) and run.round == 1 + (run.policy["repeat_count"] or 0)
    if outcome != "skipped":
        if wait is None and not final:
            run.ended = "wait_unknown"
        run.due += wait or 0
    run.level += 1


def fire(world: World, run: Run, minute: int, acknowledged: int | None) -> tuple[dict[str, Any], str]:
    """Starts a level; returns its notices, started policies and outcome."""
    level = run.policy["levels"][run.level]
    in_turn = level["distribution"] == "round_robin" and len(level["targets"]) > 1
    looked_up = run.start if run.policy["resolved"] == "start" else minute
    notices, begun, candidates, together = [], [], set(), set()
    staffed = prevented = incomplete = False
    for target in level["targets"]:
        people, policies, unknown = whom(world, target, looked_up, minute, run.around)
        incomplete = incomplete or unknown
        somebody = bool(people)
        for policy in policies:
            reaches, hidden = staffs(world, policy, minute, run.around)
            somebody, incomplete = somebody or reaches, incomplete or hidden
        stopped = acknowledged is not None and minute >= acknowledged and target["condition"] == "not_acked"
        staffed, prevented = staffed or (somebody and not stopped), prevented or (somebody and stopped)
        if stopped:
            continue
        begun += [
            begin(world, policy, minute, run.around, (*run.path, policy), run.perhaps or in_turn) for policy in policies
        ]
        if in_turn:
            candidates |= people
        elif target["members"] == "random" and count(world, target, looked_up) > 1:
            notices.append((minute, run.path, run.round, run.level + 1, tuple(sorted(people)), True))
        else:
            together |= people
    notices.append((minute, run.path, run.round, run.level + 1, tuple(sorted(together)), run.perhaps))
    notices.append((minute, run.path, run.round, run.level + 1, tuple(sorted(candidates)), True))
    found = {"notices": [each for each in notices if each[4]], "begun": begun}
    if staffed:
        return found, "paged"
    if prevented:
        return found, "acknowledged"
    if incomplete:
        return found, "unknown"
    rule = run.policy["unstaffed_level"]
    if rule == "skip_within_round":
        rule = "wait" if before_a_known_round(run) else "skip"
    return found, {"skip": "skipped", "wait": "waited"}[rule]


def before_a_known_round(run: Run) -> bool:
    """Whether this is the last level of a round and another round is known to follow."""
    to_come = (run.policy["repeat_count"] or 0) + 1 - run.round
    return to_come > 0 and run.policy["levels"][run.level + 1 :] == []


def staffs(world: World, policy: str, minute: int, around: Around) -> tuple[bool, bool]:
    """Returns whether a policy that starts here would reach anybody without a response, and whether that is unknown."""
    known = world["staffs"]
    if (policy, minute, *around) not in known:
        known[policy, minute, *around] = reached(world, policy, minute, around)
    found: tuple[bool, bool] = known[policy, minute, *around]
    return found


def reached(world: World, policy: str, minute: int, around: Around) -> tuple[bool, bool]:
    run = begin(world, policy, minute, around, (), False)
    reaches = incomplete = False
    while not run.ended:
        if run.level == len(run.policy["levels"]):
            next_round(run)
            continue
        looked_up = run.start if run.policy["resolved"] == "start" else run.due
        for target in run.policy["levels"][run.level]["targets"]:
            people, policies, unknown = whom(world, target, looked_up, run.due, run.around)
            reaches, incomplete = reaches or bool(people), incomplete or unknown
            for inner in policies:
                one, other = staffs(world, inner, run.due, run.around)
                reaches, incomplete = reaches or one, incomplete or other
        _, outcome = fire(world, run, run.due, None)
        advance(run, outcome)
    return reaches, incomplete


def holders(world: World, target: dict[str, Any], minute: int) -> list[str] | None:
    """Returns the participants of a target at a minute."""
    match target["kind"]:
        case "responder":
            return [f"person:{target['key']}"]
        case "schedule":
            changes = world["schedules"].get(target["key"])
            return None if changes is None else [who for since, who in changes if since <= minute][-1]
        case "user_group":
            return [f"group:{target['key']}"]
        case "group_routing":
            return [f"group_routing:{target['key']}"]
        case "escalation_policy":
            return [f"policy:{target['key']}"]
    return None


def everybody(world: World, target: dict[str, Any], minute: int) -> tuple[list[str], list[str], bool]:
    """Returns (people, policies, whether anything is unknown), before absences and reachability."""
    people: list[str] = []
    policies: list[str] = []
    unknown = False
    participants = holders(world, target, minute)
    for participant in participants or ():
        kind, _, key = participant.partition(":")
        if kind == "group_routing":
            kind, key = "policy", world["routings"].get(key)
        if kind == "person":
            people.append(participant if target["kind"] == "schedule" else f"!{participant}")
        elif kind == "group" and key in world["groups"]:
            members, leads = world["groups"][key]
            wanted = target["members"] if target["kind"] == "user_group" else "all"
            chosen = {"leads": leads, "others": [one for one in members if one not in leads]}.get(wanted, members)
            people += [f"!person:{one}" for one in chosen]
        elif kind == "policy" and key in world["policies"]:
            policies.append(key)
        else:
            unknown = True
    return people, policies, unknown or participants is None


def count(world: World, target: dict[str, Any], minute: int) -> int:
    return len(everybody(world, target, minute)[0])


def whom(
    world: World, target: dict[str, Any], minute: int, now: int, around: Around
) -> tuple[set[str], list[str], bool]:
    """Returns (reachable people, policies that start, whether anything is unknown).

    minute: decides who is on call. now: the minute in which policies start. Only people with the mark ``!`` may be
    replaced here: a schedule has already replaced its people.
    """
    people, policies, unknown = everybody(world, target, minute)
    present = set()
    for person in people:
        name = person.rpartition(":")[2]
        if person.startswith("!"):
            name = world["away"].get(name, name)
        if name in world["reachable"]:
            present.add(name)
    return present, [name for name in policies if may_start(name, now, around)], unknown


def may_start(name: str, minute: int, around: Around) -> bool:
    """Whether a policy may start inside the policies ``around``."""
    return (name, minute) not in around and sum(outer == name for outer, _ in around) < AGAIN
