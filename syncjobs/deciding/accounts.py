"""Writes what was decided about the account to which the key of a connection belongs."""

from typing import Final

from connectors.models import Connection
from connectors.registry import settings_of_account
from oncall.models import User
from syncjobs.errors import RunAlreadyActive
from syncjobs.models import RunKind, SyncProfile, SyncRun
from syncjobs.planning.decisions.values import AccountOfSource, Refused
from syncjobs.runs.start import start

#: The columns of a connection that an answer about its account sets.
_COLUMNS: Final = ("account_id", "account_label", "refused_account")


def account_columns(connection: Connection) -> dict[str, str]:
    """Return what a connection stores of its account, by column."""
    return {name: getattr(connection, name) for name in _COLUMNS}


def decide_account(
    connection: Connection, account: AccountOfSource, by: User | None, *, notify: bool
) -> SyncRun | None:
    """Refuse the account, or make it that of the connection and start a plan for review. Return the run of the plan.

    Call it within a transaction. The plan compares all objects, also those whose record did not change. notify: False
    if the caller drives the run. Raises Refused if another run is active: it reads the former account.
    """
    if not account.accepted:
        connection.refused_account = account.label[:200]
        connection.save(update_fields=["refused_account"])
        return None
    connection.account_id, connection.account_label, connection.learnt = account.id[:200], account.label[:200], {}
    connection.settings = settings_of_account(connection.provider, connection.settings, account.id)
    connection.save(update_fields=["account_id", "account_label", "learnt", "settings"])
    SyncProfile.objects.filter(connection=connection).update(evaluated_mapping={})
    profile = SyncProfile.objects.select_related("connection").get(connection=connection)
    try:
        return start(profile, RunKind.PLAN, by=by, notify=notify)
    except RunAlreadyActive as active:
        raise Refused("stale_question", f"{active} Nothing was written. Answer when it has ended.") from active
