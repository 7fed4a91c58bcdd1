"""Matches new people of a source with people here. Pure."""

from collections.abc import Mapping, Sequence

from syncjobs.planning.values import Candidate, Picture, Proposal


def candidate_ids(proposal: Proposal, picture: Picture) -> tuple[int, ...]:
    """Return the ids of the people here with this address. The item is stale if there are more when it is applied."""
    found = [candidate for email in proposal.addresses for candidate in picture.people.get(email, ())]
    return tuple(candidate.state.id for candidate in found if candidate.state.id is not None)


def match(proposal: Proposal, by_email: Mapping[str, Sequence[Proposal]], picture: Picture) -> Candidate | None:
    """Return the only person here with this address, or None. None also if several people at the source have it.

    What a person has decided about this person comes first.
    """
    mapped = picture.mapped.get(proposal.external_id)
    if mapped is not None:
        return mapped.person
    for email in proposal.addresses:
        candidates = picture.people.get(email, ())
        if candidates:
            only = len(candidates) == 1 and is_alone(proposal, email, by_email)
            return candidates[0] if only and not candidates[0].former_id else None
    return None


def is_alone(proposal: Proposal, email: str, by_email: Mapping[str, Sequence[Proposal]]) -> bool:
    """Return whether nobody else at the source has this address."""
    return all(other is proposal for other in by_email.get(email, ()))
