"""Print what is left to do after an import, each with its figure; assign the owners of services."""

from collections.abc import Sequence
from typing import Any

from django.core.management.base import CommandError, CommandParser
from django.utils import timezone

from oncall.errors import InvalidDraft, StaleRows
from oncall.models import Service, User
from oncall.operations import Actor
from syncjobs.management.shell import DONE, ERROR, USAGE, WAITING, ShellCommand, find_account, find_profile
from syncjobs.models import SyncProfile
from syncjobs.pages.after_import.checklist import checklist
from syncjobs.pages.after_import.services import UnknownName, assign, chosen_services, find_owners


class Command(ShellCommand):
    help = "Print what is left to do after the import of a connection. Exit 3 when a step is not done."

    def add_arguments(self, parser: CommandParser) -> None:
        parser.add_argument("connection")
        words = "give services of the connection a --group, a --policy or both"
        parser.add_argument("--assign", nargs="+", type=int, default=[], metavar="SERVICE", help=words)
        parser.add_argument("--group", default="", metavar="NAME", help="with --assign: the user group that owns them")
        parser.add_argument("--policy", default="", metavar="NAME", help="with --assign: their escalation policy")
        parser.add_argument("--by", metavar="EMAIL", help="the account that assigns them (default: the shell)")

    def work(self, **options: Any) -> int:
        profile = find_profile(options["connection"])
        if bool(options["assign"]) != bool(options["group"] or options["policy"]):
            raise CommandError("--assign needs --group or --policy, and these need --assign.", returncode=USAGE)
        by = find_account(options["by"]) if options["by"] else None
        assigned = self._assign(profile, options["assign"], options["group"], options["policy"], by)
        checks = checklist(profile, int(timezone.now().timestamp()))
        states = ["coming" if check.is_coming else "done" if check.is_done else "open" for check in checks]
        if options["json"]:
            steps = [
                {"step": check.title, "state": state, "figure": check.figure}
                for check, state in zip(checks, states, strict=True)
            ]
            self.print_json({"connection": profile.connection.name, "assigned": assigned, "steps": steps})
        else:
            if options["assign"]:
                self.stdout.write(f"Services that were changed: {assigned}.")
            rows = [(check.title, state, check.figure) for check, state in zip(checks, states, strict=True)]
            self.print_table(("step", "state", "figure"), rows)
        return WAITING if "open" in states else DONE

    def _assign(self, profile: SyncProfile, ids: Sequence[int], group: str, policy: str, by: User | None) -> int:
        if not ids:
            return 0
        if by is not None and not by.has_perm("oncall.change_service"):
            raise CommandError(f"{by} may not change services. Nothing was changed.", returncode=ERROR)
        versions = dict(Service.objects.filter(pk__in=ids).values_list("pk", "version"))
        services = chosen_services(profile, versions)
        if unknown := sorted(set(ids) - {service.pk for service in services}):
            numbers = ", ".join(map(str, unknown))
            raise CommandError(
                f"{profile.connection.name} has no active service {numbers}. Nothing was changed.", returncode=USAGE
            )
        try:
            return assign(services, find_owners(group, policy), Actor(by.pk if by else None, "shell"))
        except UnknownName as unknown_name:
            raise CommandError(str(unknown_name), returncode=USAGE) from unknown_name
        except (InvalidDraft, StaleRows) as refused:
            raise CommandError(f"{refused} Nothing was changed.", returncode=ERROR) from refused
