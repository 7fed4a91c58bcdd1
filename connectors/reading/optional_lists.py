"""Reads a list of one object that may be missing without loss of the object, for example the members of a team."""

from collections.abc import Callable

from connectors.errors import NotFound, PermissionMissing
from connectors.network.client import JsonValue
from connectors.reading.findings import Elements, Findings, W
from connectors.reading.listing import RECOVERABLE, Incomplete
from connectors.records import EntityType


def read_optional_list(
    fetch: Callable[[], JsonValue],
    model: type[W],
    findings: Findings,
    entity_type: EntityType,
    external_id: str | None,
    *,
    words: str,
    code: str,
    path: str,
    ended: Callable[[object], bool] = lambda raw: False,
    hides: bool = True,
) -> Elements[W] | None:
    """The elements of the list that ``fetch`` returns, or None when the list is not known.

    A list that does not exist, may not be read or is incomplete leaves a note on the object. Any other error of the
    list becomes a failure of the object. An error that ends the whole read is raised.

    entity_type, external_id: the object. words: the list in a message, for example "Its members". code: the code of the
    note. path: the JSON path of the list. ended: as of :meth:`Findings.read_all`. hides: whether the elements
    refer to other objects.
    """
    try:
        raw = fetch()
    except (NotFound, PermissionMissing, Incomplete) as error:
        message = f"{words} could not be read: {error.message}"
        findings.note(entity_type, external_id, code, message, path, loss=True, hides=hides)
        return None
    except RECOVERABLE as error:
        findings.fail(entity_type, external_id, error)
        return None
    if not isinstance(raw, list):
        findings.fail(entity_type, external_id, findings.vendor.invalid("invalid_value", path, f"{words} are no list."))
        return None
    return findings.read_all(model, raw, entity_type, external_id, path, ended=ended)
