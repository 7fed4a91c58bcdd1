"""The page that shows each part of pages in each of its forms. Only a site with ``DEBUG`` has it."""

from django.contrib import admin
from django.http import HttpRequest, HttpResponse
from django.shortcuts import render

from oncall.parts import SIGNS, Segment, Step

_LONG = "A name that is much longer than the place for it " * 8
_HOSTILE = "<b>Ada</b> & \u202eאדה\u202c 🚨"


def parts_page(request: HttpRequest) -> HttpResponse:
    context = {
        **admin.site.each_context(request),
        "title": "Parts of pages",
        "colours": [colour or "none" for colour in SIGNS],
        "names": [_HOSTILE, _LONG],
        "segments": [Segment(f"Run {place}: {colour or 'cancelled'}", colour) for place, colour in enumerate(SIGNS, 1)]
        + [Segment("Run 6: this page", "success", "#strip", is_this=True)],
        "steps": [
            Step("Connect", "done", url="#steps", note="2 min ago"),
            Step("Choose", "now"),
            Step(_HOSTILE, "failed", note="3 of 4 read"),
            Step("Apply", "next"),
        ],
        "amounts": [(0, 40), (12, 40), (40, 40), (12, None), (0, 0)],
    }
    return render(request, "parts/page.html", context)
