import django.db.models.deletion
from django.db import migrations, models


class Migration(migrations.Migration):

    dependencies = [
        ('oncall', '0011_leads_right'),
    ]

    operations = [
        migrations.CreateModel(
            name='DeclinedLead',
            fields=[
                ('id', models.BigAutoField(auto_created=True, primary_key=True, serialize=False, verbose_name='ID')),
                ('group', models.ForeignKey(on_delete=django.db.models.deletion.CASCADE, related_name='+', to='oncall.usergroup')),
                ('responder', models.ForeignKey(on_delete=django.db.models.deletion.CASCADE, related_name='+', to='oncall.responder')),
            ],
            options={
                'default_permissions': (),
                'constraints': [models.UniqueConstraint(fields=('group', 'responder'), name='oncall_declinedlead_once')],
            },
        ),
    ]
