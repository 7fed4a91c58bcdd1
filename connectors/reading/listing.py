"""A list of the vendor, read page by page as far as it is needed; what fails is named and the rest goes on."""

import math
from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass
from typing import Final, Generic

from connectors.base import Progress
from connectors.errors import ConnectorError, NotFound, PermissionMissing, ProviderUnavailable, UnexpectedResponse
from connectors.network.client import JsonValue
from connectors.reading.findings import Findings, Vendor, W
from connectors.records import Completeness, EntityType

#: What costs one listing or one object. Anything else (a refused key, a rate limit, a stop) ends the whole read.
RECOVERABLE: Final = (PermissionMissing, NotFound, UnexpectedResponse, ProviderUnavailable)

#: So many refusals and not one answer: it is the credential, not the objects.
_REFUSALS: Final = 3


class Incomplete(UnexpectedResponse):
    """A list ended before all that it had announced came."""

    code = "incomplete_list"


@dataclass(frozen=True, slots=True)
class Page:
    """One page of a listing. total: as told, None = not."""

    items: tuple[JsonValue, ...]
    total: int | None = None


def whole(pages: Iterable[Page]) -> list[JsonValue]:
    """All pages as one list, of a vendor that does not tell how much there is."""
    return [item for page in pages for item in page.items]


def announced(pages: Iterable[Page], vendor: Vendor, words: str, path: str) -> list[JsonValue]:
    """All pages as one list, of a vendor that tells how much there is. Raises ConnectorError, :class:`Incomplete` for
    less than that. words: how a message calls what is listed, "members of the shift S1"."""
    found: list[JsonValue] = []
    total: int | None = None
    for page in pages:
        found += page.items
        total = page.total if page.total is not None else total
    if total is not None and len(found) < total:
        message = f"{total} {words} were announced, {len(found)} came."
        raise Incomplete(message, hint=vendor.hint, provider=vendor.provider, path=path)
    return found


def optional(
    ask: Callable[[], JsonValue],
    model: type[W],
    findings: Findings,
    entity_type: EntityType,
    external_id: str | None,
    *,
    words: str,
    code: str,
    path: str,
) -> tuple[W, ...] | None:
    """All of the list that ``ask`` returns, or None = not told: with a note where it is not there, may not be read or
    was told in part, with a failure of the object that says why in all other cases. words: how a message calls it, "Its
    members"."""
    try:
        raw = ask()
    except (NotFound, PermissionMissing, Incomplete) as error:
        findings.note(entity_type, external_id, code, f"{words} could not be read: {error.message}", path)
        return None
    except RECOVERABLE as error:
        findings.fail(entity_type, external_id, error)
        return None
    if not isinstance(raw, list):
        findings.fail(entity_type, external_id, findings.vendor.invalid("invalid_value", path, f"{words} are no list."))
        return None
    return findings.read_all(model, raw, entity_type, external_id, path)


def is_cheaper(total: int | None, read: int, page: int, calls: int) -> bool:
    """Whether the rest of a list of ``total``, ``page`` objects a call, takes no more than so many calls. A total that
    is not told counts as few."""
    return total is None or math.ceil((total - read) / page) <= calls


class Refusals:
    """Refused reads of single objects. When there are too many and none was ``answered``, a note says so, once, and
    nothing more is to be asked. code, words: of that note; ``words`` tells what is left out."""

    def __init__(self, findings: Findings, entity_type: EntityType, *, code: str, words: str) -> None:
        self._findings = findings
        self._entity_type = entity_type
        self._code = code
        self._words = words
        self._count = 0
        self.answered = False

    @property
    def are_final(self) -> bool:
        return not self.answered and self._count >= _REFUSALS

    def add(self, error: ConnectorError) -> None:
        self._count += 1
        if self.are_final:
            self._findings.note(self._entity_type, None, self._code, f"{self._words}: {error.message}")


class Listing(Generic[W]):
    """Objects by id in the order sent. total: as told. error: what ended the reading early."""

    def __init__(
        self,
        pages: Iterator[Page],
        model: type[W],
        entity_type: EntityType,
        key: str,
        findings: Findings,
        progress: Progress,
        on_page: Callable[[Iterable[W]], None] | None = None,
    ) -> None:
        self._pages = pages
        self._model = model
        self._entity_type = entity_type
        self._key = key
        self._findings = findings
        self._progress = progress
        self._on_page = on_page
        self.objects: dict[str, W] = {}
        self.total: int | None = None
        self.error: ConnectorError | None = None
        self.page_count = 0
        self.finished = False
        self._read = 0
        self._unreadable = 0

    def is_cheaper_than(self, calls: int, page: int, total: int | None = None) -> bool:
        """As :func:`is_cheaper`, of reading on. total: of all objects, when the list itself does not tell it."""
        return is_cheaper(self.total if total is None else total, len(self.objects), page, calls)

    def read(self, pages: int | None = None) -> None:
        """The next ``pages`` pages, None = all that are left."""
        try:
            while not self.finished and pages != 0:
                page = next(self._pages, None)
                if page is None:
                    self.finished = True
                    break
                self._take(page)
                pages = None if pages is None else pages - 1
        except RECOVERABLE as error:
            self.error = error
            self.finished = True

    @property
    def completeness(self) -> Completeness:
        word = self._key.replace("_", " ")
        if self.error is not None:
            return Completeness(False, str(self.error))
        if not self.finished:
            return Completeness(False, f"Only the {word} that are needed were read.")
        if self._unreadable:
            return Completeness(False, f"{self._unreadable} of the {word} have no id.")
        if self.total is not None and len(self.objects) < self.total - self._rejected():
            return Completeness(False, f"{self.total} {word} were announced, {len(self.objects)} came.")
        return Completeness(True)

    def _rejected(self) -> int:
        return sum(1 for failed in self._findings.failed if failed.entity_type == self._entity_type)

    def _take(self, page: Page) -> None:
        self.page_count += 1
        self.total = page.total if page.total is not None else self.total
        for raw in page.items:
            id_ = raw.get("id") if isinstance(raw, dict) else None
            external_id = id_ if isinstance(id_, str) and id_ else None
            at = f"{self._key}[{self._read}]" if external_id is None else ""
            self._read += 1
            found = self._findings.read(self._model, raw, self._entity_type, external_id, at)
            if external_id is None:
                self._unreadable += 1
            elif found is not None:
                if self.objects.get(external_id, found) != found:
                    message = "It changed while the list was read; the later state was taken."
                    self._findings.note(self._entity_type, external_id, "changed_while_reading", message)
                self.objects[external_id] = found
        if self._on_page is not None:
            self._on_page(self.objects.values())
        self._progress(self._entity_type, self._read, self.total)
