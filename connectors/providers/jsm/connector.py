"""Jira Service Management Operations as a source."""

import base64
from collections.abc import Mapping, Sequence
from typing import ClassVar, Final

from connectors.base import Connector, Probe, Progress, Rim, SettingField, Sought
from connectors.closure import Node, Selection
from connectors.errors import AuthenticationFailed, ConnectionConfigError, RequestRejected
from connectors.ledger import Ledger
from connectors.providers.atlassian.rendered import rendered
from connectors.providers.jsm.client import HEADERS, MEMBERS_PATH, Client
from connectors.providers.jsm.identity import clean_id, clean_site, confirm_site
from connectors.providers.jsm.ledger import LEDGER
from connectors.providers.jsm.probing import probe
from connectors.providers.jsm.reading import JsmRead
from connectors.providers.jsm.vendor import PROVIDER, VENDOR
from connectors.records import Account, Snapshot
from connectors.redaction import Secret
from oncall.rendering.final import Span

#: One host serves all sites; the cloud id in the path selects the site. People and members are read from the site.
_ORIGIN: Final = "https://api.atlassian.com"


class JsmOperations(Connector):
    """Reads the REST APIs of JSM Operations, Jira and Atlassian's teams."""

    provider: ClassVar[str] = PROVIDER
    label: ClassVar[str] = VENDOR.label
    ledger: ClassVar[Ledger] = LEDGER
    key_steps: ClassVar[tuple[str, ...]] = (
        "Choose an account whose owner is an administrator or read-only administrator of Operations (Settings → "
        "Operations → User management). An API shows only what its caller may see, and only administrators see all "
        "teams.",
        "As that person: id.atlassian.com → Security → API tokens → Create API token. Copy the token.",
        "Open https://acme.atlassian.net/_edge/tenant_info, with your own site, and copy the cloud id.",
        "Open admin.atlassian.com and copy the organisation id: the long part of the address after /o/.",
    )
    least_right: ClassVar[str] = "A token of a read-only administrator of Operations."

    def __init__(self, settings: Mapping[str, str], credentials: Mapping[str, Secret], rim: Rim) -> None:
        super().__init__(settings, credentials, rim)
        self._client = Client(
            self.open_client(self._authorization, headers=HEADERS, declared_posts=[MEMBERS_PATH]),
            self.open_client(dict, headers=HEADERS),
            cloud_id=settings["cloud_id"],
            site=settings["site"],
            org_id=settings["org_id"],
        )

    @classmethod
    def fields(cls) -> tuple[SettingField, ...]:
        return (
            SettingField("site", "Site", "The address you work at: acme.atlassian.net."),
            SettingField(
                "cloud_id",
                "Cloud id",
                "Shown at https://acme.atlassian.net/_edge/tenant_info, with your own site. Checked against the site.",
            ),
            SettingField(
                "org_id",
                "Organisation id",
                "The long part of the address at admin.atlassian.com/o/. Without it, no members of teams are imported.",
                with_key=False,
                required=False,
            ),
            SettingField("email", "E-mail", "The address of the Atlassian account of the token.", kind="secret"),
            SettingField(
                "api_token",
                "API token",
                "A read-only administrator of Operations creates it at id.atlassian.com, Security, API tokens. "
                "Nothing is ever written to the site.",
                kind="secret",
            ),
        )

    @classmethod
    def clean(cls, settings: Mapping[str, str]) -> dict[str, str]:
        return {
            "site": clean_site(settings.get("site", "")),
            "cloud_id": clean_id(settings, "cloud_id", words="cloud id", required=True),
            "org_id": clean_id(settings, "org_id", words="organisation id", required=False),
        }

    @classmethod
    def origin(cls, settings: Mapping[str, str]) -> str:
        return _ORIGIN

    @classmethod
    def hosts(cls, settings: Mapping[str, str]) -> Mapping[str, str]:
        return {settings["site"]: f"https://{settings['site']}"}

    @classmethod
    def scrub(cls, path: str, body: object) -> object:
        """Return the body unchanged. It has no secrets, because contacts with their push tokens are never requested."""
        return body

    def _probe(self) -> Probe:
        return probe(self._client, self._account(), self._site_warning())

    def _inventory(self, progress: Progress) -> Sequence[Node]:
        return self._reading(False, progress).inventory()

    def _fetch(self, selection: Selection, contact_details: bool, progress: Progress) -> Snapshot:
        return self._reading(contact_details, progress).snapshot(selection)

    def _ask(self, sought: Sought) -> object:
        match sought.kind:
            case "responder":
                return self._client.account(sought.external_id)
            case "schedule":
                return self._client.schedule(sought.external_id)
            case "escalation_policy" if sought.groups and sought.external_id not in sought.groups:
                return self._client.escalation(sought.groups[0], sought.external_id)
            case "service":  # services are not read
                raise VENDOR.invalid("no_endpoint", "services", "Services cannot be requested.")
            case _:  # the policy of a team's routing has the id of the team
                return self._client.routing_rules(sought.external_id)

    def _rendered(
        self, schedules: Mapping[str, Sequence[str]], since: int, until: int
    ) -> Mapping[str, tuple[Span, ...]]:
        return rendered(self._client.timeline, VENDOR, tuple(schedules), since, until)

    def _reading(self, contact_details: bool, progress: Progress) -> JsmRead:
        at = self.rim.at()
        return JsmRead(self._client, self._account(), self._site_warning(), at, contact_details, progress)

    def _account(self) -> Account:
        return Account(self.settings["cloud_id"], self.settings["site"])

    def _site_warning(self) -> str:
        return confirm_site(self._client, site=self.settings["site"], cloud_id=self.settings["cloud_id"])

    def _authorization(self) -> dict[str, str]:
        pair = f"{self.credentials['email'].reveal()}:{self.credentials['api_token'].reveal()}"
        return {"Authorization": f"Basic {base64.b64encode(pair.encode()).decode()}"}

    def explain_refusal(self, error: AuthenticationFailed | RequestRejected) -> ConnectionConfigError | None:
        if isinstance(error, RequestRejected):
            return None
        hint = "Check that the token is still valid and belongs to the account with this e-mail address."
        return AuthenticationFailed(error.message, hint=hint, provider=PROVIDER, field="api_token")
