"""List who of a source has an account, and invite those who have none."""

from collections.abc import Iterator
from dataclasses import asdict
from pathlib import Path
from typing import Any, Final

from django.core.management.base import CommandError, CommandParser

from connectors.models import Connection
from oncall.emails import canonical_email
from oncall.models import User
from syncjobs.deciding.inviting import invite_address, revoke
from syncjobs.invitations.buckets import BUCKETS, Person, buckets_of
from syncjobs.invitations.outbox import work_off
from syncjobs.management.shell import DONE, ERROR, USAGE, WAITING, ShellCommand, find_account, find_connection
from syncjobs.models import OPEN_INVITATION, Invitation, InvitationState
from syncjobs.planning.decisions.values import Refused
from syncjobs.words.invitations import invitation_in_words

#: The words of the table for buckets whose name in ``--json`` can be misread.
SHOWN: Final = {"left": "stays without an account"}


class Command(ShellCommand):
    help = (
        "List the people of a connection by what they need to get an account here, or invite addresses. Exit 3 when "
        "proposals wait for an administrator, or when some addresses were refused; 1 when all were."
    )

    def add_arguments(self, parser: CommandParser) -> None:
        parser.add_argument("connection")
        parser.add_argument("emails", nargs="*", metavar="EMAIL", help="approve and send an invitation")
        parser.add_argument("--file", metavar="LIST", help="a file with one address a line: invite these, too")
        parser.add_argument("--propose", action="store_true", help="let an administrator approve the invitations")
        parser.add_argument("--revoke", action="append", default=[], metavar="EMAIL", help="revoke an invitation")
        parser.add_argument("--by", metavar="EMAIL", help="the account that invites (default: the shell, every right)")

    def work(self, **options: Any) -> int:
        connection = find_connection(options["connection"])
        by = find_account(options["by"]) if options["by"] else None
        refused: list[dict[str, Any]] = []
        done: list[Invitation] = []
        for email in options["revoke"]:
            self._try(refused, done, None, email, lambda email: _revoke(connection, email, by))
        for line, email in [*((None, each) for each in options["emails"]), *_lines_of(options["file"])]:
            self._try(refused, done, line, email, lambda email: self._invite(connection, email, by, options))
        work_off([invitation.pk for invitation in done])
        self._print(connection, done, refused, options)
        if refused and not done:
            return ERROR
        proposals = Invitation.objects.filter(connection=connection, state=InvitationState.PROPOSED).exists()
        return WAITING if proposals or refused else DONE

    def _try(
        self, refused: list[dict[str, Any]], done: list[Invitation], line: int | None, email: str, work: Any
    ) -> None:
        """Do the work for one address. A refusal is noted and does not stop the others."""
        try:
            done.append(work(email))
        except Refused as error:
            refused.append({"line": line, "email": email, "error": str(error), "code": error.code})

    def _invite(self, connection: Connection, email: str, by: User | None, options: Any) -> Invitation:
        invited = invite_address(connection, email, by, only_propose=options["propose"])
        if invited.repeated and not options["json"]:
            self.stdout.write(f"{invited.invitation} is invited already. Nothing was changed.")
        return invited.invitation

    def _print(
        self, connection: Connection, done: list[Invitation], refused: list[dict[str, Any]], options: Any
    ) -> None:
        buckets = buckets_of(connection)
        if options["json"]:
            document: dict[str, Any] = {name: list(map(asdict, people)) for name, people in buckets.items()}
            self.print_json({**document, "refused": refused} if done or refused else document)
            return
        present = Invitation.objects.select_related("proposed_by").in_bulk([invitation.pk for invitation in done])
        for invitation in done:
            self.stdout.write(invitation_in_words(present[invitation.pk]))
        for each in refused:
            where = f"Line {each['line']}: " if each["line"] else ""
            self.stdout.write(f"{where}{each['error']} Nothing was done for it.")
        if not (done or refused):
            rows = [(SHOWN.get(name, name), *_row(person)) for name in BUCKETS for person in buckets[name]]
            self.print_table(("state", "e-mail", "name", "id", "holds up"), rows)


def _row(person: Person) -> tuple[str, str, str, str]:
    return person.email, person.name, person.external_id or "", "; ".join(person.holds_up)


def _revoke(connection: Connection, text: str, by: User | None) -> Invitation:
    email = canonical_email(text) or ""
    found = Invitation.objects.filter(connection=connection, email=email, state__in=OPEN_INVITATION)
    invitation = found.select_related("connection").first()
    if invitation is None:
        raise Refused("invalid_argument", f"{text!r} has no open invitation of {connection}.")
    revoke(invitation, by)
    return invitation


def _lines_of(path: str | None) -> Iterator[tuple[int, str]]:
    """Yield the number and the address of each line that is not empty. Raises CommandError."""
    if path is None:
        return
    try:
        text = Path(path).read_text(encoding="utf-8-sig")
    except (OSError, UnicodeDecodeError) as error:
        raise CommandError(f"{path} cannot be read as text: {error}.", returncode=USAGE) from error
    for number, line in enumerate(text.splitlines(), 1):
        if address := line.strip().strip(",;"):
            yield number, address
