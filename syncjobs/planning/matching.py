"""Matches new people of a source with people here. Pure."""

from collections.abc import Mapping, Sequence

from oncall.emails import canonical_email
from syncjobs.planning.values import Candidate, Picture, Proposal


def candidate_ids(proposal: Proposal, picture: Picture) -> tuple[int, ...]:
    """Return the ids of the people here with this address. The item is stale if there are more when it is applied."""
    email = canonical_email(proposal.email)
    return tuple(c.state.id for c in picture.people.get(email or "", ()) if c.state.id is not None)


def match(proposal: Proposal, by_email: Mapping[str, Sequence[Proposal]], picture: Picture) -> Candidate | None:
    """Return the only person here with this address, or None. None also if several people at the source have it.

    What a person has decided about this person comes first.
    """
    mapped = picture.mapped.get(proposal.external_id)
    if mapped is not None:
        return mapped.person
    email = canonical_email(proposal.email)
    candidates = picture.people.get(email, ()) if email else ()
    if email is None or len(candidates) != 1 or len(by_email[email]) > 1 or candidates[0].former_id:
        return None
    return candidates[0]
