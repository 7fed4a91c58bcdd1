"""Models of the sync: drafts, profiles, links, runs with items, conflicts, rules, mails, parity checks, heartbeats."""

from syncjobs.models.conflicts import (
    PRESENT_STATES,
    UNDECIDED,
    WAITING_STATES,
    Awaits,
    Conflict,
    ConflictKind,
    ConflictRow,
    ConflictState,
)
from syncjobs.models.drafts import DRAFT_KEPT, ConnectionDraft
from syncjobs.models.heartbeats import Heartbeat, Part
from syncjobs.models.invitations import (
    COOL_DOWN,
    OPEN_INVITATION,
    USABLE_INVITATION,
    VALID_FOR,
    Invitation,
    InvitationState,
)
from syncjobs.models.links import ROW_COLUMNS, ApplyLock, ExternalLink, LinkState
from syncjobs.models.notices import Notice, NoticeKind, NoticeState
from syncjobs.models.pages import FetchedPage
from syncjobs.models.parity import ParityBasis, ParityCheck, ParityJudge
from syncjobs.models.profiles import Strategy, SyncProfile
from syncjobs.models.rules import Rule
from syncjobs.models.runs import (
    ACTIVE,
    HELD_ITEMS,
    OPEN_PLAN,
    START,
    UNTICKED_ITEMS,
    Outcome,
    RunKind,
    RunState,
    SyncItem,
    SyncRun,
)

__all__ = [
    "ACTIVE",
    "COOL_DOWN",
    "DRAFT_KEPT",
    "HELD_ITEMS",
    "OPEN_INVITATION",
    "OPEN_PLAN",
    "PRESENT_STATES",
    "ROW_COLUMNS",
    "START",
    "UNDECIDED",
    "UNTICKED_ITEMS",
    "USABLE_INVITATION",
    "VALID_FOR",
    "WAITING_STATES",
    "ApplyLock",
    "Awaits",
    "Conflict",
    "ConflictKind",
    "ConflictRow",
    "ConflictState",
    "ConnectionDraft",
    "ExternalLink",
    "FetchedPage",
    "Heartbeat",
    "Invitation",
    "InvitationState",
    "LinkState",
    "Notice",
    "NoticeKind",
    "NoticeState",
    "Outcome",
    "ParityBasis",
    "ParityCheck",
    "ParityJudge",
    "Part",
    "Rule",
    "RunKind",
    "RunState",
    "Strategy",
    "SyncItem",
    "SyncProfile",
    "SyncRun",
]
