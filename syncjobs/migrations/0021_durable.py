import django.db.models.deletion
from django.db import migrations, models


class Migration(migrations.Migration):
    dependencies = [("syncjobs", "0020_slots")]

    operations = [
        migrations.AddField("syncrun", "due_at", models.DateTimeField(null=True)),
        migrations.AddField("syncprofile", "failures", models.PositiveIntegerField(default=0, editable=False)),
        migrations.AddField("syncprofile", "quarantined_at", models.DateTimeField(null=True, editable=False)),
        migrations.AddField(
            "syncprofile", "quarantine_code", models.CharField(blank=True, editable=False, max_length=40)
        ),
        migrations.AddField("syncprofile", "quarantine_reason", models.TextField(blank=True, editable=False)),
        migrations.AddField("syncprofile", "next_try_at", models.DateTimeField(null=True, editable=False)),
        migrations.CreateModel(
            "FetchedPage",
            [
                ("id", models.BigAutoField(auto_created=True, primary_key=True, serialize=False, verbose_name="ID")),
                ("key", models.CharField(max_length=32)),
                ("answer", models.BinaryField()),
                (
                    "run",
                    models.ForeignKey(
                        on_delete=django.db.models.deletion.CASCADE, related_name="pages", to="syncjobs.syncrun"
                    ),
                ),
            ],
            options={
                "constraints": [
                    models.UniqueConstraint(fields=("run", "key"), name="one_page_per_request_and_run")
                ]
            },
        ),
    ]
