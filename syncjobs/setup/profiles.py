"""Finds profiles of connections."""

from django.http import Http404

from syncjobs.models import SyncProfile


def find_profile(text: str | int) -> SyncProfile:
    """Return a profile with its connection, by its id as an address has it. Raises Http404."""
    number = str(text)
    pk = int(number) if number.isascii() and number.isdecimal() and len(number) < 18 else 0
    profile = SyncProfile.objects.select_related("connection").filter(pk=pk).first()
    if profile is None:
        raise Http404(f"There is no profile {text}.")
    return profile
