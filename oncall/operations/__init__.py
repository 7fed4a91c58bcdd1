"""The only writers of on-call tables. The admin and the sync call them."""

from oncall.operations.accounts import (
    create_account,
    delete_account,
    link_account,
    set_password,
    set_rights,
    update_account,
)
from oncall.operations.audit import Actor, account, record
from oncall.operations.authority import may_manage
from oncall.operations.drafts import WriteResult, check, lock_versions, write
from oncall.operations.erasing import erase_responder, preview_erasure
from oncall.operations.keys import fill_references, follow_merges
from oncall.operations.leads import decline_lead, grant_lead, revoke_lead
from oncall.operations.lifecycle import deactivate, delete, reactivate
from oncall.operations.merging import lock_for_merge, merge

__all__ = [
    "Actor",
    "WriteResult",
    "account",
    "check",
    "create_account",
    "deactivate",
    "decline_lead",
    "delete",
    "delete_account",
    "erase_responder",
    "fill_references",
    "follow_merges",
    "grant_lead",
    "link_account",
    "lock_for_merge",
    "lock_versions",
    "may_manage",
    "merge",
    "preview_erasure",
    "reactivate",
    "record",
    "revoke_lead",
    "set_password",
    "set_rights",
    "update_account",
    "write",
]
