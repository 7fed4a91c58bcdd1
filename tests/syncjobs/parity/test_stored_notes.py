"""A schedule with a stored note about a loss is incomplete."""

import pytest

from connectors.models import Connection
from syncjobs.parity.checks import load_imported

pytestmark = pytest.mark.django_db


@pytest.mark.parametrize(
    ("note", "is_loss"),
    [
        ({"code": "odd", "loss": True}, True),
        ({"code": "overrides_not_told", "loss": False}, False),
        ({"code": "overrides_not_told"}, True),
        ({"code": "unsupported_rotation"}, True),
        ({"code": "unknown_zone"}, False),
        ({"code": "odd", "loss": True, "entity_type": "responder"}, False),
    ],
)
def test_a_loss_has_a_field_or_in_old_notes_a_code(note: dict[str, object], is_loss: bool) -> None:
    connection = Connection.objects.create(name="Acme", provider="pagerduty", settings={})
    stored = {"entity_type": "schedule", "external_id": "S1", "message": "It is odd.", **note}
    assert load_imported(connection, [stored], since=0).incomplete == ({"S1"} if is_loss else set())
