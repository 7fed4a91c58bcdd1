"""Re-encrypt every stored credential with the first key of CREDENTIAL_KEYS."""

from typing import Any

from django.db import transaction

from connectors.credentials import CredentialUnreadable, is_current
from connectors.models import Connection
from syncjobs.management.shell import DONE, ERROR, ShellCommand
from syncjobs.models import ConnectionDraft


class Command(ShellCommand):
    help = "Re-encrypt stored credentials with the first key. Afterwards the other keys can be removed."

    def work(self, **options: Any) -> int:
        rotated, current, unreadable = 0, 0, []
        rows = [
            (model, pk) for model in (Connection, ConnectionDraft) for pk in model.objects.values_list("pk", flat=True)
        ]
        for model, pk in rows:
            with transaction.atomic():
                row = model.objects.select_for_update().filter(pk=pk).first()
                if row is None:  # the draft was finished meanwhile
                    continue
                if all(is_current(sealed) for sealed in row.credentials.values()):
                    current += 1
                    continue
                try:
                    opened = {field: secret.reveal() for field, secret in row.secrets().items()}
                except CredentialUnreadable as error:
                    unreadable.append(f"{row}: {error}")
                    continue
                row.seal_credentials(opened)
                row.save(update_fields=["credentials"])
                rotated += 1
        if options["json"]:
            self.print_json({"rotated": rotated, "current": current, "unreadable": unreadable})
        else:
            self.stdout.write(f"{rotated} re-encrypted, {current} already used the first key.")
            for line in unreadable:
                self.stdout.write(line)
        return ERROR if unreadable else DONE
