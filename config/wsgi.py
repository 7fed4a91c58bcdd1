"""WSGI entry point. A web server skips Django's checks, so they run here: a bad environment must not serve a page."""

import os
import sys

from django.core.management import call_command
from django.core.wsgi import get_wsgi_application

os.environ.setdefault("DJANGO_SETTINGS_MODULE", "config.settings")

application = get_wsgi_application()
call_command("check", stdout=sys.stderr)
