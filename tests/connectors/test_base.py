"""What every connector gets from the contract itself."""

import json
from collections.abc import Callable, Mapping
from typing import Any

import pytest

from connectors.base import Connector, Rim, region_field
from connectors.closure import Selection
from connectors.errors import (
    AuthenticationFailed,
    ConnectionConfigError,
    ConnectorError,
    NotFound,
    ReadStopped,
    RequestRejected,
)
from connectors.network.exchange import Request, Response
from connectors.providers.pagerduty.connector import PagerDuty
from connectors.redaction import Secret

KEY, OTHER = "sent-key-0123456789", "unsent-key-0123456789"


class Refusing:
    def exchange(self, request: Request, *, headers: Mapping[str, str], deadline: float) -> Response:
        body = {"error": {"message": f"No {headers['X-Sent']}, no {KEY}, no {OTHER}"}}
        return Response(404, {"content-type": "application/json"}, json.dumps(body).encode())


def connector(**rim: Any) -> PagerDuty:
    given = Rim(Refusing(), now=lambda: 0.0, sleep=lambda seconds: None, **rim)
    return PagerDuty(PagerDuty.clean({"subdomain": "acme"}), {"api_key": Secret(KEY), "other": Secret(OTHER)}, given)


READS: tuple[Callable[[Connector], object], ...] = (
    lambda source: source.probe(),
    lambda source: source.inventory(),
    lambda source: source.fetch(Selection(), contact_details=False),
    lambda source: source.rendered({}, 0, 1),
)


def raising(error: ConnectorError) -> PagerDuty:
    """A connector whose reads raise ``error``."""

    def read(*arguments: object) -> Any:
        raise error

    source = connector()
    for name in ("_probe", "_inventory", "_fetch", "_rendered"):
        setattr(source, name, read)
    return source


def test_every_client_counts_and_masks_every_credential() -> None:
    source = connector()
    for client in (source.open_client(dict, headers={"X-Sent": "one"}) for _ in range(2)):
        with pytest.raises(NotFound) as refused:
            client.get("/users")
        assert "No one" in str(refused.value)
        assert KEY not in str(refused.value)
        assert OTHER not in str(refused.value)
    assert (source.calls, source.learnt) == (2, {})


def test_a_client_stops_when_the_rim_says_so() -> None:
    source = connector(should_stop=lambda: True)
    with pytest.raises(ReadStopped):
        source.open_client(dict, headers={"X-Sent": "one"}).get("/users")
    assert source.calls == 0


def test_a_client_posts_what_is_declared_only() -> None:
    client = connector().open_client(dict, headers={"X-Sent": "one"}, declared_posts=["/teams/*"])
    with pytest.raises(ValueError, match="not declared"):
        client.post("/users/1", {})
    with pytest.raises(NotFound):
        client.post("/teams/1", {})


def test_a_refused_credential_is_shown_on_its_field_and_everything_else_as_it_is() -> None:
    for read in READS:
        refused = AuthenticationFailed("No.", hint="Check the key.", provider="pagerduty")
        with pytest.raises(AuthenticationFailed, match=r"No\. Check the key and the service region, now US") as shown:
            read(raising(refused))
        assert (shown.value.field, shown.value.__cause__) == ("api_key", refused)
        for error in (
            NotFound("Gone.", hint="", provider="pagerduty"),
            RequestRejected("No.", hint="", provider="pagerduty", path="/users", status=400),
        ):
            with pytest.raises(type(error)) as raised:
                read(raising(error))
            assert raised.value is error


@pytest.mark.parametrize(("typed", "chosen"), [({}, "us"), ({"region": " "}, "us"), ({"region": " EU"}, "eu")])
def test_a_choice_is_what_was_chosen_or_the_usual(typed: dict[str, str], chosen: str) -> None:
    assert PagerDuty.choice(typed, "region") == chosen


def test_a_choice_that_is_not_offered_is_refused_by_the_label_of_its_field() -> None:
    with pytest.raises(ConnectionConfigError, match=r"Service region is 'mars'\. Choose one of us, eu\.") as refused:
        PagerDuty.choice({"region": "Mars"}, "region")
    assert refused.value.field == "region"


def test_regions_are_offered_with_their_hosts() -> None:
    field = region_field({"us": "https://api.example.com", "eu": "https://eu.example.com"}, "Look at the address.")
    assert field.choices == (("us", "US (api.example.com)"), ("eu", "EU (eu.example.com)"))
    assert (field.name, field.kind, field.initial, field.with_key) == ("region", "choice", "us", True)
