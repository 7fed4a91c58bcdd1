"""The parts that all pages share: ``{% load parts %}``. Their templates are in ``templates/parts``.

A tag sees only its arguments, so that a variable of the page never becomes one of a part. The page ``admin/parts/``
shows all of them while ``DEBUG`` is on.
"""

from collections.abc import Sequence
from typing import Any

from django import template
from django.template.loader import render_to_string

from oncall.parts import Segment, Step

register = template.Library()


@register.inclusion_tag("parts/badge.html")
def badge(text: str, colour: str = "", url: str = "", title: str = "") -> dict[str, Any]:
    """Show a state or an origin in one or two words. colour: success, warning, danger, info, source or empty."""
    return {"text": text, "colour": colour, "url": url, "tip": title}


@register.inclusion_tag("parts/strip.html")
def strip(segments: Sequence[Segment], label: str) -> dict[str, Any]:
    """Show outcomes of one thing, the oldest first. label: what they are."""
    return {"segments": segments, "label": label}


@register.inclusion_tag("parts/bar.html")
def bar(done: int, total: int | None, label: str) -> dict[str, Any]:
    """Show how much is done. total: if it is None, only the number is shown and no share is invented."""
    return {"done": done, "total": total, "label": label}


@register.inclusion_tag("parts/steps.html")
def steps(steps: Sequence[Step], label: str) -> dict[str, Any]:
    """Show steps in their order, with what is done. label: what they lead to."""
    return {"steps": steps, "label": label}


@register.simple_block_tag
def card(content: str, title: str = "", label: str = "", id: str = "", count: int | None = None) -> str:  # noqa: A002
    """Show one subject of a page. label: its name for screen readers where it has no title. count: beside the title."""
    values = {"content": content, "title": title, "label": label or title, "id": id, "count": count}
    return render_to_string("parts/card.html", values)


@register.simple_block_tag
def empty_state(content: str, title: str, hint: str = "") -> str:
    """Show a text instead of a list without rows. The content are buttons, or nothing."""
    return render_to_string("parts/empty.html", {"content": content, "title": title, "hint": hint})


@register.simple_block_tag
def bulk_bar(content: str, label: str, status: str = "", status_id: str = "") -> str:
    """Show the buttons for the ticked rows. status: how many are ticked, in words; a script finds it by its id."""
    values = {"content": content, "label": label, "status": status, "status_id": status_id}
    return render_to_string("parts/bulk_bar.html", values)
