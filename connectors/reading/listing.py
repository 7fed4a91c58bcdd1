"""A list of the vendor: its objects, how much of it was read, and whether it is complete."""

import math
from collections.abc import Callable, Iterable, Iterator
from typing import Final, Generic

from connectors.base import Progress
from connectors.errors import ConnectorError, NotFound, PermissionMissing, ProviderUnavailable, UnexpectedResponse
from connectors.network.client import JsonValue
from connectors.reading.findings import Findings, Vendor, W
from connectors.reading.pages import Page
from connectors.records import ENTITY_WORDS, Completeness, EntityType

#: Errors that cost one list or one object. Any other error (a refused key, a rate limit, a stop) ends the whole read.
RECOVERABLE: Final = (PermissionMissing, NotFound, UnexpectedResponse, ProviderUnavailable)


class Incomplete(UnexpectedResponse):
    """A list ended before all objects that the vendor had announced came."""

    code = "incomplete_list"


def shortfall(total: int | None, count: int, words: str, *, rejected: int = 0) -> str:
    """The message that a list is incomplete, empty when it is complete or when the vendor reported no total.

    total: the number of objects that the vendor reported. count: the number that came. rejected: the number that came
    and could not be read. words: the objects in the message, for example "members of the shift S1".
    """
    if total is None or count >= total - rejected:
        return ""
    return f"{total} {words} were announced, {count} came."


def all_items(pages: Iterable[Page], vendor: Vendor, words: str, path: str) -> list[JsonValue]:
    """The items of all pages as one list. words: as of :func:`shortfall`. path: the JSON path of the list.

    Raises ConnectorError as reading the pages does, and :class:`Incomplete` for a list that ended too early.
    """
    items: list[JsonValue] = []
    total: int | None = None
    for page in pages:
        items += page.items
        total = page.total if page.total is not None else total
    message = shortfall(total, len(items), words)
    if message:
        raise Incomplete(message, hint=vendor.hint, provider=vendor.provider, path=path)
    return items


def is_cheaper(total: int | None, count: int, page: int, calls: int) -> bool:
    """Whether the rest of a list takes no more than ``calls`` calls.

    total: the number of objects in the list; None, not reported, counts as few. count: how many were read already.
    page: the number of objects in one page.
    """
    return total is None or math.ceil((total - count) / page) <= calls


class Listing(Generic[W]):
    """A list that is read page by page.

    objects: the readable objects by id, in the order sent. total: the number of objects that the vendor reported, None
    = not reported. error: the error that ended the list early. page_count: the number of pages that came. count: the
    number of objects that came, readable or not. finished: whether the list has no further page to read.

    key: the list's name in JSON paths, for example "shift_schedules". on_page: called after every page
    with the objects of all pages so far.
    """

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
        self.count = 0
        self._without_id = 0
        self._rejected = 0

    def is_cheaper_than(self, calls: int, page: int, total: int | None = None) -> bool:
        """Whether reading the rest takes no more than ``calls`` calls; see :func:`is_cheaper`.

        page: the number of objects in one page. total: the number of objects in the list, when the list itself does not
        report it.
        """
        return is_cheaper(self.total if total is None else total, len(self.objects), page, calls)

    def expect(self, total: int | None) -> None:
        """Takes a total that the vendor reported elsewhere. Of two totals, the larger counts. None = not reported."""
        self.total = max((each for each in (self.total, total) if each is not None), default=None)

    def read(self, pages: int | None = None) -> None:
        """Reads the next ``pages`` pages, None = all pages that are left."""
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
        """Whether the list was read to its end, and if not, the reason."""
        word = ENTITY_WORDS[self._entity_type][1]
        if self.error is not None:
            return Completeness(False, str(self.error))
        if not self.finished:
            return Completeness(False, f"Only the {word} that are needed were read.", by_design=True)
        if self._without_id:
            return Completeness(False, f"{self._without_id} of the {word} have no id.")
        message = shortfall(self.total, len(self.objects), word, rejected=self._rejected)
        return Completeness(not message, message)

    def _take(self, page: Page) -> None:
        self.page_count += 1
        self.total = page.total if page.total is not None else self.total
        for raw in page.items:
            id_ = raw.get("id") if isinstance(raw, dict) else None
            external_id = id_ if isinstance(id_, str) and id_.strip() else None
            at = f"{self._key}[{self.count}]" if external_id is None else ""
            self.count += 1
            found = self._findings.read(self._model, raw, self._entity_type, external_id, at)
            if external_id is None:
                self._without_id += 1
            elif found is None:
                self._rejected += 1
            else:
                if self.objects.get(external_id, found) != found:
                    message = "It changed while the list was read; the later state was taken."
                    self._findings.note(self._entity_type, external_id, "changed_while_reading", message)
                self.objects[external_id] = found
        if self._on_page is not None:
            self._on_page(self.objects.values())
        self._progress(self._entity_type, self.count, self.total)
