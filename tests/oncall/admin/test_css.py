"""Classes of the product's style sheets: one prefix, and no class that the pages do not use."""

import re

from tests.paths import REPOSITORY

#: Classes of Django, of the theme and of htmx, which the style sheets refer to.
FOREIGN = {"dark", "errorlist", "htmx-request", "material-symbols-outlined", "text-link"}
#: A class in use is written whole, or put together from ``rb-`` and one of these words.
JOINED = {"shift", "gap", "mismatch", "override", "unreachable", "good", "bad", "unsure", "ok"}
FOLDERS = ("oncall", "syncjobs", "connectors", "templates")


def styled() -> set[str]:
    sheets = (REPOSITORY / "oncall" / "static" / "oncall").glob("*.css")
    rules = (re.sub(r"/\*.*?\*/|\{[^}]*\}", " ", sheet.read_text(), flags=re.DOTALL) for sheet in sheets)
    return {name for rule in rules for name in re.findall(r"\.(-?[a-z][\w-]*)", rule)}


def test_classes_carry_one_prefix() -> None:
    assert {name for name in styled() if not name.startswith("rb-")} <= FOREIGN


def test_every_class_is_used_by_a_page() -> None:
    files = [
        path for folder in FOLDERS for ending in ("*.py", "*.html") for path in (REPOSITORY / folder).rglob(ending)
    ]
    used = {name for path in files for name in re.findall(r"\brb-[a-z]+(?:-[a-z]+)*", path.read_text())}
    joined = {f"rb-{word}" for word in JOINED}
    unused = {name for name in styled() if name.startswith("rb-") and name not in used | joined}
    assert {name for name in unused if not any(name.startswith(f"{each}-") for each in used)} == set()
