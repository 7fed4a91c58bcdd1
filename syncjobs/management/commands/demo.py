"""Show the whole product with simulated vendors and a separate database."""

import json
import os
import secrets
import signal
import socket
import subprocess
import sys
import time
from collections import Counter
from collections.abc import Iterable
from contextlib import ExitStack
from io import StringIO
from pathlib import Path
from typing import Any, Final, NoReturn

from cryptography.fernet import Fernet
from django.conf import settings
from django.core.management import call_command
from django.core.management.base import CommandParser

from connectors.records import ENTITY_TYPES, ENTITY_WORDS
from connectors.registry import CONNECTORS, provider_label
from connectors.simulator.serve import build, demo_account
from oncall.operations import Actor, create_account
from syncjobs.management.example_answers import example_answers
from syncjobs.management.shell import DONE, ERROR, ShellCommand
from syncjobs.management.tour import TourResult, connect, run_tour, sync_again
from syncjobs.models import WAITING_STATES, Conflict, RunState
from syncjobs.parity.checks import judge
from syncjobs.parity.words import HEAD, row_of
from syncjobs.words.runs import objects_written

#: All providers that have a connector.
VENDORS: Final = tuple(connector.provider for connector in CONNECTORS)
_STAGE: Final = "ROTABRIDGE_DEMO_ORIGINS"
_LOGIN: Final = "admin@example.com"


