"""Each code of a note has a verdict: whether it changes who is paged. Found in the code of all connectors."""

import ast
from collections.abc import Iterable, Iterator
from pathlib import Path
from typing import Any

import pytest

from connectors.closure import Selection
from connectors.connections.opening import replay_connector
from connectors.recordings.recording import load
from connectors.records import ENTITY_TYPES
from syncjobs.planning import losses
from syncjobs.planning.losses import CHANGES_WHO_IS_PAGED, changes_who_is_paged
from syncjobs.words.losses import loss_title
from tests.paths import SHARED

CONNECTORS = Path(losses.__file__).parents[2] / "connectors"
#: The functions that make a note, with the place of the code among their arguments.
PLACES = {"note": 2, "_note": 0, "MappingNote": 2}
#: A code that is computed -> the codes that it can be. A new computed code fails the test until it is listed here.
COMPUTED: dict[tuple[str, str], set[str]] = {
    ("opsgenie/mapping_people.py", "invalid"): {"invalid_email", "invalid_number"},
    ("pagerduty/mapping_people.py", "'deleted' if deleted else 'referenced_only'"): {"deleted", "referenced_only"},
    ("pagerduty/mapping_shifts.py", "f'event_{code}'"): {"event_date_out_of_time", "event_without_end"},
    ("pagerduty/people_details.py", "f'{key}_not_told'"): {"contact_methods_not_told", "notification_rules_not_told"},
    ("pagerduty/schedule_details.py", "f'{key}_not_told'"): {"overrides_not_told", "custom_shifts_not_told"},
    ("xmatters/reading.py", "code"): {"none_here", "services_remembered"},
    ("atlassian/reading.py", "f\"{key.replace('-', '_')}_not_told\""): {
        "overrides_not_told",
        "routing_rules_not_told",
        "members_not_told",
    },
    ("xmatters/reading.py", "f'{key}_not_told'"): {"sites_not_told", "absences_not_told", "members_not_told"},
    ("reading/periods.py", "f'{code}_{suffix}'"): set(),  # the products of PERIODS and ENDS
}
#: Functions that hand the code on that their caller gives.
HANDED_ON = {
    "reading/findings.py",
    "reading/optional_lists.py",
    "reading/refusals.py",
    "pagerduty/mapping_layers.py",
    "pagerduty/mapping_shifts.py",
}
#: The functions with the code of a note as the argument ``code``.
BY_NAME = {"read_optional_list", "Refusals"}
#: The functions with the beginning of the codes of a period as the argument ``code``, and where it is without a name.
PERIODS = {"read_period": None, "_period": 2}
ENDS = {"out_of_time", "without_end", "without_time"}


def calls() -> Iterator[tuple[str, str, ast.Call]]:
    """Yield the calls of the connectors: the file, the name of the function and the call."""
    for path in sorted(CONNECTORS.rglob("*.py")):
        if "simulator" not in path.parts:
            for node in ast.walk(ast.parse(path.read_text())):
                if isinstance(node, ast.Call):
                    name = node.func.attr if isinstance(node.func, ast.Attribute) else getattr(node.func, "id", "")
                    yield "/".join(path.parts[-2:]), name, node


def code_of(name: str, call: ast.Call) -> ast.expr | None:
    given = {keyword.arg: keyword.value for keyword in call.keywords}
    if name in BY_NAME or (name in PERIODS and "code" in given):
        return given["code"]
    if name in PERIODS:
        return call.args[PERIODS[name] or 0]
    if name in PLACES:
        # Within the reading of periods and recurrences, a local function gets the code first.
        place = PLACES[name] if len(call.args) > 2 else 0
        return call.args[place]
    return None


def codes_in_use(among: Iterable[tuple[str, str, ast.Call]]) -> set[str]:
    """Return the codes of the notes that calls make. Raises KeyError for a computed code that is not listed above."""
    found: set[str] = set()
    for file, name, call in among:
        code = code_of(name, call)
        if code is None:
            continue
        if isinstance(code, ast.Constant):
            found |= {f"{code.value}_{end}" for end in ENDS} if name in PERIODS else {str(code.value)}
        elif not (file in HANDED_ON and ast.unparse(code) in ("code", "self._code")):
            found |= COMPUTED[file, ast.unparse(code)]
    # The ends themselves, and the codes of a recurrence, come with the beginning that their caller adds.
    return found - ENDS - {"date_out_of_time"}


def test_every_code_of_a_note_has_a_verdict_and_every_verdict_a_note() -> None:
    used = codes_in_use(calls())
    assert len(used) > 100
    assert used - CHANGES_WHO_IS_PAGED.keys() == set()
    never = {code for code in CHANGES_WHO_IS_PAGED.keys() - used if not code.endswith(tuple(ENDS))}
    assert never == set()


@pytest.mark.parametrize("code", ['"from_a_new_connector"', 'f"{what}_lost"'])
def test_a_code_without_a_verdict_is_found(code: str) -> None:
    statement = ast.parse(f'findings.note("schedule", "S1", {code}, "x")').body[0]
    assert isinstance(statement, ast.Expr) and isinstance(statement.value, ast.Call)
    try:
        assert codes_in_use([("new/mapping.py", "note", statement.value)]) - CHANGES_WHO_IS_PAGED.keys()
    except KeyError as unlisted:
        assert unlisted.args[0][0] == "new/mapping.py"


@pytest.mark.parametrize("code", sorted(code for code, changes in CHANGES_WHO_IS_PAGED.items() if changes))
def test_a_code_that_changes_who_is_paged_has_a_sentence_as_its_title(code: str) -> None:
    assert changes_who_is_paged(code)
    assert loss_title(code, "") != ""


def recordings() -> list[Any]:
    found = sorted(path for room in ("recordings", "cases") for path in (SHARED / room).rglob("*.json"))
    return [pytest.param(path, id=path.stem) for path in found if path.name != "cases.json"]


@pytest.mark.skipif(not recordings(), reason="the recorded answers are not here")
@pytest.mark.parametrize("path", recordings())
def test_such_a_note_is_about_an_object_that_was_read(path: Path) -> None:
    """Otherwise nobody would be asked: a question is about an object that the plan compares or imports."""
    snapshot = replay_connector(load(path)).fetch(Selection(), contact_details=True)
    known = {(kind, record.external_id) for kind in ENTITY_TYPES for record in snapshot.records(kind)}
    known |= {(failed.entity_type, failed.external_id or "") for failed in snapshot.failed}
    about = {(n.entity_type, n.external_id) for n in snapshot.notes if n.external_id and changes_who_is_paged(n.code)}
    assert about <= known
