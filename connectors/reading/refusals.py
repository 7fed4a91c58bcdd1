"""Counts refused reads of single objects, so that a credential without the right is recognised early."""

from typing import Final

from connectors.errors import ConnectorError
from connectors.reading.findings import Findings
from connectors.records import EntityType

#: After this number of refusals without a single answer, the credential is at fault and not the objects.
_MAXIMUM: Final = 3


class Refusals:
    """Counts the refused reads of single objects of one read.

    After three refusals without a single answer ``are_final`` is true, and one note says so: the caller stops reading
    these objects. The caller sets ``answered`` when an object could be read. code: the code of the note. words: the
    beginning of its message, which says what is left out.
    """

    def __init__(self, findings: Findings, entity_type: EntityType, *, code: str, words: str) -> None:
        self._findings = findings
        self._entity_type = entity_type
        self._code = code
        self._words = words
        self._count = 0
        self.answered = False

    @property
    def are_final(self) -> bool:
        return not self.answered and self._count >= _MAXIMUM

    def add(self, error: ConnectorError) -> None:
        """Counts one refusal. error: the refusal, whose message the note repeats."""
        self._count += 1
        if self.are_final:
            self._findings.note(self._entity_type, None, self._code, f"{self._words}: {error.message}")
