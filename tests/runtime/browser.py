"""A browser without JavaScript. It finds links, buttons and fields by the words that a person reads."""

import re
from collections.abc import Iterator, Mapping
from html.parser import HTMLParser
from urllib.parse import urljoin, urlsplit
from xml.etree.ElementTree import Element, SubElement

import requests

#: Elements that have no end.
_VOID = {"area", "base", "br", "col", "embed", "hr", "img", "input", "link", "meta", "source", "track", "wbr"}
#: Types of ``<input>`` that a form sends only when they are ticked, and those that it does not send by itself.
_TICKED, _PRESSED = {"checkbox", "radio"}, {"submit", "button", "image", "reset", "file"}


class _Tree(HTMLParser):
    """The elements of a page, with their texts."""

    def __init__(self, html: str) -> None:
        super().__init__()
        self.root = Element("page")
        self._open = [self.root]
        self.feed(html)
        self.close()

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        element = SubElement(self._open[-1], tag, {name: value or "" for name, value in attrs})
        if tag not in _VOID:
            self._open.append(element)

    def handle_endtag(self, tag: str) -> None:
        if any(element.tag == tag for element in self._open[1:]):
            while self._open.pop().tag != tag:
                pass

    def handle_data(self, data: str) -> None:
        within = self._open[-1]
        if within.tag in ("script", "style") or "material-symbols-outlined" in within.get("class", ""):  # icons
            return
        if len(within):
            within[-1].tail = (within[-1].tail or "") + data
        else:
            within.text = (within.text or "") + data


def _words(element: Element) -> str:
    return " ".join("".join(element.itertext()).split())


class Browser:
    """A session at a site, and the page that it shows."""

    def __init__(self, origin: str) -> None:
        self.origin = origin
        self._session = requests.Session()
        self._session.trust_env = False
        self._url, self._page = origin, Element("page")

    def answers(self) -> bool:
        """Whether the site answers with its login."""
        try:
            return self._session.get(f"{self.origin}/admin/login/", timeout=10).ok
        except (requests.ConnectionError, requests.Timeout):  # the first answer takes longest
            return False

    def get(self, path: str) -> requests.Response:
        """Return the answer of an address. The page that is shown stays."""
        return self._session.get(f"{self.origin}{path}", timeout=60)

    @property
    def path(self) -> str:
        """The address of the page, without the site's."""
        return urlsplit(self._url).path

    @property
    def text(self) -> str:
        """What can be read on the page."""
        return _words(self._page)

    def open(self, path: str) -> str:
        """Show the page of an address and return its text. Fails if it does not answer with 200."""
        return self._show(self.get(path))

    def reload(self) -> str:
        return self._show(self._session.get(self._url, timeout=60))

    def follow(self, words: str) -> str:
        """Follow the first link with this text."""
        for link in self._page.iter("a"):
            if _words(link) == words:
                return self._show(self._session.get(urljoin(self._url, link.get("href", "")), timeout=60))
        raise AssertionError(f"{self.path} has no link “{words}”: {self.text}")

    def offers(self, button: str) -> bool:
        """Whether the page has a button whose whole text matches a pattern."""
        return self._button(button) is not None

    def press(self, button: str, typed: Mapping[str, str] | None = None) -> str:
        """Press the first button whose whole text matches a pattern, and return the text of the page that follows.

        typed: label of a field -> what is typed, or the text of the option that is chosen. Fails if there is no such
        button or field.
        """
        found = self._button(button)
        assert found is not None, f"{self.path} has no button “{button}”: {self.text}"
        form, pressed = found
        named = self._named(form, typed or {})
        sent = [*((name, value) for name, value in _sent(form) if name not in named), *named.items()]
        if pressed.get("name"):
            sent.append((pressed.get("name", ""), pressed.get("value", "")))
        target = urljoin(self._url, pressed.get("formaction") or form.get("action") or self._url)
        return self._show(self._session.post(target, data=sent, headers={"Referer": self._url}, timeout=60))

    def _show(self, answer: requests.Response) -> str:
        assert answer.status_code == 200, f"{answer.url}: {answer.status_code}"
        self._url, self._page = answer.url, _Tree(answer.text).root
        return self.text

    def _button(self, pattern: str) -> tuple[Element, Element] | None:
        """Return the form and the button."""
        for form in self._page.iter("form"):
            for button in form.iter("button"):
                if re.fullmatch(pattern, _words(button)):
                    return form, button
        return None

    def _named(self, form: Element, typed: Mapping[str, str]) -> dict[str, str]:
        """Return the name of each field -> its value, from its label -> what is typed."""
        controls = {each.get("id"): each for each in form.iter() if each.get("name")}
        labels = {_words(each).rstrip("* "): controls.get(each.get("for")) for each in form.iter("label")}
        named = {}
        for label, text in typed.items():
            control = labels.get(label)
            assert control is not None, f"{self.path} has no field “{label}”: {sorted(labels)}"
            options = {_words(each): each.get("value", "") for each in control.iter("option")}
            assert not options or text in options, f"“{label}” has no option “{text}”: {sorted(options)}"
            named[control.get("name", "")] = options.get(text, text)
        return named


def _sent(form: Element) -> Iterator[tuple[str, str]]:
    """Yield the names and values of a form that nobody has changed."""
    for each in form.iter():
        name, kind = each.get("name", ""), each.get("type", "text")
        if not name or "disabled" in each.attrib:
            continue
        if each.tag == "input" and kind not in _PRESSED and (kind not in _TICKED or "checked" in each.attrib):
            yield name, each.get("value", "on" if kind in _TICKED else "")
        elif each.tag == "textarea":
            yield name, (each.text or "").removeprefix("\n")
        elif each.tag == "select":
            options = list(each.iter("option"))
            chosen = [option for option in options if "selected" in option.attrib]
            if not chosen and "multiple" not in each.attrib:
                chosen = options[:1]
            for option in chosen:
                yield name, option.get("value", _words(option))
