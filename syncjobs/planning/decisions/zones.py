"""Decides questions about time zones: what a text of the source means. Pure."""

from connectors.zones.timezones import convert
from oncall.rendering.zones import zone_names
from syncjobs.planning.decisions.values import LATER, Arguments, Outcome, Question, Refused, RuleDraft, Sides


def has_suggestion(question: Question) -> bool:
    """Return whether the evidence names a zone that may be meant."""
    return bool(question.evidence.get("candidates"))


def confirm(question: Question, arguments: Arguments, sides: Sides) -> Outcome:
    """Use the most likely zone, or another one of the suggested zones."""
    candidates = [str(zone) for zone in question.evidence["candidates"]]
    zone = arguments.get("zone") or candidates[0]
    if zone not in candidates:
        raise Refused("invalid_argument", f"zone: {zone} is none of the suggestions: {', '.join(candidates)}.")
    return _rule(question, zone, sides)


def choose(question: Question, arguments: Arguments, sides: Sides) -> Outcome:
    """Use a zone that a person names."""
    return _rule(question, arguments["zone"], sides)


def _rule(question: Question, zone: str, sides: Sides) -> Outcome:
    name = convert(zone).zone if zone in zone_names() else None
    if name is None:
        raise Refused("invalid_argument", f"zone: {zone!r} is no time zone. Write a name such as Europe/Berlin.")
    raw = str(question.evidence["raw"])
    rule = RuleDraft(raw, "choose", {"zone": name})
    means = f"{raw or 'No time zone'} means {name} from now on"
    if sides.link is None:
        # The schedule is only planned. A read of it alone would import it without a review.
        return Outcome(deferred=f"{means}; this {LATER}", awaits="plan", rule=rule)
    return Outcome(deferred=means, reads=(question.external_id,), rule=rule)
