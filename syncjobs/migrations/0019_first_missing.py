from django.db import migrations, models


class Migration(migrations.Migration):
    """A first sighting without its rights counts as none, so it need not be copied."""

    dependencies = [("syncjobs", "0018_impact")]

    operations = [
        migrations.AddField("externallink", "first_missing", models.JSONField(default=dict)),
        migrations.RemoveField("externallink", "missing_at"),
    ]
