"""Create and test a connection to a source."""

import getpass
import os
import sys
from typing import Any

from django.core.management.base import CommandError, CommandParser

from connectors.connections.probe import probe_connection
from connectors.errors import ConnectionConfigError, ConnectorError
from connectors.models import Connection
from connectors.registry import CONNECTORS, connector_class
from syncjobs.management.shell import DONE, USAGE, ShellCommand
from syncjobs.models import SyncProfile


class Command(ShellCommand):
    help = "Connect a source. Credentials are read from environment variables or from a prompt, never from arguments."

    def add_arguments(self, parser: CommandParser) -> None:
        parser.add_argument("name", help="name of the new connection")
        parser.add_argument("--provider", choices=[c.provider for c in CONNECTORS], default=CONNECTORS[0].provider)
        parser.add_argument("--set", action="append", default=[], metavar="FIELD=VALUE", dest="given")
        parser.add_argument("--secret", action="append", default=[], metavar="FIELD=ENV_VARIABLE", dest="secrets")
        parser.add_argument("--no-test", action="store_true", help="store the connection without a test")

    def work(self, **options: Any) -> int:
        cls = connector_class(options["provider"])
        fields = {field.name: field for field in cls.fields()}
        given = _pairs(options["given"], fields.keys())
        variables = _pairs(options["secrets"], [f.name for f in fields.values() if f.kind == "secret"])
        if Connection.objects.filter(name=options["name"]).exists():
            raise CommandError(f"There is already a connection {options['name']!r}. Choose another name.")
        initial = {f.name: f.initial for f in fields.values() if f.kind != "secret"}
        connection = Connection(name=options["name"], provider=cls.provider, settings=cls.clean({**initial, **given}))
        for field in fields.values():
            if field.kind == "secret":
                secret = _secret(field.name, field.label, variables.get(field.name))
                if not secret:
                    raise ConnectionConfigError(
                        f"{field.label} is missing.",
                        hint=f"Use --secret {field.name}=NAME_OF_A_VARIABLE, or type it at the prompt.",
                        provider=cls.provider,
                        field=field.name,
                    )
                connection.seal_credentials({field.name: secret})
        connection.save()
        if not options["no_test"]:
            try:
                probe_connection(connection)
            except ConnectorError:
                connection.delete()
                raise
        SyncProfile.objects.create(connection=connection)
        if options["json"]:
            self.print_json({"connection": connection.name, "account": connection.account_label or None})
        else:
            self.stdout.write(f"Connected {connection.name} to {connection.account_label or 'an untested account'}.")
            self.stdout.write(f"Plan the first import with: manage.py sync_plan {connection.name!r}")
        return DONE


def _pairs(texts: list[str], names: Any) -> dict[str, str]:
    pairs = {}
    for text in texts:
        name, equals, value = text.partition("=")
        if not equals or name not in names:
            raise CommandError(f"There is no field {name!r}. Fields: {', '.join(names)}.", returncode=USAGE)
        pairs[name] = value
    return pairs


def _secret(name: str, label: str, variable: str | None) -> str:
    if variable is not None:
        return os.environ.get(variable, "")
    if sys.stdin.isatty():
        return getpass.getpass(f"{label}: ")
    return sys.stdin.readline().strip()
