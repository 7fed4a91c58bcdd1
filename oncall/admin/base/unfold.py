"""The base classes of admins and inlines, with the type of their rows as an argument.

Admins allow only the look-ups that they declare.

Type checkers see Django's classes, which django-stubs makes generic; Unfold annotates some methods more narrowly than
Django. At runtime the classes are Unfold's, and take the argument through ``Generic``.
"""

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from django.contrib.admin import TabularInline

    from oncall.admin.base.lookups import DeclaredLookups as ModelAdmin
else:
    from typing import Generic, TypeVar

    from unfold import admin

    from oncall.admin.base.lookups import DeclaredLookups

    _Row = TypeVar("_Row")
    _Owner = TypeVar("_Owner")

    class ModelAdmin(DeclaredLookups, admin.ModelAdmin, Generic[_Row]): ...

    class TabularInline(admin.TabularInline, Generic[_Row, _Owner]): ...


__all__ = ["ModelAdmin", "TabularInline"]
