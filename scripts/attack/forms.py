"""The forms of the admin as a browser sends them."""

from html.parser import HTMLParser
from typing import Any

from django.test import Client


class _Fields(HTMLParser):
    """Collects name -> value of every control of the page's form, as a browser sends it."""

    def __init__(self) -> None:
        super().__init__()
        self.data: dict[str, Any] = {}
        self.names: dict[str, None] = {}
        self._select = self._textarea = ""
        self._several = False
        self._first: str | None = None

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        given = dict(attrs)
        name = given.get("name") or ""
        if name and tag in ("select", "textarea", "input"):
            self.names[name] = None
        if tag == "select":
            self._select, self._several, self._first = name, "multiple" in given, None
        elif tag == "option" and self._select:
            if self._first is None:
                self._first = given.get("value") or ""
            if "selected" in given:
                self.data.setdefault(self._select, given.get("value") or "")
        elif tag == "textarea":
            self._textarea = name
            self.data[name] = ""
        elif tag == "input" and name and given.get("type") not in ("submit", "button", "file"):
            ticks = given.get("type") in ("checkbox", "radio")
            if not ticks or "checked" in given:
                self.data[name] = given.get("value") or ("on" if ticks else "")

    def handle_endtag(self, tag: str) -> None:
        if tag == "select":
            if self._select and not self._several and self._first is not None:
                self.data.setdefault(self._select, self._first)  # a browser selects the first option
            self._select = ""
        elif tag == "textarea":
            lines = self.data[self._textarea].removeprefix("\n").split("\n")
            self.data[self._textarea] = "\r\n".join(lines)  # so a browser sends them
            self._textarea = ""

    def handle_data(self, data: str) -> None:
        if self._textarea:
            self.data[self._textarea] += data


class Form:
    """The form at an address, which the caller changes and sends. Raises AssertionError if there is no such page.

    names: of all controls, also of those that a browser sends only when they are ticked or chosen. ``__prefix__`` in a
    name is the place of the number of an element that is added.

    response: a page that already shows the form, for example with errors.
    """

    def __init__(self, browser: Client, url: str, response: Any = None) -> None:
        self.browser, self.url = browser, url
        response = browser.get(url) if response is None else response
        if response.status_code != 200:
            raise AssertionError(f"{url} answered {response.status_code}")
        fields = _Fields()
        fields.feed(response.content.decode())
        self.data = {name: value for name, value in fields.data.items() if "__prefix__" not in name and name != "q"}
        self.data.pop("_method", None)
        self.names = [name for name in fields.names if name not in ("q", "_method")]

    def send(self, **changes: Any) -> Any:
        return self.browser.post(self.url, {**self.data, **changes})


def problems(response: Any) -> list[str]:
    """Return the errors in the form of a response."""
    context = response.context
    found = [f"{k}: {m}" for k, ms in context["adminform"].form.errors.items() for m in ms]
    for inline in context["inline_admin_formsets"]:
        found += [f"{k}: {m}" for errors in inline.formset.errors for k, ms in errors.items() for m in ms]
    cards = getattr(context["adminform"].form, "cards", None)
    for errors in cards.errors if cards is not None else ():
        found += [f"{k}: {m}" for k, ms in errors.items() for m in ms]
    return found
