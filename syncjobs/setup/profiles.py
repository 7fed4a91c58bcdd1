"""Finds profiles of connections."""

from django.http import Http404

from oncall.numbers import row_number
from syncjobs.models import SyncProfile


def find_profile(text: str | int) -> SyncProfile:
    """Return a profile with its connection, by its id as an address has it. Raises Http404."""
    profile = SyncProfile.objects.select_related("connection").filter(pk=row_number(str(text))).first()
    if profile is None:
        raise Http404(f"There is no profile {text}.")
    return profile
