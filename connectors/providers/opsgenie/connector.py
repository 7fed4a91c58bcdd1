"""Opsgenie as a source."""

from collections.abc import Mapping, Sequence
from typing import ClassVar, Final

from connectors.base import Connector, Probe, Progress, Rim, SettingField, Sought, region_field
from connectors.closure import Node, Selection
from connectors.errors import AuthenticationFailed, ConnectionConfigError, RequestRejected
from connectors.ledger import Ledger
from connectors.providers.opsgenie.client import HEADERS, RATE_HEADERS, Client
from connectors.providers.opsgenie.ledger import LEDGER
from connectors.providers.opsgenie.probing import probe
from connectors.providers.opsgenie.reading import OpsgenieRead
from connectors.providers.opsgenie.rendered import rendered
from connectors.providers.opsgenie.vendor import PROVIDER, VENDOR
from connectors.records import Snapshot
from connectors.redaction import MASK, Secret
from oncall.rendering.final import Span

#: Vendor docs "API Overview": accounts of the EU region have another host.
_ORIGINS: Final = {"us": "https://api.opsgenie.com", "eu": "https://api.eu.opsgenie.com"}


class Opsgenie(Connector):
    """Reads Opsgenie's REST API v2."""

    provider: ClassVar[str] = PROVIDER
    label: ClassVar[str] = VENDOR.label
    ledger: ClassVar[Ledger] = LEDGER
    key_steps: ClassVar[tuple[str, ...]] = (
        "Sign in to Opsgenie as an owner or administrator: Settings → App settings → API key management → Add new API "
        "key.",
        "Tick only Read and Configuration Access, enter a name, and copy the key.",
    )
    least_right: ClassVar[str] = "A key of the account with Read and Configuration Access."

    def __init__(self, settings: Mapping[str, str], credentials: Mapping[str, Secret], rim: Rim) -> None:
        super().__init__(settings, credentials, rim)
        self._client = Client(self.open_client(self._authorization, headers=HEADERS, limits=RATE_HEADERS))

    @classmethod
    def fields(cls) -> tuple[SettingField, ...]:
        return (
            region_field(_ORIGINS, "EU accounts sign in at an address that ends in .app.eu.opsgenie.com."),
            SettingField(
                "api_key",
                "API key",
                "A key of the account with Read and Configuration Access is enough (Settings, API key management). "
                "Nothing is ever written to Opsgenie. A key of a team's integration sees only that team.",
                kind="secret",
            ),
        )

    @classmethod
    def clean(cls, settings: Mapping[str, str]) -> dict[str, str]:
        return {"region": cls.choice(settings, "region")}

    @classmethod
    def origin(cls, settings: Mapping[str, str]) -> str:
        return _ORIGINS[settings["region"]]

    @classmethod
    def scrub(cls, path: str, body: object) -> object:
        """Mask addresses of mobile contacts, which are push tokens, and drop free-text details."""
        if isinstance(body, list):
            return [cls.scrub(path, item) for item in body]
        if not isinstance(body, dict):
            return body
        kept = {key: cls.scrub(path, value) for key, value in body.items() if key != "details"}
        if "mobile" in (kept.get("method"), kept.get("contactMethod")) and "to" in kept:
            kept["to"] = MASK
        return kept

    def _probe(self) -> Probe:
        return probe(self._client, self.settings["region"])

    def _inventory(self, progress: Progress) -> Sequence[Node]:
        return self._reading(False, progress).inventory()

    def _fetch(self, selection: Selection, contact_details: bool, progress: Progress) -> Snapshot:
        return self._reading(contact_details, progress).snapshot(selection)

    def _ask(self, sought: Sought) -> object:
        match sought.kind:
            case "responder":
                return self._client.user(sought.external_id, contacts=False)
            case "schedule":
                return self._client.schedule(sought.external_id)
            case "service":
                return self._client.service(sought.external_id)
            case "escalation_policy" if sought.external_id not in sought.groups:
                return self._client.escalation(sought.external_id)
            case _:  # the policy of a team's routing has the id of the team
                return self._client.team(sought.external_id)

    def _rendered(
        self, schedules: Mapping[str, Sequence[str]], since: int, until: int
    ) -> Mapping[str, tuple[Span, ...]]:
        return rendered(self._client, tuple(schedules), since, until)

    def _reading(self, contact_details: bool, progress: Progress) -> OpsgenieRead:
        return OpsgenieRead(self._client, self.settings["region"], self.rim.at(), contact_details, progress)

    def explain_refusal(self, error: AuthenticationFailed | RequestRejected) -> ConnectionConfigError | None:
        """Treat 422 about the key as an invalid key. Clients saw this answer; the reference does not document it."""
        if isinstance(error, RequestRejected) and (error.status != 422 or "key" not in error.reason.casefold()):
            return None
        region = self.settings["region"].upper()
        hint = f"Check the key and the service region, now {region}. A key is valid only in its own region."
        return AuthenticationFailed(error.message, hint=hint, provider=PROVIDER, field="api_key")

    def _authorization(self) -> dict[str, str]:
        return {"Authorization": f"GenieKey {self.credentials['api_key'].reveal()}"}
