"""Questions about equal names belong to no single connection; their rows are stored."""

import django.db.models.deletion
from django.db import migrations, models


class Migration(migrations.Migration):
    dependencies = [
        ("connectors", "0002_connection_learnt"),
        ("syncjobs", "0009_evidence_by_key"),
    ]

    operations = [
        migrations.RemoveConstraint("conflict", "one_open_conflict"),
        migrations.RemoveField("conflict", "other_link"),
        migrations.AlterField(
            "conflict",
            "connection",
            models.ForeignKey(
                null=True,
                on_delete=django.db.models.deletion.PROTECT,
                related_name="conflicts",
                to="connectors.connection",
            ),
        ),
        migrations.AlterField("conflict", "external_id", models.CharField(blank=True, max_length=255)),
        migrations.AlterField(
            "conflict",
            "state",
            models.CharField(
                choices=[("open", "Open"), ("proposed", "Proposed"), ("decided", "Decided"), ("closed", "Closed")],
                db_index=True,
                default="open",
                max_length=10,
            ),
        ),
        migrations.AddConstraint(
            "conflict",
            models.UniqueConstraint(
                condition=models.Q(("state", "open")), fields=("kind", "subject_key"), name="one_open_conflict"
            ),
        ),
        migrations.CreateModel(
            name="ConflictRow",
            fields=[
                ("id", models.BigAutoField(auto_created=True, primary_key=True, serialize=False, verbose_name="ID")),
                ("key", models.CharField(db_index=True, max_length=600)),
                (
                    "conflict",
                    models.ForeignKey(
                        on_delete=django.db.models.deletion.CASCADE, related_name="rows", to="syncjobs.conflict"
                    ),
                ),
                (
                    "connection",
                    models.ForeignKey(
                        null=True,
                        on_delete=django.db.models.deletion.PROTECT,
                        related_name="+",
                        to="connectors.connection",
                    ),
                ),
            ],
            options={
                "constraints": [
                    models.UniqueConstraint(fields=("conflict", "key"), name="one_row_per_conflict_and_key")
                ],
            },
        ),
    ]
