"""What the first step of the setup shows: the providers, the drafts of an account, and what a test found."""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from datetime import datetime

from django.forms import BaseForm
from django.urls import reverse

from connectors.base import Connector, Probe
from connectors.models import Connection
from connectors.records import ENTITY_WORDS
from connectors.registry import provider_label
from syncjobs.models import DRAFT_KEPT, ConnectionDraft
from syncjobs.pages.marks import ago


@dataclass(frozen=True, slots=True)
class ProviderCard:
    """A provider that can be chosen. needs: the least right of a key."""

    provider: str
    label: str
    needs: str


@dataclass(frozen=True, slots=True)
class DraftShown:
    """A draft in a list. name: as it was typed. changed: how long ago. kept_until: when it is deleted with its key."""

    name: str
    provider: str
    url: str
    changed: str
    kept_until: datetime
    has_key: bool


def cards_of(connectors: Iterable[type[Connector]]) -> tuple[ProviderCard, ...]:
    return tuple(ProviderCard(each.provider, each.label, each.least_right) for each in connectors)


def listed_drafts(drafts: Iterable[ConnectionDraft]) -> tuple[DraftShown, ...]:
    return tuple(
        DraftShown(
            str(draft.typed.get("name", "")).strip(),
            provider_label(draft.provider),
            reverse("admin:connectors_connection_connect", args=[draft.uid]),
            ago(draft.changed_at),
            draft.changed_at + DRAFT_KEPT,
            bool(draft.credentials),
        )
        for draft in drafts
    )


def found_in_words(connection: Connection, probe: Probe) -> str:
    """Return the sentences that say which account a key opens, and what it may read."""
    account = connection.account_label or "an account that the source does not name"
    region = f", region {probe.account.region.upper()}" if probe.account.region else ""
    sentences = [f"{connection} is connected to {account}{region}."]
    lacking = [ENTITY_WORDS[right.entity_type][1] for right in probe.rights if right.granted is False]
    sentences.append(f"The key may not read {' and '.join(lacking)}." if lacking else "The key may read every kind.")
    if probe.calls_per_minute:
        sentences.append(f"The source allows {probe.calls_per_minute} calls a minute.")
    return " ".join(sentences)


def fields_of_error(form: BaseForm) -> Sequence[tuple[str, str]]:
    """Return (id, label) of the fields of a form that have an error."""
    return [(field.id_for_label, str(field.label)) for field in form if field.errors] if form.is_bound else []
