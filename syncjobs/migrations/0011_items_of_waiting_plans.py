"""Items of plans that wait keep both sides of what they do to the base of their link.

An item without them would write its row without settling the base, so that the next change at the source would look
like an edit on both sides. Items that are over stay as they are.
"""

from typing import Any

from django.db import migrations


def convert(apps: Any, editor: Any) -> None:
    items = apps.get_model("syncjobs", "SyncItem").objects
    waiting = items.filter(outcome="", changes__has_key="base").select_related("link").order_by("pk")
    batch = []
    for item in waiting.iterator(chunk_size=500):
        new = item.changes.pop("base")
        item.changes["link"] = {"base": [_before(new, item.link.base if item.link else {}), new]}
        batch.append(item)
        if len(batch) == 500:
            items.bulk_update(batch, ["changes"], batch_size=100)
            batch = []
    items.bulk_update(batch, ["changes"], batch_size=100)


def _before(patch: Any, base: Any) -> dict[str, Any]:
    """Return the values that the base has for the paths of a patch. An item whose link has changed is stale anyway."""
    fields, elements = base.get("fields", {}), base.get("elements", {})
    return {
        "fields": {path: fields[path] for path in patch.get("fields", {}) if path in fields},
        "elements": {
            name: {key: elements[name][key] for key in changes if key in elements.get(name, {})}
            for name, changes in patch.get("elements", {}).items()
        },
    }


class Migration(migrations.Migration):
    dependencies = [
        ("syncjobs", "0010_questions"),
    ]

    operations = [
        migrations.RunPython(convert, migrations.RunPython.noop),
    ]
