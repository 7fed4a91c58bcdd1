"""Evidence of questions contains keys instead of sentences: stored evidence is converted.

Open questions about equal names are closed, because there was one for each pair of rows;
the next plan of a connection opens one for each name.
"""

from typing import Any, Final

from django.db import migrations
from django.utils import timezone

NAMES: Final = ("duplicate_schedule", "duplicate_policy", "team_name_collision")
CODES: Final = {
    "the source reports no e-mail address": "no_email",
    "the e-mail address cannot be compared safely": "not_comparable",
    "no account has this e-mail address": "no_account",
    "the account with this address has privileges and must be linked by hand": "privileged",
    "the account with this address is linked to somebody else": "taken",
    "an account with this address exists and can be linked": "linkable",
}
COLUMNS: Final = ("kind", "subject_key", "label", "evidence", "evidence_hash", "paths", "state", "closed_at")


def convert(apps: Any, editor: Any) -> None:
    conflicts = apps.get_model("syncjobs", "Conflict").objects
    now, batch = timezone.now(), []
    for conflict in conflicts.order_by("pk").iterator(chunk_size=500):
        _convert(conflict, now)
        batch.append(conflict)
        if len(batch) == 500:
            conflicts.bulk_update(batch, COLUMNS, batch_size=100)
            batch = []
    conflicts.bulk_update(batch, COLUMNS, batch_size=100)
    _unite_zones(conflicts, now)


def _convert(conflict: Any, now: Any) -> None:
    """Convert the evidence. Its hash is emptied, so that the next plan with this question stores it again."""
    evidence = conflict.evidence
    conflict.evidence_hash = ""
    if conflict.kind == "user_not_found":
        why = evidence.get("why", "")
        conflict.evidence = {"email": evidence.get("email", ""), "why": CODES.get(why, "no_account")}
    elif conflict.kind == "ambiguous":
        email = evidence.get("email", conflict.subject_key)
        conflict.evidence = {"email": email, "people": []}
        conflict.subject_key, conflict.label = f"{conflict.connection_id}:{email}", email
    elif conflict.kind in NAMES:
        others = evidence.get("other row", [])
        others = others if isinstance(others, list) else [others]
        rows = sorted({f"{conflict.connection_id}:{conflict.external_id}", *others})
        conflict.evidence = {"name": evidence.get("name", ""), "rows": rows}
        if conflict.state == "open":
            conflict.state, conflict.closed_at = "closed", now
    elif conflict.kind == "timezone_mismatch" and not conflict.paths:
        conflict.evidence = {
            "raw": evidence.get("raw", ""),
            "rule": "",
            "candidates": evidence.get("candidates", []),
        }
    elif conflict.kind == "deleted_here":
        conflict.evidence = {"active": {"here": None, "source": True}}
    else:
        conflict.evidence = {
            path: {"here": sides.get("here"), "source": sides.get("at the source")}
            for path, sides in evidence.items()
            if isinstance(sides, dict)
        }


def _unite_zones(conflicts: Any, now: Any) -> None:
    """Make a zone that was edited on both sides a part of the question about the other fields of its schedule."""
    for zone in list(conflicts.filter(kind="timezone_mismatch").exclude(paths=[])):
        subject = zone.subject_key.removesuffix(":time_zone")
        other = conflicts.filter(kind="both_edited", subject_key=subject, state="open").first()
        if zone.state == "open" and other is not None:
            other.paths, other.evidence = [*zone.paths, *other.paths], {**zone.evidence, **other.evidence}
            conflicts.bulk_update([other], ["paths", "evidence"])
            zone.state, zone.closed_at = "closed", now
        zone.kind, zone.subject_key = "both_edited", subject
        conflicts.bulk_update([zone], COLUMNS)


class Migration(migrations.Migration):
    dependencies = [
        ("syncjobs", "0008_heartbeat"),
    ]

    operations = [
        migrations.RunPython(convert, migrations.RunPython.noop),
    ]
