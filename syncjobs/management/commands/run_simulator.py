"""Serve a simulated vendor on this machine."""

from typing import Any

from django.core.management.base import CommandError, CommandParser

from connectors.simulator.serve import PROVIDERS, serve
from syncjobs.management.shell import DONE, ShellCommand


class Command(ShellCommand):
    requires_system_checks: tuple[str, ...] = ()  # no real installation is touched
    help = "Serve a simulated vendor on 127.0.0.1 until interrupted."

    def add_arguments(self, parser: CommandParser) -> None:
        parser.add_argument("provider", choices=PROVIDERS, nargs="?", default=PROVIDERS[0])
        parser.add_argument("--port", type=int, default=0, help="default: any free port")
        parser.add_argument("--size", type=int, help="about this many entities (default: a few)")
        parser.add_argument("--seed", type=int, default=7)
        parser.add_argument("--seconds", type=float, help="stop after this many seconds")

    def work(self, **options: Any) -> int:
        def announce(origin: str) -> None:
            host_port = origin.removeprefix("http://")
            if options["json"]:
                self.print_json({"provider": options["provider"], "origin": origin})
            else:
                self.stdout.write(f"Simulated {options['provider']} at {origin}")
                self.stdout.write(f"CONNECTOR_ORIGINS={options['provider']}={origin} EGRESS_ALLOW={host_port}")
            self.stdout.flush()

        try:
            serve(
                options["provider"],
                port=options["port"],
                size=options["size"],
                seed=options["seed"],
                announce=announce,
                seconds=options["seconds"],
            )
        except OSError as error:
            raise CommandError(f"Port {options['port']} cannot be used: {error.strerror}.") from error
        return DONE
