"""What a plan or a decision changes about who is on call, as sentences and as a document."""

from collections.abc import Iterable
from typing import Any, Final

from oncall.rendering.codec import instant_to_text
from oncall.tables.base import local_id
from syncjobs.planning.impact.values import Change, Impact, Subject, Uncovered
from syncjobs.words.values import NameOf, when, who_in_words

#: The sentence if nothing changes.
NOTHING_CHANGES: Final = (
    "Who is on call stays the same now and in the next 24 hours, and no hours of the next 7 days become uncovered."
)
_NOBODY: Final = "nobody"
#: The words of the document for the kinds of subjects.
_WORDS: Final = {"schedule": "schedule", "escalation_policy": "policy"}


def impact_in_words(impact: Impact, name_of: NameOf) -> tuple[str, ...]:
    """Return a sentence for each change: those of now, then the later ones in order of time, then uncovered hours."""
    if impact.is_empty:
        return (NOTHING_CHANGES,)
    uncovered = sorted(impact.uncovered, key=lambda each: (each.since, _name(each.subject, name_of)))
    return (
        *(_sentence(each, "now", name_of) for each in _in_order(impact.now, name_of)),
        *(
            _sentence(each, f"from {when(instant_to_text(each.at))}", name_of)
            for each in _in_order(impact.next_24h, name_of)
        ),
        *(_uncovered(each, name_of) for each in uncovered),
    )


def impact_document(impact: Impact | None, name_of: NameOf) -> dict[str, Any]:
    """Return an impact as JSON with names. None, which was not computed, changes nothing at no instant."""
    if impact is None:
        return {"at": None, "now": [], "next_24h": [], "uncovered": []}
    return {
        "at": instant_to_text(impact.at),
        "now": [_change(each, name_of) for each in _in_order(impact.now, name_of)],
        "next_24h": [
            {**_change(each, name_of), "at": instant_to_text(each.at)} for each in _in_order(impact.next_24h, name_of)
        ],
        "uncovered": [
            {
                _WORDS[each.subject.kind]: _name(each.subject, name_of),
                "since": instant_to_text(each.since),
                "until": instant_to_text(each.until),
                "hours": each.hours,
            }
            for each in impact.uncovered
        ],
    }


def request_names(impact: Impact, name_of: NameOf) -> None:
    """Request all names of an impact, so that they can be loaded together."""
    impact_document(impact, name_of)


def _in_order(changes: Iterable[Change], name_of: NameOf) -> list[Change]:
    return sorted(changes, key=lambda each: (each.at, each.subject.kind != "schedule", _name(each.subject, name_of)))


def _name(subject: Subject, name_of: NameOf) -> str:
    return name_of(subject.kind, subject.key)


def _change(change: Change, name_of: NameOf) -> dict[str, Any]:
    return {
        _WORDS[change.subject.kind]: _name(change.subject, name_of),
        "before": sorted(who_in_words(each, name_of) for each in change.before),
        "after": sorted(who_in_words(each, name_of) for each in change.after),
    }


def _sentence(change: Change, at: str, name_of: NameOf) -> str:
    before, after = (_people(who, name_of) for who in (change.before, change.after))
    if before == after:  # different people of one name
        before, after = (_people(who, name_of, numbered=True) for who in (change.before, change.after))
    subject = _name(change.subject, name_of)
    what = f"On call {at} in {subject}" if change.subject.kind == "schedule" else f"First paged {at} by {subject}"
    return f"{what}: {after} instead of {before}."


def _people(who: Iterable[str], name_of: NameOf, *, numbered: bool = False) -> str:
    names = [f"{who_in_words(each, name_of)}{_number(each) if numbered else ''}" for each in who]
    return ", ".join(sorted(names)) or _NOBODY


def _number(text: str) -> str:
    pk = local_id(text.partition(":")[2])
    return "" if pk is None else f" #{pk}"


def _uncovered(each: Uncovered, name_of: NameOf) -> str:
    since, until = (when(instant_to_text(instant)) for instant in (each.since, each.until))
    return f"Nobody is on call in {_name(each.subject, name_of)} from {since} to {until} ({each.hours:g} h)."
