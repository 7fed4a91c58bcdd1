"""Create and test a connection to a source, or replace its key."""

import getpass
import os
import sys
from typing import Any

from django.core.management.base import CommandError, CommandParser

from connectors.base import Connector
from connectors.connections.probe import probe_connection
from connectors.connections.replacing import DOUBTS, NotReplaced, replace_key
from connectors.errors import ConnectionConfigError, ConnectorError
from connectors.models import Connection
from connectors.registry import CONNECTORS, connector_class
from syncjobs.conflicts.audit import actor_of
from syncjobs.management.shell import DONE, ERROR, USAGE, ShellCommand, find_account, find_connection
from syncjobs.models import SyncProfile


class Command(ShellCommand):
    help = (
        "Connect a source, or replace the key of a connection with --replace-key. Credentials are read from "
        "environment variables, from a prompt or from the standard input, one a line, never from arguments."
    )

    def add_arguments(self, parser: CommandParser) -> None:
        parser.add_argument("name", help="name of the new connection; with --replace-key, of a connection")
        parser.add_argument("--provider", choices=[c.provider for c in CONNECTORS], help="default: %(default)s")
        parser.set_defaults(provider=CONNECTORS[0].provider)
        parser.add_argument("--set", action="append", default=[], metavar="FIELD=VALUE", dest="given")
        parser.add_argument("--secret", action="append", default=[], metavar="FIELD=ENV_VARIABLE", dest="secrets")
        parser.add_argument("--no-test", action="store_true", help="store the new connection without a test")
        parser.add_argument(
            "--replace-key", action="store_true", help="test a new key, and store it in the place of the old one"
        )
        parser.add_argument(
            "--accept", action="append", default=[], choices=DOUBTS, help="take a new key in spite of this"
        )
        parser.add_argument("--by", metavar="EMAIL", help="the account that replaces it (default: the shell)")

    def work(self, **options: Any) -> int:
        if options["replace_key"]:
            return self._replace(options)
        if options["accept"] or options["by"]:
            raise CommandError("--accept and --by need --replace-key.", returncode=USAGE)
        cls = connector_class(options["provider"])
        if Connection.objects.filter(name=options["name"]).exists():
            raise CommandError(
                f"There is already a connection {options['name']!r}. Choose another name, or use --replace-key to "
                "replace its key."
            )
        initial = {f.name: f.initial for f in cls.fields() if f.kind != "secret"}
        given = _pairs(options["given"], [f.name for f in cls.fields()])
        connection = Connection(name=options["name"], provider=cls.provider, settings=cls.clean({**initial, **given}))
        connection.enter_credentials(_secrets(cls, options["secrets"]))
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

    def _replace(self, options: Any) -> int:
        """Replace the key of a connection. The old key stays in use if the exit code is not 0."""
        connection = find_connection(options["name"])
        if options["no_test"]:
            raise CommandError("--replace-key tests the new key always. Leave --no-test out.", returncode=USAGE)
        by = find_account(options["by"]) if options["by"] else None
        if by is not None and not by.has_perm("connectors.change_connection"):
            raise self._kept(
                "Your account may not change connections. The old key stays in use.", "not_allowed", options
            )
        cls = connector_class(connection.provider)
        names = [field.name for field in cls.fields() if field.with_key and field.kind != "secret"]
        settings = cls.clean({**connection.settings, **_pairs(options["given"], names)})
        try:
            replaced = replace_key(
                connection,
                _secrets(cls, options["secrets"]),
                settings,
                by=actor_of(by),
                accepted=options["accept"],
                is_bound=connection.links.exists(),
            )
        except NotReplaced as refused:
            doubts = [objection.doubt for objection in refused.objections]
            accept = " ".join(f"--accept {doubt}" for doubt in doubts)
            raise self._kept(f"{refused} To use it nevertheless, add {accept}.", doubts[0], options) from refused
        if options["json"]:
            document = {"connection": connection.name, "account": connection.account_label or None}
            self.print_json({**document, "asks_about": replaced.other_account or None})
        elif replaced.other_account:
            self.stdout.write(
                f"The key of {connection.name} is replaced by one of {replaced.other_account}. The next read imports "
                "nothing: it asks whether this account is used from now on."
            )
        elif replaced.is_same:
            self.stdout.write(
                f"This is the key that {connection.name} already uses: {connection.account_label} can be read."
            )
        else:
            self.stdout.write(f"The key of {connection.name} is replaced: {connection.account_label} can be read.")
        return DONE

    def _kept(self, sentence: str, code: str, options: Any) -> CommandError:
        """Return the error of a refusal, which is printed as a document if that was asked for."""
        if options["json"]:
            self.print_json({"error": sentence, "code": code})
        return CommandError(sentence, returncode=ERROR)


def _pairs(texts: list[str], names: Any) -> dict[str, str]:
    pairs = {}
    for text in texts:
        name, equals, value = text.partition("=")
        if not equals or name not in names:
            raise CommandError(f"There is no field {name!r}. Fields: {', '.join(names)}.", returncode=USAGE)
        pairs[name] = value
    return pairs


def _secrets(cls: type[Connector], texts: list[str]) -> dict[str, str]:
    """Return all credentials of a connector. Raises ConnectionConfigError if one is missing."""
    fields = [field for field in cls.fields() if field.kind == "secret"]
    variables = _pairs(texts, [field.name for field in fields])
    found = {}
    for field in fields:
        found[field.name] = _secret(field.label, variables.get(field.name))
        if not found[field.name]:
            raise ConnectionConfigError(
                f"{field.label} is missing.",
                hint=f"Use --secret {field.name}=NAME_OF_A_VARIABLE, or type it at the prompt.",
                provider=cls.provider,
                field=field.name,
            )
    return found


def _secret(label: str, variable: str | None) -> str:
    if variable is not None:
        return os.environ.get(variable, "").strip()
    if sys.stdin.isatty():
        return getpass.getpass(f"{label}: ").strip()
    return sys.stdin.readline().strip()
