"""A contact method has an extension now. What links remember of contact methods gets it, too: no number had one."""

from django.apps.registry import Apps
from django.db import migrations
from django.db.backends.base.schema import BaseDatabaseSchemaEditor


def add_extension(apps: Apps, schema_editor: BaseDatabaseSchemaEditor) -> None:
    links = apps.get_model("syncjobs", "ExternalLink").objects.filter(entity_type="responder")
    for link in links.only("base").iterator(chunk_size=500):
        methods = link.base.get("elements", {}).get("contact_methods", {})
        if any("extension" not in values for values in methods.values()):
            for values in methods.values():
                values.setdefault("extension", "")
            link.save(update_fields=["base"])


class Migration(migrations.Migration):
    dependencies = [("syncjobs", "0004_link_unread")]

    operations = [migrations.RunPython(add_extension, migrations.RunPython.noop)]
