"""Re-encrypt every stored credential with the first key of CREDENTIAL_KEYS."""

from typing import Any

from django.db import transaction

from connectors.credentials import CredentialUnreadable, is_current
from connectors.models import Connection
from syncjobs.management.shell import DONE, ERROR, ShellCommand


class Command(ShellCommand):
    help = "Re-encrypt stored credentials with the first key. Afterwards the other keys can be removed."

    def work(self, **options: Any) -> int:
        rotated, current, unreadable = 0, 0, []
        for pk in Connection.objects.values_list("pk", flat=True):
            with transaction.atomic():
                connection = Connection.objects.select_for_update().get(pk=pk)
                if all(is_current(sealed) for sealed in connection.credentials.values()):
                    current += 1
                    continue
                try:
                    opened = {field: secret.reveal() for field, secret in connection.secrets().items()}
                except CredentialUnreadable as error:
                    unreadable.append(f"{connection.name}: {error}")
                    continue
                connection.seal_credentials(opened)
                connection.save(update_fields=["credentials"])
                rotated += 1
        if options["json"]:
            self.print_json({"rotated": rotated, "current": current, "unreadable": unreadable})
        else:
            self.stdout.write(f"{rotated} re-encrypted, {current} already used the first key.")
            for line in unreadable:
                self.stdout.write(line)
        return ERROR if unreadable else DONE
