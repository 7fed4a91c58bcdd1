"""What the README says, done on a fresh copy of the repository: each command line below *Try it* and *Use it*.

The copy has SQLite and a broker in a folder, which are the default.
"""

import re
import signal
import socket
import sys
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Final, NamedTuple

import pytest

from scripts.torture.machines import free_port
from tests.paths import REPOSITORY
from tests.runtime.browser import Browser
from tests.runtime.checkout import Checkout, until

pytestmark = [
    pytest.mark.runtime,
    pytest.mark.skipif(sys.platform == "win32", reason="the processes need POSIX"),
]
LOGIN, PASSWORD = "admin@example.com", "tram oyster 61 velvet"
#: Seconds until a page or a process is there, also on a busy machine.
PATIENCE: Final = 120


class Line(NamedTuple):
    """A command line of the README, and the status that its comment states: ``exit 2``; otherwise 0."""

    command: str
    status: int


def lines_below(*headings: str) -> Iterator[Line]:
    """Yields the lines of the blocks ``sh`` below the headings of the README."""
    readme = (REPOSITORY / "README.md").read_text()
    for heading in headings:
        section = readme.partition(f"\n## {heading}\n")[2].partition("\n## ")[0]
        for block in re.findall(r"^```sh\n(.*?)^```", section, re.MULTILINE | re.DOTALL):
            for line in filter(None, block.splitlines()):
                command, _, comment = line.partition(" # ")
                status = re.search(r"\bexit (\d+)", comment)
                yield Line(command.rstrip(), int(status[1]) if status else 0)


LINES: Final = list(lines_below("Try it", "Use it"))
MANAGE: Final = ".venv/bin/python manage.py"
#: The command of each line -> what is typed here: the same, but at a free port, and without a question or a search for
#: an account at a vendor. "" = it is not run.
TYPED: Final = {
    "make demo": "make demo ARGS=--port={port}",
    "make test": "",  # continuous integration runs it beside these tests, and it takes minutes
    "make setup": "make setup",
    f"{MANAGE} createsuperuser": f"{MANAGE} createsuperuser --noinput --email {LOGIN}",
    "make up": "make up BIND=127.0.0.1:{port}",
    "export PD_KEY=...": "export PD_KEY={key}",
    r"alias manage.py=.venv/bin/python\ manage.py": r"alias manage.py=.venv/bin/python\ manage.py",
    "manage.py connect_source acme --set subdomain=acme --secret api_key=PD_KEY": (
        "manage.py connect_source acme --set subdomain=acme --secret api_key=PD_KEY"
    ),
    "manage.py sync_plan acme": "manage.py sync_plan acme",
    "manage.py apply 1": "manage.py apply 1",
    "manage.py parity acme": "manage.py parity acme",
    "manage.py on_call --why": "manage.py on_call --why",
    f"{MANAGE} run_simulator": f"{MANAGE} run_simulator",
}


def typed(command: str, **values: object) -> str:
    return TYPED[command].format(**values)


@dataclass(frozen=True)
class Printed:
    """What ``run_simulator`` printed.

    export: the line to paste into the shell that starts the site. way: what to choose on the site. entries: label of a
    field -> what to enter.
    """

    export: str
    way: tuple[str, str, str]
    entries: dict[str, str]

    @classmethod
    def parse(cls, text: str) -> "Printed":
        export = re.search(r"^  (export .*)$", text, re.MULTILINE)
        way = re.search(r"under (.+?), (.+?)(?: \(.*\))?, (.+), with any name:\n((?:  .+\n)+)", text)
        assert export and way, text
        entries = dict(line.strip().split(": ", 1) for line in way[4].splitlines())
        return cls(export[1], (way[1], way[2], way[3]), entries)


@pytest.fixture(scope="module")
def checkout(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Checkout]:
    copy = Checkout(tmp_path_factory.mktemp("checkout"), DJANGO_SUPERUSER_PASSWORD=PASSWORD)
    try:
        yield copy
    finally:
        sys.stdout.write(copy.logs())  # pytest shows it if a test failed


@pytest.fixture(scope="module")
def installed(checkout: Checkout) -> Checkout:
    checkout.run("bash", "-c", typed("make setup"))
    checkout.run("bash", "-c", typed(f"{MANAGE} createsuperuser"))
    return checkout


@pytest.fixture
def simulator(installed: Checkout) -> Iterator[Printed]:
    with installed.running("simulator", "bash", "-c", f"exec {typed(f'{MANAGE} run_simulator')}", stop=signal.SIGINT):
        until(lambda: "sync_plan" in installed.printed("simulator"), "the simulator has printed all", PATIENCE)
        yield Printed.parse(installed.printed("simulator"))


def test_each_command_line_of_the_readme_is_known() -> None:
    assert [line.command for line in LINES] == list(TYPED)


