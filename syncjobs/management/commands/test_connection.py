"""Test a connection: show its account, and what its credential may read."""

from dataclasses import asdict
from typing import Any

from django.core.management.base import CommandParser

from connectors.connections.key_age import key_reminder, key_with_age
from connectors.connections.probe import probe_connection
from connectors.records import ENTITY_WORDS
from syncjobs.management.shell import DONE, WAITING, ShellCommand, find_connection


class Command(ShellCommand):
    help = "Show the account of a credential and what it may read. Exit 3 if a right is missing."

    def add_arguments(self, parser: CommandParser) -> None:
        parser.add_argument("connection")

    def work(self, **options: Any) -> int:
        connection = find_connection(options["connection"])
        probe = probe_connection(connection)
        if options["json"]:
            self.print_json(asdict(probe))
        else:
            self.stdout.write(f"Account: {probe.account.label} ({probe.account.region or 'no region'})")
            self.stdout.write(f"In use: {key_with_age(connection)}.")
            if reminder := key_reminder(connection):
                self.stdout.write(reminder)
            words = {True: "yes", False: "NO", None: "not reported"}
            self.print_table(
                ("may read", "", "what to do"),
                [(ENTITY_WORDS[r.entity_type][1], words[r.granted], r.detail) for r in probe.rights],
            )
            for message in probe.messages:
                self.stdout.write(message)
            if probe.calls_per_minute:
                self.stdout.write(f"The source allows {probe.calls_per_minute} calls a minute.")
        return WAITING if any(right.granted is False for right in probe.rights) else DONE
