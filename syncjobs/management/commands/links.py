"""List the links of a connection and what does not follow its source; release, add and ignore objects."""

from collections.abc import Sequence
from typing import Any

from django.core.management.base import CommandError, CommandParser

from connectors.closure import SELECTABLE
from connectors.records import ENTITY_TYPES, EntityKey
from syncjobs.management.shell import DONE, ERROR, USAGE, ShellCommand, find_account, find_profile
from syncjobs.models import LinkState, SyncProfile
from syncjobs.setup.inventory import inventory_of
from syncjobs.setup.not_followed import (
    Followed,
    add_to_selection,
    followed,
    followed_key,
    ignore_new,
    links_of,
    may_ignore,
    may_release,
    new_objects,
    release,
)

#: Values of --state: a state of links, those with pins, all, or what is new at the source and not selected.
STATES = (*LinkState.values, "pinned", "new", "all")


class Command(ShellCommand):
    help = "List the links of a connection, by state. Release, add or ignore objects; the next sync follows."

    def add_arguments(self, parser: CommandParser) -> None:
        parser.add_argument("connection")
        parser.add_argument("--state", choices=STATES, default="all", help="“new” reads the list of the source")
        for name, words in (
            ("release", "link an ignored object again, or take its pins away"),
            ("add", "add an object to the selection"),
            ("ignore", "do not list a new object any more"),
        ):
            parser.add_argument(f"--{name}", nargs="+", default=[], metavar="TYPE:ID", help=words)
        parser.add_argument("--path", action="append", default=[], help="with --release: only this pin")
        parser.add_argument("--by", metavar="EMAIL", help="the account that changes it (default: the shell)")

    def work(self, **options: Any) -> int:
        profile = find_profile(options["connection"])
        by = find_account(options["by"]) if options["by"] else None
        released = [_key(text, ENTITY_TYPES) for text in options["release"]]
        added = [_key(text, SELECTABLE) for text in options["add"]]
        ignored = [_key(text, SELECTABLE) for text in options["ignore"]]
        if options["path"] and not released:
            raise CommandError("--path needs --release.", returncode=USAGE)
        if ((released or added) and not may_release(by)) or (ignored and not may_ignore(by)):
            sentence = "Only an administrator may release, add or ignore objects. Nothing was changed."
            if options["json"]:
                self.print_json({"error": sentence, "code": "not_allowed"})
            raise CommandError(sentence, returncode=ERROR)
        self._demand_links(profile, released, ignored)
        done = {
            "released": release(profile.connection, released, by, paths=options["path"]) if released else [],
            "added": add_to_selection(profile, added, by) if added else [],
            "ignored": ignore_new(profile.connection, ignored, by) if ignored else [],
        }
        state = options["state"]
        if state == "new":
            found = new_objects(profile, inventory_of(profile.connection, fresh=True))
        else:
            found = [followed(link) for link in links_of(profile.connection, state)]
        if options["json"]:
            names = {name: [_text(key) for key in keys] for name, keys in done.items()}
            self.print_json(
                {"connection": profile.connection.name, **names, "objects": [_document(each) for each in found]}
            )
            return DONE
        for name, keys in done.items():
            if options[{"released": "release", "added": "add", "ignored": "ignore"}[name]]:
                self.stdout.write(f"{name.capitalize()}: {', '.join(map(_text, keys)) or 'nothing, it was so before'}.")
        rows = [
            (_text(each.key), each.label, each.state, each.reason, ", ".join(sorted(each.pins)), each.missing or "")
            for each in found
        ]
        self.print_table(("object", "name", "state", "reason", "pinned", "missing"), rows)
        return DONE

    def _demand_links(self, profile: SyncProfile, released: Sequence[EntityKey], ignored: Sequence[EntityKey]) -> None:
        """Raise CommandError if an object to release has no link, or a new one to ignore has one."""
        linked = {followed_key(link) for link in links_of(profile.connection, "all")} if released or ignored else set()
        if unknown := [_text(key) for key in released if key not in linked]:
            raise CommandError(
                f"{profile.connection.name} has no link to {', '.join(unknown)}. Nothing was changed.", returncode=USAGE
            )
        if known := [_text(key) for key in ignored if key in linked]:
            raise CommandError(
                f"{', '.join(known)} is linked here, so it is not new. --ignore is for what --state new lists. Nothing "
                "was changed.",
                returncode=USAGE,
            )


def _key(text: str, kinds: Sequence[str]) -> EntityKey:
    name, colon, external_id = text.partition(":")
    kind = next((kind for kind in ENTITY_TYPES if kind == name and kind in kinds), None)
    if kind is None or not colon or not 0 < len(external_id) <= 255:
        raise CommandError(f"{text!r} is not TYPE:ID. Types: {', '.join(kinds)}.", returncode=USAGE)
    return kind, external_id


def _text(key: EntityKey) -> str:
    return f"{key[0]}:{key[1]}"


def _document(each: Followed) -> dict[str, Any]:
    return {
        "entity_type": each.key[0],
        "external_id": each.key[1],
        "label": each.label,
        "row_id": each.row_id,
        "state": each.state or "new",
        "reason": each.reason,
        "since": each.since.isoformat() if each.since else None,
        "pins": dict(each.pins),
        "missing": each.missing,
    }
