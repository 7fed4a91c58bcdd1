"""xMatters as a source."""

from collections.abc import Mapping, Sequence
from typing import ClassVar, Final

from connectors.base import Connector, Probe, Progress, Rim, SettingField
from connectors.closure import Node, Selection
from connectors.errors import AuthenticationFailed, ConnectionConfigError, RequestRejected
from connectors.ledger import Ledger
from connectors.providers.xmatters.address import clean_base_url
from connectors.providers.xmatters.client import HEADERS, ON_CALL_GROUPS, RATE_HEADERS, Client
from connectors.providers.xmatters.ledger import LEDGER
from connectors.providers.xmatters.login import KEY_PREFIX, TOKEN_PATH, PasswordGrant, basic, refused
from connectors.providers.xmatters.probing import probe
from connectors.providers.xmatters.reading import XmattersRead
from connectors.providers.xmatters.rendered import TOLD_AHEAD, TOLD_BACK, Renderings
from connectors.providers.xmatters.rosters import Nested
from connectors.providers.xmatters.scrubbing import scrubbed
from connectors.providers.xmatters.vendor import PROVIDER, VENDOR
from connectors.records import Account, Snapshot
from connectors.redaction import Secret
from oncall.rendering.final import Span

_AUTH: Final = (("basic", "User and password, or an API key"), ("oauth", "OAuth token got with the password"))
_NESTED: Final[Mapping[Nested, str]] = {
    "skip": "Leave them out (and say so)",
    "link": "Import them as user groups of their own",
    "expand": "Take over their members",
}


class XMatters(Connector):
    """Reads xMatters' REST API, version 1."""

    provider: ClassVar[str] = PROVIDER
    label: ClassVar[str] = VENDOR.label
    ledger: ClassVar[Ledger] = LEDGER
    inventory_hint: ClassVar[str] = "The policy of an on-call group brings the schedules of all of its shifts."
    rendered_together: ClassVar[int] = ON_CALL_GROUPS  # each of a group of its own, at the worst

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
                "The address you sign in at, for example https://acme.xmatters.com, with whatever stands before "
                ".xmatters.com; with /api/xm/1 at its end it will do as well.",
            ),
            SettingField(
                "auth",
                "Kind of credential",
                "An API key is the best: it lives on when a password changes, and nobody can sign in with it.",
                kind="choice",
                choices=_AUTH,
                initial="basic",
                retargets=False,
            ),
            SettingField(
                "username",
                "User name",
                f"Of an account of xMatters' own with the role REST Web Service User; for an API key {KEY_PREFIX} "
                "followed by the id of the key.",
                retargets=False,
            ),
            SettingField(
                "client_id",
                "OAuth client id",
                "For OAuth only: the client id of the instance (Developer, OAuth).",
                retargets=False,
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
                "What becomes of a group that is a member of another group. In a shift it is always kept.",
                kind="choice",
                choices=tuple(_NESTED.items()),
                initial="skip",
                retargets=False,
            ),
        )

    @classmethod
    def clean(cls, settings: Mapping[str, str]) -> dict[str, str]:
        auth = cls.choice(settings, "auth")
        client_id = settings.get("client_id", "").strip()
        if auth == "oauth" and not client_id:
            hint = "Enter it, or choose another credential."
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

    def _rendered(
        self, schedules: Mapping[str, Sequence[str]], since: int, until: int
    ) -> Mapping[str, tuple[Span, ...]]:
        return self._renderings.rendered(schedules, since, until)

    def rendered_range(self) -> tuple[int, int]:
        now = int(self.rim.now())
        return now - TOLD_BACK, now + TOLD_AHEAD

    def _reading(self, contact_details: bool, progress: Progress) -> XmattersRead:
        chosen = self.choice(self.settings, "nested")
        (nested,) = (known for known in _NESTED if known == chosen)
        return XmattersRead(self._client, self._account(), nested, int(self.rim.now()), contact_details, progress)

    def _account(self) -> Account:
        """xMatters tells no id of an account; its host is one instance and stays."""
        host = self.settings["base_url"].partition("://")[2]
        return Account(host, host)

    def explain_refusal(self, error: AuthenticationFailed | RequestRejected) -> ConnectionConfigError | None:
        if isinstance(error, RequestRejected) and error.path != TOKEN_PATH:
            return None
        return refused(error, self.settings["auth"], self.settings["username"])
