"""The WSGI application. It runs Django's checks, because web servers do not: an invalid environment serves no page."""

import os
import sys

from django.core.management import call_command
from django.core.wsgi import get_wsgi_application

os.environ.setdefault("DJANGO_SETTINGS_MODULE", "config.settings")

application = get_wsgi_application()
call_command("check", stdout=sys.stderr)
