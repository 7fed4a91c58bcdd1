from typing import Any

from django.db import migrations, models


def mark(apps: Any, editor: Any) -> None:
    """Marks the records of people, whose addresses are still in them."""
    apps.get_model("oncall", "ChangeRecord").objects.filter(model="responder").update(personal=True)


class Migration(migrations.Migration):
    dependencies = [("oncall", "0007_erase_responder")]

    operations = [
        migrations.AddField("changerecord", "personal", models.BooleanField(default=False)),
        migrations.AddIndex(
            "changerecord",
            models.Index(condition=models.Q(("personal", True)), fields=["at"], name="oncall_changerecord_personal"),
        ),
        migrations.RunPython(mark, migrations.RunPython.noop, elidable=True),
    ]
