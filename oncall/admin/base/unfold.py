"""The base classes of admins, inlines and model forms, with the type of their rows as an argument.

Admins allow only the look-ups that they declare.

Type checkers see Django's classes, which django-stubs makes generic; Unfold annotates some methods more narrowly than
Django. At runtime the classes are Unfold's, and take the argument through ``Generic``.
"""

from collections.abc import MutableMapping
from typing import TYPE_CHECKING, Generic, TypedDict, TypeVar

from django.db.models import Model
from django.forms.renderers import BaseRenderer
from django.forms.utils import ErrorList

if TYPE_CHECKING:
    from collections.abc import Mapping

    from django.contrib.admin import TabularInline
    from django.core.files.uploadedfile import UploadedFile
    from django.forms import ModelForm
    from django.utils.datastructures import MultiValueDict

    from oncall.admin.base.lookups import DeclaredLookups as ModelAdmin
else:
    from django import forms
    from unfold import admin

    from oncall.admin.base.lookups import DeclaredLookups

    _Row = TypeVar("_Row")
    _Owner = TypeVar("_Owner")

    class ModelAdmin(DeclaredLookups, admin.ModelAdmin, Generic[_Row]): ...

    class TabularInline(admin.TabularInline, Generic[_Row, _Owner]): ...

    class ModelForm(forms.ModelForm, Generic[_Row]): ...


__all__ = ["FormOptions", "ModelAdmin", "ModelForm", "ModelFormOptions", "TabularInline"]

_Instance = TypeVar("_Instance", bound=Model)


class FormOptions(TypedDict, total=False):
    """The arguments that a formset passes to its forms."""

    data: "Mapping[str, object] | None"
    files: "MultiValueDict[str, UploadedFile[bytes]] | None"
    auto_id: bool | str
    prefix: str | None
    initial: MutableMapping[str, object] | None
    error_class: type[ErrorList]
    label_suffix: str | None
    empty_permitted: bool
    use_required_attribute: bool | None
    renderer: BaseRenderer | None


class ModelFormOptions(FormOptions, Generic[_Instance], total=False):
    """The arguments that a formset passes to its model forms."""

    instance: _Instance | None
