from django.db import migrations, models


class Migration(migrations.Migration):
    dependencies = [("syncjobs", "0017_missing_and_held")]

    operations = [
        migrations.AddField("syncrun", "impact", models.JSONField(null=True)),
        migrations.AddField(
            "syncprofile",
            "approval_on_impact",
            models.BooleanField(
                default=False,
                help_text="Wait for approval if a sync would change who is on call now or in the next 24 hours, or "
                "leave hours of the next 7 days without anyone.",
            ),
        ),
    ]
