"""Maps teams, forwarding rules, and people whom no list contains, to records. Pure."""

from collections.abc import Iterable, Sequence

from connectors.providers.atlassian.wire import ForwardingRule, MainObject, Member, UserMeta
from connectors.reading.findings import Findings
from connectors.reading.mapping import members_by_id
from connectors.reading.periods import read_period
from connectors.records import SourceTeam, SourceUser
from connectors.zones.timezones import convert
from oncall.rendering.spec import Substitution, person


def referenced_user(
    references: Sequence[UserMeta],
    substitutions: tuple[Substitution, ...] | None,
    because: tuple[str, ...],
    findings: Findings,
) -> SourceUser:
    """Return a person whom no list contains. references: at least one, all with the same id."""
    id_ = references[0].id
    username = next((r.username for r in references if r.username), None)
    name = username or id_
    message = f"{name} is referred to but was not among the people read. Their turns are kept."
    findings.note("responder", id_, "referenced_only", message)
    return SourceUser(
        external_id=id_,
        name=name,
        email=None if username is None else email_of(username, id_, findings),
        state="unknown",
        time_zone=convert(None),
        substitutions=substitutions,
        listed=False,
        because=because,
    )


def email_of(username: str, person_id: str, findings: Findings) -> str | None:
    email = username.strip()
    if "@" in email:
        return email
    findings.note("responder", person_id, "no_email", "The user name is not an e-mail address.", "username")
    return None


def substitutions(rules: Iterable[ForwardingRule], findings: Findings) -> dict[str, tuple[Substitution, ...]]:
    """Return substitutions by the id of the person who is replaced, sorted by start.

    Forwarding applies in every schedule and to direct targets (vendor docs "Forwarding Rule API").
    """
    made: dict[str, list[Substitution]] = {}
    for rule in rules:
        from_id, to_id = rule.from_user.id, rule.to_user.id
        period = read_period(
            rule.start_date.instant,
            rule.end_date.instant,
            findings,
            "responder",
            from_id,
            code="forwarding",
            words=f"The forwarding rule {rule.id}",
            path="forwarding-rules[].endDate",
        )
        if period is None:
            continue
        made.setdefault(from_id, []).append(Substitution(rule.id, person(from_id), person(to_id), *period))
    return {id_: tuple(sorted(found, key=lambda s: (s.starts_at, s.key))) for id_, found in made.items()}


def team(wire: MainObject, members: Iterable[Member] | None, because: tuple[str, ...]) -> SourceTeam:
    """Return a team. members: None if not reported. Their order has no meaning; they are sorted by id."""
    return SourceTeam(
        external_id=wire.id,
        name=wire.label,
        description=wire.description or "",
        members=members_by_id(None if members is None else [(m.user.id, m.role or "") for m in members]),
        because=because,
    )