def test_the_demo_prints_a_login_first_and_last_and_serves_the_site(checkout: Checkout) -> None:
    port = free_port()
    with checkout.running("demo", "bash", "-c", f"exec {typed('make demo', port=port)}", stop=signal.SIGINT) as demo:
        opened = r"^Open (http://\S+?)(/\S*) and log in as (\S+) with (\S+)$"

        def login() -> re.Match[str] | None:
            assert demo.poll() is None, checkout.printed("demo")
            return re.search(opened, checkout.printed("demo"), re.MULTILINE)

        until(login, "the demo prints its login", 2 * PATIENCE)  # it installs, and imports from four vendors
        last = login()
        assert last
        origin, path, email, password = last.groups()
        assert f"{origin}{path} with {email} and {password}" in checkout.printed("demo").partition("Connected to")[0]
        browser = Browser(origin)
        until(browser.answers, "the demo serves the site", PATIENCE)
        browser.open(path)
        shown = browser.press("Log in", {"Email": email, "Password": password})
        assert browser.path == path
        assert "14 schedules match the source." in shown
    assert_ended(demo.returncode, port)


def test_the_demo_that_is_not_served_succeeds_and_a_sync_after_its_answers_writes_nothing(checkout: Checkout) -> None:
    printed = checkout.run("make", "demo", "ARGS=--once")
    assert "A sync of each source after these answers writes 0 objects." in printed


def test_a_newcomer_walks_from_the_readme_to_an_import_that_succeeded(
    installed: Checkout, request: pytest.FixtureRequest
) -> None:
    port = free_port()
    browser = Browser(f"http://127.0.0.1:{port}")
    up = typed("make up", port=port)
    with installed.running("up", "bash", "-c", f"exec {up}", stop=signal.SIGINT) as first:
        until(browser.answers, "the site answers", PATIENCE)
        simulator: Printed = request.getfixturevalue("simulator")
    assert_ended(first.returncode, port)
    with installed.running("up", "bash", "-c", f"{simulator.export}\nexec {up}", stop=signal.SIGINT) as second:
        until(browser.answers, "the site answers again", PATIENCE)
        browser.open("/admin/")
        browser.press("Log in", {"Email": LOGIN, "Password": PASSWORD})
        offered = walk(browser, simulator)
        browser.follow("After the import")
        assert f"{offered['schedules']} schedules: {offered['schedules']} the same as at the source" in browser.text
        assert f"{offered['services']} services" in browser.text
        browser.follow("Sources")
        browser.follow("Simulated")
        imported = re.search(r"Imported (\d+ people, .*? services)", browser.text)
        assert imported, browser.text
        assert all(f"{number} {kind}" in imported[1] for kind, number in offered.items())
    assert_ended(second.returncode, port)


def walk(browser: Browser, simulator: Printed) -> dict[str, str]:
    """Goes through the steps of the setup until the import succeeded. Returns how many objects the source offers."""
    sources, connect, provider = simulator.way
    browser.follow(sources)
    browser.follow(connect)
    browser.press(f"Connect {provider}")
    selection = browser.press("Test and continue", {"Name": "Simulated", **simulator.entries})
    offered = {
        kind.lower(): number for kind, number in re.findall(r"(User groups|Schedules|Services) (\d+)", selection)
    }
    assert offered.keys() == {"user groups", "schedules", "services"}
    browser.press("Continue")
    wait_for(browser, "Leave all.*")
    browser.press("Leave all.*")
    browser.press("Continue")
    assert "Automatic syncs" in browser.text
    browser.press("Continue")
    wait_for(browser, "Start the import")
    browser.press("Start the import")
    until(lambda: "Everything was applied." in browser.reload(), "the import succeeded", PATIENCE)
    assert "succeeded" in browser.text
    return offered


def wait_for(browser: Browser, button: str) -> None:
    """Loads the page again until it has a button."""

    def offered() -> bool:
        browser.reload()
        return browser.offers(button)

    until(offered, f"“{button}” can be pressed", PATIENCE)


def test_the_commands_of_the_shell_end_with_the_stated_status(installed: Checkout, simulator: Printed) -> None:
    commands = [line for line in LINES if line.command.startswith(("export ", "alias ", "manage.py "))]
    script = ["shopt -s expand_aliases", simulator.export, f"export DATABASE_URL=sqlite:///{installed.folder}/shell.db"]
    script.append(typed("make setup"))  # a database of its own, in which the first run has the number 1
    for line in commands:
        script += [typed(line.command, key=simulator.entries["API key"]), f'echo "Status $? of {line.command}"']
    printed = installed.run("bash", "-c", "\n".join(script))
    found = [Line(command, int(status)) for status, command in re.findall(r"^Status (\d+) of (.*)$", printed, re.M)]
    assert found == commands, printed


def assert_ended(status: int | None, port: int) -> None:
    """A command has ended after Ctrl-C without being killed, and nothing listens at the port of its site any more."""
    assert status != -signal.SIGKILL
    with socket.socket() as probe:
        assert probe.connect_ex(("127.0.0.1", port)) != 0
