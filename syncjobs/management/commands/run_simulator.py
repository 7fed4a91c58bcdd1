"""Serve a simulated vendor on this machine."""

from typing import Any, Final

from django.core.management.base import CommandError, CommandParser

from connectors.registry import connector_class, provider_label
from connectors.simulator.serve import PROVIDERS, demo_account, serve
from syncjobs.management.shell import DONE, ShellCommand

_MANAGE: Final = ".venv/bin/python manage.py"


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
            if options["json"]:
                self.print_json({"provider": options["provider"], "origin": origin})
            else:
                self.stdout.write("\n".join(lines_to_paste(options["provider"], origin)))
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


def lines_to_paste(provider: str, origin: str) -> list[str]:
    """Return the lines that lead a site to the simulator and connect it, with the key of the simulated account."""
    settings_of, credentials = demo_account(provider)
    secrets = {f"SIMULATED_{name.upper()}": (name, value) for name, value in credentials.items()}
    assigned = " ".join(f"{variable}={value}" for variable, (_, value) in secrets.items())
    given = " ".join(f"--set {name}={value}" for name, value in settings_of.items())
    secret = " ".join(f"--secret {name}={variable}" for variable, (name, _) in secrets.items())
    values = settings_of | credentials
    fields = [field for field in connector_class(provider).fields() if field.name in values]
    entries = [f"  {field.label}: {field.shown(values[field.name])}" for field in fields]
    platform = provider_label(provider)
    return [
        f"A simulated {platform} answers at {origin} until Ctrl-C.",
        "",
        "Paste this into the shell that starts the site (only a site with DEBUG accepts it):",
        f"  export DEBUG=true CONNECTOR_ORIGINS={provider}={origin} EGRESS_ALLOW={origin.removeprefix('http://')}",
        "For several simulators, join the values of each variable with a comma.",
        "",
        f"Then connect it on the site, under Sources, Connect a source (or +), {platform}, with any name:",
        *entries,
        "",
        "Or in another shell, after the same export:",
        f"  {assigned} {_MANAGE} connect_source simulated --provider {provider} {given} {secret}",
        f"  {_MANAGE} sync_plan simulated",
    ]
