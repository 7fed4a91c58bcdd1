"""The parts that all pages share."""

import pytest
from django.template import Context, Template
from django.test import Client

from oncall.parts import Segment, Step


def shown(template: str, **values: object) -> str:
    return " ".join(Template("{% load parts %}" + template).render(Context(values)).split())


@pytest.mark.usefixtures("pages_of_debug")
def test_with_debug_one_page_shows_each_part(admin_client: Client) -> None:
    page = admin_client.get("/admin/parts/").content.decode()
    for name in ("rb-card", "rb-badge", "rb-strip", "rb-bar", "rb-empty", "rb-bulk", "rb-line-of-steps"):
        assert f'class="{name}' in page
    assert "<b>Ada</b>" not in page


@pytest.mark.usefixtures("pages_of_debug")
def test_the_page_of_parts_needs_a_login(client: Client) -> None:
    assert client.get("/admin/parts/").status_code == 302


def test_without_debug_there_is_no_page_of_parts(admin_client: Client) -> None:
    assert admin_client.get("/admin/parts/").status_code == 404


def test_a_bar_without_a_total_shows_a_number_and_no_share() -> None:
    unknown = shown("{% bar 12 None 'Fetched' %}")
    assert "12" in unknown and "progress" not in unknown and "%" not in unknown
    known = shown("{% bar 12 40 'Fetched' %}")
    assert "12 of 40" in known and 'max="40" value="12"' in known and 'aria-label="Fetched"' in known


def test_a_part_sees_only_its_arguments() -> None:
    assert (
        shown("{% badge 'off' %}", title="Title of the page", url="/somewhere/") == '<span class="rb-badge">off</span>'
    )


@pytest.mark.parametrize(
    "template",
    [
        "{% badge name 'info' title=name %}",
        "{% strip segments name %}",
        "{% steps steps name %}",
        "{% card name label=name id='x' %}{{ name }}{% endcard %}",
        "{% empty_state name hint=name %}{{ name }}{% endempty_state %}",
        "{% bulk_bar name status=name %}{{ name }}{% endbulk_bar %}",
        "{% bar 1 2 name %}",
    ],
)
def test_each_part_escapes_names(template: str) -> None:
    hostile = "\"><script>alert('x')</script>"
    page = shown(
        template, name=hostile, segments=[Segment(hostile, "danger")], steps=[Step(hostile, "now", note=hostile)]
    )
    assert hostile not in page and "<script>" not in page
    assert "&lt;script&gt;" in page and "&quot;&gt;" in page


def test_a_strip_and_steps_say_their_states_without_colours() -> None:
    strip = shown("{% strip segments 'Runs' %}", segments=[Segment("Run 1: failed", "danger", "/1/", is_this=True)])
    assert 'aria-label="Run 1: failed"' in strip and "×" in strip and 'aria-current="page"' in strip
    steps = shown("{% steps steps 'Import' %}", steps=[Step("Connect", "done"), Step("Choose", "now")])
    assert ", done" in steps and 'aria-current="step"' in steps


def test_an_empty_state_shows_its_buttons_as_buttons() -> None:
    page = shown("{% empty_state 'Nothing' %}<a href='/'>Home</a>{% endempty_state %}")
    assert "<a href='/'>Home</a>" in page
    assert "rb-buttons" not in shown("{% empty_state 'Nothing' %} {% endempty_state %}")
