"""The loop over the pages of a list, and its guard against a server that repeats pages without end."""

from collections.abc import Mapping

import pytest

from connectors.errors import UnexpectedResponse
from connectors.network.client import JsonValue
from connectors.reading.findings import Vendor
from connectors.reading.pages import Page, make_page, read_pages

VENDOR = Vendor("toy", "Rota Toy")
Pages = Mapping[str, tuple[Page, str | None]]


def read(pages: Pages) -> tuple[list[JsonValue], str]:
    """Items of all pages, and the code of the error that ended the list, if any."""
    items: list[JsonValue] = []
    try:
        for page in read_pages(pages.__getitem__, "first", "/people", VENDOR):
            items += page.items
    except UnexpectedResponse as error:
        assert (error.path, error.provider) == ("/people", "toy")
        return items, error.code
    return items, ""


@pytest.mark.parametrize(
    ("pages", "items", "code"),
    [
        ({"first": (Page(("A",)), None)}, ["A"], ""),
        ({"first": (Page(("A",)), "second"), "second": (Page(("B",)), None)}, ["A", "B"], ""),
        ({"first": (Page(()), "second")}, [], ""),
        ({"first": (Page(("A",)), "first")}, ["A"], "pagination_loop"),
        ({"first": (Page(("A",)), "second"), "second": (Page(("B",)), "first")}, ["A", "B"], "pagination_loop"),
        ({"first": (Page(("A",)), "second"), "second": (Page(("A",)), None)}, ["A"], "pagination_loop"),
        ({"first": (Page(("A",)), "second"), "second": (Page(()), "third")}, ["A"], ""),
    ],
)
def test_a_list_ends_with_its_last_page_and_a_repeated_page_is_an_error(
    pages: Pages, items: list[str], code: str
) -> None:
    assert read(pages) == (items, code)


def test_far_more_objects_than_the_vendor_reported_are_an_error() -> None:
    pages: Pages = {
        "first": (Page(("A",), 1), "second"),
        "second": (Page(("B",), 1), "third"),
        "third": (Page(("C",), 1), "fourth"),
        "fourth": (Page(("D",), 1), "fifth"),
    }
    assert read(pages) == (["A", "B", "C", "D"], "pagination_loop")


@pytest.mark.parametrize(("sent", "total"), [(3, 3), (None, None), ("3", None), (True, None), (3.0, None)])
def test_a_total_that_is_no_integer_counts_as_not_reported(sent: JsonValue, total: int | None) -> None:
    assert make_page(["A"], sent) == Page(("A",), total)
