"""Names rows so that rows with one name can be told apart."""

from collections import Counter, defaultdict
from collections.abc import Collection, Mapping

from oncall.aggregates import Kind, fold
from oncall.tables.base import chunks
from syncjobs.models import ExternalLink


def numbered(name: str, row_id: int | None) -> str:
    """Return a name with the id of its row, such as ``Mobile #12``, as forms accept it. A planned row has no id."""
    return name if row_id is None else f"{name} #{row_id}"


class ToldApart:
    """The names of rows of one kind. A name that several of them have is followed by the connections of the row, such
    as ``Mobile (acme)``, and by its id if that is not enough. Makes a query per 500 rows whose name is not unique.
    """

    def __init__(self, kind: Kind, names: Mapping[int, str]) -> None:
        """names: of all rows that are asked for later, by id."""
        self._names = names
        self._connections: dict[int, set[str]] = defaultdict(set)
        for piece in chunks(sorted(_repeated(names))):
            links = ExternalLink.objects.filter(**{f"{kind}__in": piece}, connection__isnull=False)
            for row_id, connection in links.order_by().values_list(kind, "connection__name"):
                self._connections[row_id].add(connection)

    def of(self, row_ids: Collection[int]) -> dict[int, str]:
        """Return the names of some of the rows by id, as far as these rows need it to be told apart."""
        names = {row_id: self._names[row_id] for row_id in row_ids}
        for row_id in _repeated(names):
            connections = ", ".join(sorted(self._connections[row_id]))
            names[row_id] = f"{names[row_id]} ({connections})" if connections else names[row_id]
        return names | {row_id: numbered(names[row_id], row_id) for row_id in _repeated(names)}


def _repeated(names: Mapping[int, str]) -> set[int]:
    """Return the ids of the rows whose name another one has."""
    numbers = Counter(map(fold, names.values()))
    return {row_id for row_id, name in names.items() if numbers[fold(name)] > 1}
