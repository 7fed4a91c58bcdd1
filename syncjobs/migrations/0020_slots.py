import django.db.models.deletion
from django.conf import settings
from django.db import migrations, models


class Migration(migrations.Migration):
    dependencies = [
        ("syncjobs", "0019_first_missing"),
        migrations.swappable_dependency(settings.AUTH_USER_MODEL),
    ]

    operations = [
        migrations.AlterModelOptions(
            "syncprofile", {"verbose_name": "sync profile", "verbose_name_plural": "automatic syncs"}
        ),
        migrations.AddField("syncprofile", "every", models.CharField(default="off", max_length=100)),
        migrations.AddField("syncprofile", "every_since", models.DateTimeField(null=True)),
        migrations.AddField("syncprofile", "slots_until", models.DateTimeField(null=True)),
        # No mail is sent about the runs that exist already.
        migrations.AddField("syncrun", "announced", models.BooleanField(default=True)),
        migrations.AlterField("syncrun", "announced", models.BooleanField(default=False)),
        migrations.AddIndex(
            "syncrun",
            models.Index(condition=models.Q(("announced", False)), fields=["state"], name="runs_to_announce"),
        ),
        migrations.CreateModel(
            name="Notice",
            fields=[
                ("id", models.BigAutoField(auto_created=True, primary_key=True, serialize=False, verbose_name="ID")),
                (
                    "kind",
                    models.CharField(
                        choices=[
                            ("digest", "on-call changed"),
                            ("held", "held"),
                            ("failed", "Failed"),
                            ("waiting", "waits for review"),
                        ],
                        max_length=10,
                    ),
                ),
                ("key", models.CharField(max_length=100)),
                (
                    "state",
                    models.CharField(
                        choices=[
                            ("queued", "waits to be sent"),
                            ("sent", "Sent"),
                            ("dropped", "Dropped"),
                            ("failed", "could not be sent"),
                        ],
                        default="queued",
                        max_length=10,
                    ),
                ),
                ("created_at", models.DateTimeField()),
                ("sent_at", models.DateTimeField(null=True)),
                ("tries", models.PositiveIntegerField(default=0)),
                ("next_try", models.DateTimeField(db_index=True, null=True)),
                ("last_error", models.CharField(blank=True, max_length=200)),
                (
                    "account",
                    models.ForeignKey(
                        on_delete=django.db.models.deletion.CASCADE, related_name="+", to=settings.AUTH_USER_MODEL
                    ),
                ),
                (
                    "run",
                    models.ForeignKey(
                        on_delete=django.db.models.deletion.CASCADE, related_name="notices", to="syncjobs.syncrun"
                    ),
                ),
            ],
            options={
                "ordering": ["-id"],
                "constraints": [models.UniqueConstraint(fields=("account", "key"), name="one_notice_per_key")],
            },
        ),
    ]
