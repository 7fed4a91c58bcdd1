"""Finds rules and rights that changed after a plan was made."""

from oncall.models import User
from syncjobs.models import START, SyncProfile, SyncRun


def is_limited(run: SyncRun) -> bool:
    """Whether the run reads only a few chosen objects."""
    return "only" in run.scope


def is_approved(run: SyncRun) -> bool:
    """Whether somebody approved the plan of the run."""
    return "approved_rules" in run.checkpoint


def lost_right(run: SyncRun) -> str:
    """Return that the account that approved the plan has lost the right to, as a sentence. Empty: it still has it.

    The shell approves without an account.
    """
    approver = run.checkpoint.get("approved_by")
    if approver is None:
        return ""
    account = User.objects.filter(pk=approver).first()
    return "" if account is not None and account.has_perm(START) else "Who approved this plan may not start syncs now."


def changed_rules(run: SyncRun, profile: SyncProfile) -> str:
    """Return what changed since the plan was made or approved, as a sentence. Empty: nothing changed."""
    changed = []
    selection = run.checkpoint.get("approved_selection", run.scope.get("selection"))
    if not is_limited(run) and selection != profile.selection:
        changed.append("selection")
    if run.checkpoint.get("approved_rules", run.rules_version) != profile.rules_version:
        changed.append("rules")
    return (
        f"The {' and the '.join(changed)} of {profile.connection} changed after this plan was made." if changed else ""
    )
