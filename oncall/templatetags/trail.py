"""The path in the header of a page, from the group of the sidebar down."""

from collections.abc import Sequence
from typing import Any

from django import template
from django.conf import settings
from django.db.models import Model
from django.utils.text import capfirst

register = template.Library()


@register.simple_tag(takes_context=True)
def trail(context: template.Context, parts: Sequence[dict[str, Any]]) -> Sequence[dict[str, Any]]:
    """Return the parts ``{"title", "link"}`` of the path. A view may set them: ``request.trail``.

    parts: what the theme shows. Lists get the titles that they have in the sidebar, below the title of their group,
    if it has one.
    """
    sites: tuple[Any, ...] = (settings.UNFOLD, settings.UNFOLD_EVERYBODY)
    entries = {
        str(each["link"]): (group.get("title", ""), each["title"])
        for theme in sites
        for group in theme["SIDEBAR"]["navigation"]
        for each in group["items"]
    }
    own: Sequence[dict[str, Any]] | None = getattr(context["request"], "trail", None)
    shown = list(own or [{**part, "title": _of_theme(part["title"])} for part in parts])
    for place, part in enumerate(shown):
        if found := entries.get(str(part.get("link", ""))):
            group, title = found
            shown[: place + 1] = [*([{"title": group, "link": ""}] if group else []), {**part, "title": title}]
            break
    return shown


def _of_theme(title: Any) -> str:
    """Return the name of a model with a capital letter, and that of a row as it is."""
    return str(title) if isinstance(title, Model) else capfirst(title)
