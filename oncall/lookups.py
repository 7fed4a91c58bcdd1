"""A look-up of Django, for values that the column cannot contain."""

from typing import Any

from django.db.models import IntegerField
from django.db.models.fields.related import ForeignKey
from django.db.models.fields.related_lookups import RelatedIn
from django.db.models.lookups import In


class _WithoutOverflow:
    """Leaves out the integers that the column cannot contain. SQLite fails if it is given one.

    Django does so for every other look-up of an integer (``IntegerFieldOverflow``).
    """

    rhs: Any
    lhs: Any

    def process_rhs(self, compiler: Any, connection: Any) -> Any:
        if self.rhs_is_direct_value():  # type: ignore[attr-defined]
            column = self.lhs.output_field
            low, high = connection.ops.integer_field_range(getattr(column, "target_field", column).get_internal_type())
            self.rhs = [
                each
                for each in self.rhs
                if not isinstance(each, int) or ((low is None or low <= each) and (high is None or each <= high))
            ]
        return super().process_rhs(compiler, connection)  # type: ignore[misc]


@IntegerField.register_lookup
class IntegerIn(_WithoutOverflow, In):
    """``__in`` of an integer."""


@ForeignKey.register_lookup
class ForeignKeyIn(_WithoutOverflow, RelatedIn):
    """``__in`` of a foreign key."""