class Command(ShellCommand):
    requires_system_checks: tuple[str, ...] = ()  # the demo sets its own environment
    help = "Start the simulated vendors, import from each, compare, and serve the result (--once: do not serve)."

    def add_arguments(self, parser: CommandParser) -> None:
        parser.add_argument(
            "--once",
            action="store_true",
            help="answer a question of each kind, then stop; exit 0 only if all match, apart from what the import "
            "reported as unsupported, and a sync after the answers writes nothing",
        )
        parser.add_argument("--verbose", action="store_true", help="print tables of what was imported and compared")
        parser.add_argument("--port", type=int, default=8000, help="port of the site")
        parser.add_argument("--size", type=int, help="about this many entities per vendor (default: a few)")

    def work(self, **options: Any) -> int:
        if _STAGE not in os.environ:
            self._with_demo_settings(options["port"])
        with ExitStack() as running:
            for provider, address in origins(os.environ[_STAGE]).items():
                server = build(provider, port=int(address.rpartition(":")[2]), size=options["size"])
                simulator = running.enter_context(server)
                self.stderr.write(f"A simulated {provider_label(provider)} answers at {simulator.origin}")
            call_command("migrate", verbosity=0)
            password = "" if options["once"] else self._login(options["port"])
            tours = self._tour()
            if options["json"] and not options["once"]:
                self._show_json(tours)
            if not options["json"]:
                self._show(tours, verbose=options["verbose"])
            if not options["once"]:
                return self._serve(options["port"], password)
            answers, settled = self._answer(tours, as_json=options["json"])
            if options["json"]:
                self._show_json(tours, answers=answers, settled=settled)
            return DONE if settled and all(each.matched for each in tours) else ERROR

    def _with_demo_settings(self, port: int) -> NoReturn:
        """Run this command again with a separate environment, so that no real installation is touched.

        port: of the site, to which the links in mails lead.
        """
        var = Path(settings.BASE_DIR) / "var"
        var.mkdir(exist_ok=True)
        for leftover in var.glob("demo.sqlite3*"):
            leftover.unlink()
        stage = ",".join(f"{provider}=http://127.0.0.1:{port}" for provider, port in free_ports(VENDORS).items())
        environment = os.environ | {
            _STAGE: stage,
            "ENV_FILE": os.devnull,
            "DEBUG": "true",
            "SECRET_KEY": secrets.token_urlsafe(50),
            "CREDENTIAL_KEYS": Fernet.generate_key().decode(),
            "DATABASE_URL": f"sqlite:///{var / 'demo.sqlite3'}",
            "CELERY_BROKER_URL": "fs://localhost/demo",
            "PUBLIC_BASE_URL": f"http://127.0.0.1:{port}",
            "CONNECTOR_ORIGINS": stage,
            "EGRESS_ALLOW": ",".join(origin.removeprefix("http://") for origin in origins(stage).values()),
            "LOG_LEVEL": "WARNING",
        }
        command = [sys.executable, str(Path(settings.BASE_DIR) / "manage.py"), *sys.argv[1:]]
        self.stdout.flush()
        os.execve(sys.executable, command, environment)  # noqa: S606 - the same command

    def _tour(self) -> list[TourResult]:
        """Run the tour of each simulated vendor. All import into one database."""
        tours = []
        for provider in VENDORS:
            settings_of, credentials = demo_account(provider)
            name = "acme" if provider == VENDORS[0] else f"acme-{provider}"
            profile = connect(name, provider, settings_of, credentials)
            vendor = provider_label(profile.connection.provider)
            self.stderr.write(f"Connected to {vendor} ({profile.connection.account_label}); planning ...")
            tours.append(run_tour(profile))
        return tours

    def _answer(self, tours: list[TourResult], *, as_json: bool) -> tuple[list[Any], bool]:
        """Answer one question of each kind with the command ``conflicts``, then sync each source again.

        Return the documents of the answers, and whether these syncs succeeded and wrote nothing.
        """
        documents = []
        for example in example_answers():
            output = StringIO()
            call_command("conflicts", *example.command(), *(["--json"] if as_json else []), stdout=output)
            if as_json:
                documents.append(json.loads(output.getvalue()))
            else:
                self.stdout.write(f"\n{example.conflict}\n{output.getvalue().rstrip()}")
        runs = [sync_again(each.connection) for each in tours]
        settled = all(run.state == RunState.SUCCEEDED and not objects_written(run) for run in runs)
        if not as_json:
            self.stdout.write(
                f"\nA sync of each source after these answers writes {sum(map(objects_written, runs))} objects."
            )
        return documents, settled

    def _login(self, port: int) -> str:
        """Make the account of the demo, say how to log in, and return the password."""
        password = secrets.token_urlsafe(12)
        create_account(
            email=_LOGIN, name="Demo admin", password=password, is_staff=True, is_superuser=True, by=Actor(None, "demo")
        )
        self.stdout.write(f"In about a minute: http://127.0.0.1:{port}/admin/ with {_LOGIN} and {password}\n")
        self.stdout.flush()
        return password

    def _show_json(self, tours: list[TourResult], **more: Any) -> None:
        matched, sources = all(each.matched for each in tours), [each.as_json() for each in tours]
        self.print_json({"matched": matched, "judge": judge(), "sources": sources, **more})

    def _show(self, tours: list[TourResult], *, verbose: bool) -> None:
        """Print a line for each vendor; verbose: its tables instead."""
        if verbose:
            self._show_tables(tours)
        else:
            for each in tours:
                self.stdout.write(each.in_words())
        self.stdout.write(f"Judge: {judge()} (each vendor's own rendering, written independently).")
        self.stdout.write(f"{Conflict.objects.filter(state__in=WAITING_STATES).count()} questions wait for a person.")
        self.stdout.flush()

    def _show_tables(self, tours: list[TourResult]) -> None:
        for each in tours:
            self.stdout.write(f"{provider_label(each.connection.provider)} ({each.connection.name})")
            self.print_table(
                ("", "fetched", "written", "failed", "to decide", "written by a second sync"),
                [(ENTITY_WORDS[kind][1], *each.counts(kind).values()) for kind in ENTITY_TYPES],
            )
            self.stdout.write("\n14 days from now:")
            self.print_table(HEAD, [row_of(line) for line in each.parity])
            self.stdout.write("\nAround the next clock changes:")
            compared = [line for line in each.changes if line.measured.comparison is not None]
            if compared:
                self.print_table(HEAD, [row_of(line) for line in compared])
            reasons = Counter(line.measured.note for line in each.changes if line.measured.comparison is None)
            for reason, number in reasons.items():
                self.stdout.write(f"Not compared, {number} of {len(each.changes)} ranges: {reason}")
            self.stdout.write("")

    def _serve(self, port: int, password: str) -> int:
        commands = (
            f"gunicorn config.wsgi --config config/gunicorn.py --bind 127.0.0.1:{port} --log-level warning",
            "celery --quiet -A config worker -Q runs -n runs@%h -P threads -c 2 -l WARNING",
            "celery --quiet -A config worker -Q tick -n tick@%h -P threads -c 1 -l WARNING -B",
        )
        bin_dir = Path(sys.executable).parent
        children = [
            subprocess.Popen([str(bin_dir / name), *arguments], start_new_session=True)  # noqa: S603 - our own commands
            for name, *arguments in (command.split() for command in commands)
        ]
        self.stdout.write(
            "\nMails, such as invitations, are not sent but printed here. Ctrl-C ends the demo and its login."
        )
        self.stdout.write(f"Open http://127.0.0.1:{port}/admin/ and log in as {_LOGIN} with {password}")
        self.stdout.flush()
        for number in (signal.SIGINT, signal.SIGTERM):  # a background job would ignore SIGINT
            signal.signal(number, signal.default_int_handler)
        try:
            while all(child.poll() is None for child in children):
                time.sleep(0.5)
            self.stdout.write("A process of the demo ended unexpectedly. Its last lines are above.")
            return ERROR
        except KeyboardInterrupt:
            return DONE
        finally:
            _stop(children)


def origins(stage: str) -> dict[str, str]:
    """Return provider -> origin of a text such as ``pagerduty=http://127.0.0.1:1,...``."""
    return dict(entry.split("=", 1) for entry in stage.split(","))


def free_ports(names: Iterable[str]) -> dict[str, int]:
    """Return a free port for each name. All ports differ."""
    with ExitStack() as stack:
        probes = {name: stack.enter_context(socket.socket()) for name in names}
        for probe in probes.values():
            probe.bind(("127.0.0.1", 0))
        return {name: probe.getsockname()[1] for name, probe in probes.items()}


def _stop(children: list["subprocess.Popen[bytes]"]) -> None:
    for child in children:
        if child.poll() is None:
            os.killpg(child.pid, signal.SIGTERM)
    for child in children:
        try:
            child.wait(timeout=15)
        except subprocess.TimeoutExpired:
            os.killpg(child.pid, signal.SIGKILL)
