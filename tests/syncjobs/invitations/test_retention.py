"""How long invitations are kept."""

from collections.abc import Callable
from typing import Any

import pytest

from syncjobs.deciding.inviting import revoke
from syncjobs.models import Invitation
from syncjobs.runs.retention import retain
from tests.syncjobs.invitations.mails import pass_time

pytestmark = pytest.mark.django_db


def test_invitations_that_are_over_are_deleted_with_other_personal_data(
    invite: Callable[..., Invitation], settings: Any
) -> None:
    settings.PERSONAL_DATA_DAYS = 90
    revoke(invite("over@example.com"), None)
    open_one = invite("open@example.com")
    for invitation in Invitation.objects.all():
        pass_time(invitation, days=89)
    assert retain()["invitations deleted"] == 0
    for invitation in Invitation.objects.all():
        pass_time(invitation, days=2)
    assert retain()["invitations deleted"] == 1
    assert Invitation.objects.get() == open_one
