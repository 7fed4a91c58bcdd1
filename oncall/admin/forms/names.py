"""Form fields in which rows are named: as text that the directory looks up, with suggestions while the user types."""

from typing import Any
from urllib.parse import urlencode

from django import forms
from django.core.exceptions import PermissionDenied
from django.http import HttpRequest, JsonResponse
from django.urls import reverse
from django.views.decorators.http import require_GET
from unfold.widgets import UnfoldAdminTextareaWidget, UnfoldAdminTextInputWidget

from oncall.admin.forms.directory import KIND_WORDS, NOBODY, Directory, one_line
from oncall.aggregates import Kind
from oncall.models.root import NAME_LENGTH
from oncall.selectors.visible import acts_as_lead, may_view_all
from oncall.tables.kinds import ROOTS


class _Suggests(forms.Widget):
    """A widget whose text names rows. kinds: of the rows. nobody: whether “nobody” is suggested, too."""

    class Media:
        js = ("oncall/names.js",)

    kinds: tuple[Kind, ...] = ()
    nobody = False

    def build_attrs(self, base_attrs: dict[str, Any], extra_attrs: dict[str, Any] | None = None) -> dict[str, Any]:
        query = urlencode({"kinds": ",".join(self.kinds), **({NOBODY: "1"} if self.nobody else {})})
        own = {"autocomplete": "off", "data-rb-names": f"{reverse('admin:oncall_responder_names')}?{query}"}
        return super().build_attrs({**base_attrs, **own}, extra_attrs)


class NameInput(_Suggests, UnfoldAdminTextInputWidget):
    """Names one row."""


class NameLines(_Suggests, UnfoldAdminTextareaWidget):
    """Names a row in each line."""


class NameField(forms.CharField):
    """The text that names a row, in one line."""

    def __init__(self, *kinds: Kind, nobody: bool = False, placeholder: str = "Name", **options: Any) -> None:
        widget = NameInput({"placeholder": placeholder, "aria-label": options.get("label", placeholder)})
        widget.kinds, widget.nobody = kinds, nobody
        super().__init__(widget=widget, **options)

    def to_python(self, value: object) -> str:
        return one_line(super().to_python(value) or "")


@require_GET
def names_view(request: HttpRequest) -> JsonResponse:
    """Returns what the text ``term`` may name, as JSON: a list of objects with ``text`` and ``note``.

    The query has ``kinds``, with commas, and ``nobody`` if nobody can be named. Only visible rows are suggested.
    """
    models = (ROOTS[kind].rows.model for kind in KIND_WORDS)
    if not acts_as_lead(request.user) and not any(may_view_all(request.user, model) for model in models):
        raise PermissionDenied
    kinds = tuple(kind for kind in KIND_WORDS if kind in request.GET.get("kinds", "").split(","))
    term = request.GET.get("term", "")
    if len(term) > NAME_LENGTH or "\0" in term:
        return JsonResponse({"results": []})
    rows = Directory.of(request).suggest(term, *kinds)
    results = [{"text": row.label, "note": row.note} for row in rows]
    if NOBODY in request.GET and NOBODY.startswith(term.strip().lower()):
        results.insert(0, {"text": NOBODY, "note": "leaves it vacant"})
    return JsonResponse({"results": results})
