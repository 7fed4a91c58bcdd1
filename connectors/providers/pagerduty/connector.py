"""The connector for PagerDuty."""

from collections.abc import Mapping, Sequence
from typing import ClassVar, Final

from connectors.base import Connector, Probe, Progress, Rim, SettingField, Sought, region_field
from connectors.closure import Node, Selection
from connectors.errors import AuthenticationFailed, ConnectionConfigError, RequestRejected
from connectors.ledger import Ledger
from connectors.providers.pagerduty.client import HEADERS, RATE_HEADERS, Client
from connectors.providers.pagerduty.identity import Identity, clean_subdomain
from connectors.providers.pagerduty.ledger import LEDGER
from connectors.providers.pagerduty.probing import probe
from connectors.providers.pagerduty.reading import PagerDutyRead
from connectors.providers.pagerduty.rendered import Renderings
from connectors.providers.pagerduty.vendor import PROVIDER
from connectors.records import EntityType, Snapshot
from connectors.redaction import MASK, Secret
from oncall.rendering.final import Span

#: Vendor docs "REST API Overview", "Service Regions": all accounts of a region share one host.
_ORIGINS: Final = {"us": "https://api.pagerduty.com", "eu": "https://api.eu.pagerduty.com"}
#: Vendor docs "Authentication": API keys and OAuth tokens need different prefixes in the header.
_SCHEMES: Final = {"token": "Token token=", "bearer": "Bearer "}

#: The lists of the kinds whose objects are requested by ``/<list>/<id>``.
_COLLECTIONS: Final[Mapping[EntityType, str]] = {
    "user_group": "teams",
    "escalation_policy": "escalation_policies",
    "service": "services",
}


class PagerDuty(Connector):
    """Reads PagerDuty's REST API v2 and its shift-based schedules."""

    provider: ClassVar[str] = PROVIDER
    label: ClassVar[str] = "PagerDuty"
    ledger: ClassVar[Ledger] = LEDGER
    key_steps: ClassVar[tuple[str, ...]] = (
        "Sign in to PagerDuty as an administrator: Integrations → Developer Tools → API Access Keys → Create New API "
        "Key.",
        "Tick Read-only API Key, give it a name, copy the key.",
    )
    least_right: ClassVar[str] = "A read-only API key of the account."

    def __init__(self, settings: Mapping[str, str], credentials: Mapping[str, Secret], rim: Rim) -> None:
        super().__init__(settings, credentials, rim)
        self._client = Client(self.open_client(self._authorization, headers=HEADERS, limits=RATE_HEADERS))
        self._renderings = Renderings(self._client)

    @classmethod
    def fields(cls) -> tuple[SettingField, ...]:
        return (
            SettingField(
                "subdomain",
                "Subdomain",
                "The first part of the address you sign in at: acme for https://acme.pagerduty.com. The key must "
                "belong to this account.",
            ),
            region_field(_ORIGINS, "EU accounts sign in at an address that ends in .eu.pagerduty.com."),
            SettingField(
                "auth",
                "Kind of key",
                "Create an API key under Integrations, API Access Keys. An OAuth token comes from an app registration.",
                kind="choice",
                choices=(("token", "REST API key"), ("bearer", "OAuth access token")),
                initial="token",
            ),
            SettingField(
                "api_key",
                "API key",
                "A read-only key is enough: nothing is ever written to PagerDuty.",
                kind="secret",
            ),
        )

    @classmethod
    def clean(cls, settings: Mapping[str, str]) -> dict[str, str]:
        return {
            "subdomain": clean_subdomain(settings.get("subdomain", "")),
            "region": cls.choice(settings, "region"),
            "auth": cls.choice(settings, "auth"),
        }

    @classmethod
    def settings_of_account(cls, settings: Mapping[str, str], account_id: str) -> dict[str, str]:
        return {**settings, "subdomain": account_id}

    @classmethod
    def origin(cls, settings: Mapping[str, str]) -> str:
        return _ORIGINS[settings["region"]]

    @classmethod
    def scrub(cls, path: str, body: object) -> object:
        """Removes calendar addresses and integration keys, which give access without a key. Masks push addresses, which
        are device tokens."""
        if isinstance(body, list):
            return [cls.scrub(path, item) for item in body]
        if not isinstance(body, dict):
            return body
        kept = {
            key: cls.scrub(path, value)
            for key, value in body.items()
            if not (key.endswith("_cal_url") or key in ("calendar_urls", "integration_key", "integration_email"))
        }
        if str(kept.get("type")).startswith("push_notification_contact_method") and "address" in kept:
            kept["address"] = MASK
        return kept

    def _probe(self) -> Probe:
        return probe(self._client, self._identity(), self.settings["region"])

    def _inventory(self, progress: Progress) -> Sequence[Node]:
        return self._reading(False, progress).inventory()

    def _fetch(self, selection: Selection, contact_details: bool, progress: Progress) -> Snapshot:
        return self._reading(contact_details, progress).snapshot(selection)

    def _ask(self, sought: Sought) -> object:
        match sought.kind:
            case "responder":
                return self._client.user(sought.external_id)
            case "schedule":
                return self._client.bare_schedule(sought.external_id)
            case _:
                return self._client.one(_COLLECTIONS[sought.kind], sought.external_id)

    def _rendered(
        self, schedules: Mapping[str, Sequence[str]], since: int, until: int
    ) -> Mapping[str, tuple[Span, ...]]:
        return self._renderings.rendered(tuple(schedules), since, until)

    def _reading(self, contact_details: bool, progress: Progress) -> PagerDutyRead:
        return PagerDutyRead(
            self._client,
            self._identity(),
            self.settings["region"],
            self.rim.at(),
            contact_details,
            progress,
        )

    def explain_refusal(self, error: AuthenticationFailed | RequestRejected) -> ConnectionConfigError | None:
        if isinstance(error, RequestRejected):
            return None
        region = self.settings["region"].upper()
        hint = f"Check the key and the service region, now {region}: a key is known in its own region only."
        return AuthenticationFailed(error.message, hint=hint, provider=PROVIDER, field="api_key")

    def _identity(self) -> Identity:
        return Identity(self.settings["subdomain"])

    def _authorization(self) -> dict[str, str]:
        return {"Authorization": _SCHEMES[self.settings["auth"]] + self.credentials["api_key"].reveal()}
