"""The base class of model forms, with the type of its row as an argument, and the arguments of forms.

Type checkers see the class of Django, which django-stubs makes generic. At runtime it has one, too.
"""

from collections.abc import MutableMapping
from typing import TYPE_CHECKING, Generic, TypedDict, TypeVar

from django.db.models import Model
from django.forms.renderers import BaseRenderer
from django.forms.utils import ErrorList

if TYPE_CHECKING:
    from collections.abc import Mapping

    from django.core.files.uploadedfile import UploadedFile
    from django.forms import ModelForm
    from django.utils.datastructures import MultiValueDict
else:
    from django import forms

    _Row = TypeVar("_Row")

    class ModelForm(forms.ModelForm, Generic[_Row]): ...


__all__ = ["FormOptions", "ModelForm", "ModelFormOptions"]

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
