"""The connector for xMatters."""

from collections.abc import Mapping, Sequence
from typing import ClassVar, Final

from connectors.base import Connector, Probe, Progress, Rim, SettingField, Sought
from connectors.closure import Node, Selection
from connectors.errors import AuthenticationFailed, ConnectionConfigError, RequestRejected
from connectors.ledger import Ledger
from connectors.providers.xmatters.address import clean_base_url
from connectors.providers.xmatters.client import HEADERS, ON_CALL_GROUPS, RATE_HEADERS, Client
from connectors.providers.xmatters.ledger import LEDGER
from connectors.providers.xmatters.login import KEY_PREFIX, TOKEN_PATH, PasswordGrant, basic, refusal
from connectors.providers.xmatters.probing import probe
from connectors.providers.xmatters.reading import XmattersRead
from connectors.providers.xmatters.rendered import RENDERED_AHEAD, RENDERED_BACK, Renderings
from connectors.providers.xmatters.rosters import Nested
from connectors.providers.xmatters.scrubbing import scrubbed
from connectors.providers.xmatters.vendor import PROVIDER, VENDOR
from connectors.records import Account, Snapshot
from connectors.redaction import Secret
from oncall.rendering.final import Span

_AUTH: Final = (("basic", "User and password, or an API key"), ("oauth", "OAuth token, requested with the password"))
_NESTED: Final[Mapping[Nested, str]] = {
    "skip": "Leave them out, with a note",
    "link": "Import them as separate user groups",
    "expand": "Import their members",
}


class XMatters(Connector):
    """Reads xMatters' REST API, version 1."""

    provider: ClassVar[str] = PROVIDER
    label: ClassVar[str] = VENDOR.label
    ledger: ClassVar[Ledger] = LEDGER
    key_steps: ClassVar[tuple[str, ...]] = (
        "In xMatters, under Users, add a user with the role REST Web Service User. Let that role see the people and "
        "groups to import.",
        "Sign in as that user: profile → API keys → Create API key; copy id and secret.",
    )
    least_right: ClassVar[str] = "An API key of a user with the role REST Web Service User."
    inventory_hint: ClassVar[str] = "With the policy of an on-call group, the schedules of all its shifts are imported."
    rendered_together: ClassVar[int] = ON_CALL_GROUPS  # enough even if each schedule is in another group

    def __init__(self, settings: Mapping[str, str], credentials: Mapping[str, Secret], rim: Rim) -> None:
        super().__init__(settings, credentials, rim)
        username, password = settings["username"], credentials["password"]
        tokens = self.open_client(dict, headers=HEADERS, declared_posts=[TOKEN_PATH])
        grant = PasswordGrant(tokens, settings["client_id"], username, password, rim.now)
        oauth = settings["auth"] == "oauth"
        authorize = grant.headers if oauth else lambda: basic(username, password)
        self._api = self.open_client(authorize, headers=HEADERS, limits=RATE_HEADERS)
        self._client = Client(self._api, settings["base_url"], grant.renew if oauth else lambda: False)
        self._renderings = Renderings(self._client)

    @classmethod
    def fields(cls) -> tuple[SettingField, ...]:
        return (
            SettingField(
                "base_url",
                "Instance",
                "The complete address you sign in at, for example https://acme.xmatters.com or "
                "https://acme.cs1.xmatters.com. It may end with /api/xm/1.",
            ),
            SettingField(
                "auth",
                "Kind of key",
                "An API key is best: it stays valid when the password changes, and nobody can sign in with it.",
                kind="choice",
                choices=_AUTH,
                initial="basic",
            ),
            SettingField(
                "username",
                "User name",
                "The user name of an xMatters login with the role REST Web Service User. For an API key, enter "
                f"{KEY_PREFIX} followed by the id of the key.",
            ),
            SettingField(
                "client_id",
                "OAuth client id",
                "For OAuth only: the client id of the instance (Developer, OAuth).",
                required=False,
            ),
            SettingField(
                "password",
                "Password or key secret",
                "Nothing is ever written to xMatters. The password of a single sign-on does not work.",
                kind="secret",
            ),
            SettingField(
                "nested",
                "Groups in groups",
                "How to import a group that is a member of another group. A group in a shift is always kept.",
                kind="choice",
                choices=tuple(_NESTED.items()),
                initial="skip",
                with_key=False,
            ),
        )

    @classmethod
    def clean(cls, settings: Mapping[str, str]) -> dict[str, str]:
        auth = cls.choice(settings, "auth")
        client_id = settings.get("client_id", "").strip()
        if auth == "oauth" and not client_id:
            hint = "Enter it, or choose another kind of key."
            raise ConnectionConfigError(
                "The OAuth client id is missing.", hint=hint, provider=PROVIDER, field="client_id"
            )
        return {
            "base_url": clean_base_url(settings.get("base_url", "")),
            "auth": auth,
            "username": settings.get("username", "").strip(),
            "client_id": client_id,
            "nested": cls.choice(settings, "nested"),
        }

    @classmethod
    def origin(cls, settings: Mapping[str, str]) -> str:
        return settings["base_url"]

    @classmethod
    def scrub(cls, path: str, body: object) -> object:
        return scrubbed(body)

    def _probe(self) -> Probe:
        return probe(self._client, self._account())

    def _inventory(self, progress: Progress) -> Sequence[Node]:
        return self._reading(False, progress).inventory()

    def _fetch(self, selection: Selection, contact_details: bool, progress: Progress) -> Snapshot:
        return self._reading(contact_details, progress).snapshot(selection)

    def _ask(self, sought: Sought) -> object:
        match sought.kind:
            case "responder":
                return self._client.person(sought.external_id)
            case "schedule" | "escalation_policy" if sought.groups and sought.external_id not in sought.groups:
                return self._client.shift(sought.groups[0], sought.external_id)
            case "service" if sought.external_id not in sought.groups:
                return self._client.service(sought.external_id)
            case _:  # an on-call group is a user group, a policy and a service
                return self._client.group(sought.external_id)

    def _rendered(
        self, schedules: Mapping[str, Sequence[str]], since: int, until: int
    ) -> Mapping[str, tuple[Span, ...]]:
        return self._renderings.rendered(schedules, since, until)

    def rendered_range(self) -> tuple[int, int]:
        now = int(self.rim.now())
        return now - RENDERED_BACK, now + RENDERED_AHEAD

    def _reading(self, contact_details: bool, progress: Progress) -> XmattersRead:
        chosen = self.choice(self.settings, "nested")
        (nested,) = (setting for setting in _NESTED if setting == chosen)
        at = self.rim.at()
        return XmattersRead(self._client, self._account(), self.learnt, nested, at, contact_details, progress)

    def _account(self) -> Account:
        """The host identifies the account, because xMatters reports no id. A host belongs to one instance."""
        host = self.settings["base_url"].partition("://")[2]
        return Account(host, host)

    def explain_refusal(self, error: AuthenticationFailed | RequestRejected) -> ConnectionConfigError | None:
        if isinstance(error, RequestRejected) and error.path != TOKEN_PATH:
            return None
        return refusal(error, self.settings["auth"], self.settings["username"])
