"""Finds decisions that are not carried out yet, because their objects have no link. Pure."""

from collections.abc import Iterable, Mapping

from connectors.records import entity_type_of
from oncall.aggregates import Kind
from syncjobs.planning.decisions.people import matched_people
from syncjobs.planning.values import ConflictDraft, OpenConflict, Picture, Proposal


def is_pending(conflict: OpenConflict, proposals: Mapping[Kind, Mapping[str, Proposal]], picture: Picture) -> bool:
    """Return whether a decision is not carried out yet, because it is about an object that will get its link later.

    The plan contains what was decided, so it shows no cause of the question. The question stays until the plan is
    applied: otherwise another plan in its place would not know the decision.
    """
    if not conflict.decided or not conflict.awaits:
        return False
    kind = entity_type_of(conflict.entity_type)
    decided = {*matched_people(conflict.arguments, conflict.external_id)} or {conflict.external_id}
    return any(id_ in proposals[kind] and id_ not in picture.links[kind] for id_ in decided)


def restored_objects(conflicts: Iterable[OpenConflict]) -> set[tuple[str, str]]:
    """Return the kinds and ids of the objects whose deleted rows a plan creates again, as it was decided."""
    return {
        (each.entity_type, each.external_id)
        for each in conflicts
        if each.kind == "deleted_here" and each.decided and each.choice == "restore" and each.awaits
    }


def is_part(draft: ConflictDraft, conflict: OpenConflict | None) -> bool:
    """Return whether a question is about some of the rows of a pending decision, as the others are matched already."""
    return conflict is not None and bool(draft.keys) and set(draft.keys) < set(conflict.keys)
