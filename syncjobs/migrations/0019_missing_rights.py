from django.db import migrations, models


class Migration(migrations.Migration):
    dependencies = [("syncjobs", "0018_impact")]

    operations = [
        migrations.AddField(
            model_name="externallink",
            name="missing_rights",
            field=models.CharField(blank=True, max_length=200),
        ),
    ]
