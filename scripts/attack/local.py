"""Edits by an administrator, through the pages of the admin."""

from random import Random
from typing import Any

from django.urls import reverse

from oncall.models import ChangeRecord
from oncall.selectors.states import load_states
from oncall.tables.base import element_key
from oncall.tables.kinds import ROOTS
from scripts.attack.forms import Form, problems
from scripts.attack.site import LocalEdit, Site, Violation

_KINDS: Any = ("responder", "user_group", "schedule", "escalation_policy", "service")


def _row(site: Site, random: Random, kinds: Any = _KINDS) -> tuple[Any, Any] | None:
    found = [(kind, row) for kind in kinds for row in ROOTS[kind].rows.filter(merged_into=None).order_by("pk")]
    return random.choice(found) if found else None


def _page(kind: str, name: str, row: Any) -> str:
    return reverse(f"admin:oncall_{type(row)._meta.model_name}_{name}", args=[row.pk])


def edit_in_form(site: Site, random: Random) -> None:
    """Open the form of a row and save it with one change."""
    picked = _row(site, random)
    if picked is None:
        return
    kind, row = picked
    form = Form(site.browser, _page(kind, "change", row))
    word = f"Local {random.randint(1, 999)}"
    changes: dict[str, tuple[dict[str, str], str, Any]] = {"name": ({"name": word}, "name", word)}
    if "description" in form.data:
        changes["description"] = ({"description": word}, "description", word)
    if kind == "responder":
        changes["title"] = ({"title": word}, "title", word)
        address = f"local.{random.randint(1, 999)}@example.com"
        changes["email"] = ({"email": address}, "email", address)
        if "contact_methods-0-label" in form.data:
            changes["label"] = ({"contact_methods-0-label": word}, "contact_methods", None)
    if kind == "user_group" and "members-0-person" in form.data:
        member = row.members.get(pk=int(form.data["members-0-id"]))
        changes["member"] = ({"members-0-DELETE": "on"}, f"members.{element_key(member)}", None)
    if kind == "schedule":
        changes["time_zone"] = ({"time_zone": "Asia/Tokyo"}, "time_zone", "Asia/Tokyo")
    sent, path, value = changes[random.choice(sorted(changes))]
    response = form.send(**sent)
    if response.status_code != 302:
        site.say(f"  {kind} {row.pk} {sent}: refused: {problems(response)}")
        return
    site.touched.add((kind, row.pk))
    site.say(f"  {kind} {row.pk} {sent}")
    if path != "contact_methods":
        site.edits = [each for each in site.edits if (each.kind, each.row, each.path) != (kind, row.pk, path)]
        site.edits.append(LocalEdit(kind, row.pk, path, value))


def save_unchanged_form(site: Site, random: Random) -> None:
    """Open the form of a row and save it as it is. That may change nothing."""
    picked = _row(site, random)
    if picked is None:
        return
    kind, row = picked
    before = load_states(kind, [row.pk])[row.pk]
    records = ChangeRecord.objects.count()
    response = Form(site.browser, _page(kind, "change", row)).send()
    site.say(f"  {kind} {row.pk} saved unchanged")
    if "unchanged form" in site.known:
        return
    if response.status_code != 302:
        raise Violation("unchanged form", [f"{kind} {row.pk} cannot be saved unchanged: {problems(response)}"])
    if load_states(kind, [row.pk])[row.pk] != before or ChangeRecord.objects.count() != records:
        changes = list(ChangeRecord.objects.order_by("-pk").values_list("changes", flat=True)[:1])
        raise Violation("unchanged form", [f"{kind} {row.pk} was saved unchanged, and changed: {changes}"])


def switch_active(site: Site, random: Random) -> None:
    """Deactivate or reactivate a row with the action of its list."""
    picked = _row(site, random)
    if picked is None:
        return
    kind, row = picked
    action = "deactivate_selected" if row.active else "reactivate_selected"
    url = reverse(f"admin:oncall_{type(row)._meta.model_name}_changelist")
    if kind == "schedule" and not row.active and row.zone_state != "ok":
        return  # cannot be active
    site.browser.post(url, {"action": action, "_selected_action": [row.pk]})
    after = load_states(kind, [row.pk])[row.pk]
    site.touched.add((kind, row.pk))
    site.edits = [each for each in site.edits if (each.kind, each.row, each.path) != (kind, row.pk, "active")]
    site.edits.append(LocalEdit(kind, row.pk, "active", after.fields["active"]))
    site.say(f"  {kind} {row.pk} {action}: active is {after.fields['active']}")


def delete_row(site: Site, random: Random) -> None:
    """Delete a row with its page. Rows in use stay."""
    picked = _row(site, random)
    if picked is None:
        return
    kind, row = picked
    site.browser.post(_page(kind, "delete", row), {"post": "yes"})
    gone = not ROOTS[kind].rows.filter(pk=row.pk).exists()
    if gone:
        site.touched.add((kind, row.pk))
        site.edits = [each for each in site.edits if (each.kind, each.row) != (kind, row.pk)]
    site.say(f"  {kind} {row.pk} {'deleted' if gone else 'not deleted, it is in use'}")
