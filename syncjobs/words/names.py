"""Names for the keys in plans and conflicts. They are loaded in a few queries, however many keys there are."""

from collections import defaultdict
from collections.abc import Iterable
from typing import Final

from django.db.models import F, Value
from django.db.models.functions import Coalesce, NullIf

from connectors.records import ENTITY_TYPES, ENTITY_WORDS
from oncall.masking import hide_addresses
from oncall.models import ContactMethod
from oncall.tables.base import chunks
from oncall.tables.kinds import ROOTS
from syncjobs.models import ROW_COLUMNS, ExternalLink, SyncItem, SyncRun

_LOCAL: Final = "local:"
#: One query loads the rows of so many chunks of ids.
_TOGETHER: Final = 10


class Names:
    """Returns the names of objects and contact methods when it is called with a kind and a key.

    Request all names first, call :meth:`load`, then request them again. A key is ``<connection>:<external id>`` or
    ``local:<row id>``. An object that is neither here nor in the plan of the run gets a name from its kind and id.
    with_addresses: False hides the addresses of contact methods.
    """

    def __init__(self, run: SyncRun | None = None, *, with_addresses: bool = True) -> None:
        self._run = run
        self._with_addresses = with_addresses
        self._requested: set[tuple[str, str]] = set()
        self._names: dict[tuple[str, str], str] = {}

    def __call__(self, kind: str, key: str) -> str:
        return self.find(kind, key) or self._substitute_name(kind, key)

    def find(self, kind: str, key: str) -> str:
        """Return the name, or an empty text if the object is unknown."""
        self._requested.add((kind, key))
        return self._names.get((kind, key), "")

    def load(self) -> None:
        """Load the names of all requested keys."""
        wanted = self._requested - self._names.keys()
        local = {(kind, key) for kind, key in wanted if key.startswith(_LOCAL)}
        methods = {key for kind, key in wanted if kind == "contact_method"}
        self._load_local(local)
        self._load_methods(methods)
        objects = {pair for pair in wanted - local if pair[0] in ROW_COLUMNS}
        self._load_links(objects)
        self._load_planned(objects - self._names.keys())

    def _load_local(self, wanted: Iterable[tuple[str, str]]) -> None:
        by_kind: dict[str, list[int]] = defaultdict(list)
        for kind, key in wanted:
            number = key.removeprefix(_LOCAL)
            if number.isascii() and number.isdigit():
                by_kind[kind].append(int(number))
        named = [
            ROOTS[kind].rows.filter(pk__in=piece).order_by().values_list(Value(kind), "pk", "name")
            for kind in ENTITY_TYPES
            for piece in chunks(by_kind[kind])
        ]
        for start in range(0, len(named), _TOGETHER):
            first, *others = named[start : start + _TOGETHER]
            for kind, pk, name in first.union(*others, all=True):
                self._names[kind, f"{_LOCAL}{pk}"] = name

    def _load_methods(self, keys: Iterable[str]) -> None:
        for piece in chunks(sorted(keys)):
            for method in ContactMethod.objects.filter(source_key__in=piece):
                if not self._with_addresses:
                    hide_addresses(method)
                self._names["contact_method", method.source_key or ""] = str(method)

    def _load_links(self, wanted: set[tuple[str, str]]) -> None:
        ids = sorted({key.partition(":")[2] for _, key in wanted})
        for piece in chunks(ids):
            links = ExternalLink.objects.filter(external_id__in=piece).annotate(
                label=Coalesce(*(F(f"{kind}__name") for kind in ROW_COLUMNS), NullIf(F("source_label"), Value("")))
            )
            for kind, connection, external_id, label in links.values_list(
                "entity_type", "connection_id", "external_id", "label"
            ):
                if label and (kind, f"{connection}:{external_id}") in wanted:
                    self._names[kind, f"{connection}:{external_id}"] = label

    def _load_planned(self, wanted: set[tuple[str, str]]) -> None:
        """Load the names of objects that the run will create."""
        if self._run is None:
            return
        for piece in chunks(sorted({key.partition(":")[2] for _, key in wanted})):
            items = SyncItem.objects.filter(run=self._run, external_id__in=piece)
            for kind, external_id, label in items.values_list("entity_type", "external_id", "label"):
                self._names.setdefault((kind, f"{self._run.connection_id}:{external_id}"), label)

    def _substitute_name(self, kind: str, key: str) -> str:
        word = next((ENTITY_WORDS[each][0] for each in ENTITY_TYPES if each == kind), kind.replace("_", " "))
        return f"{word} {key.rpartition(':')[2] if kind == 'contact_method' else key.partition(':')[2] or key}"
