"""Maps teams, forwarding rules, and people whom no list contains, to records. Pure."""

from collections.abc import Sequence

from connectors.providers.atlassian.harvest import Forwarding
from connectors.providers.atlassian.wire import ForwardingRule, MainObject, Member, UserMeta
from connectors.reading.findings import Elements, Findings
from connectors.reading.mapping import members_by_id, unread_of
from connectors.reading.periods import read_period
from connectors.reading.texts import is_email, name_of, short_key, short_text
from connectors.records import SourceTeam, SourceUser
from connectors.zones.timezones import convert
from oncall.rendering.spec import Substitution, person


def referenced_user(
    references: Sequence[UserMeta],
    substitutions: Elements[Substitution] | None,
    because: tuple[str, ...],
    findings: Findings,
) -> SourceUser:
    """Return a person whom no list contains. references: at least one, all with the same id."""
    id_ = references[0].id
    username = next((r.username for r in references if r.username and r.username.strip()), None)
    name = name_of(id_, username)
    message = f"{name} is referred to but was not among the people read. Their turns are kept."
    findings.note("responder", id_, "referenced_only", message)
    return SourceUser(
        external_id=id_,
        name=name,
        email=None if username is None else email_of(username, id_, findings),
        state="unknown",
        time_zone=convert(None),
        substitutions=substitutions,
        unread=unread_of(substitutions=substitutions),
        listed=False,
        because=because,
    )


def email_of(username: str, person_id: str, findings: Findings) -> str | None:
    email = username.strip()
    if is_email(email):
        return email
    findings.note("responder", person_id, "no_email", "The user name is not an e-mail address.", "username")
    return None


def substitutions(person_id: str, forwarding: Forwarding, at: int, findings: Findings) -> Elements[Substitution]:
    """Return the substitutions of a person, sorted by start. at: the instant of the read.

    Forwarding applies in every schedule and to direct targets (vendor docs "Forwarding Rule API"). A rule that does not
    say whom it is from may be from this person, so it counts as unread.
    """

    def make(rule: ForwardingRule, path: str) -> Substitution | None:
        period = read_period(
            rule.start_date.instant,
            rule.end_date.instant,
            findings,
            "responder",
            person_id,
            code="forwarding",
            words=f"The forwarding rule {rule.id}",
            path=f"{path}.endDate",
        )
        if period is None:
            return None
        return Substitution(short_key(rule.id), person(person_id), person(rule.to_user.id), *period)

    def ended(rule: ForwardingRule) -> bool:
        return rule.end_date.instant <= at

    rules = forwarding.rules.get(person_id, ())
    made = findings.map_all(rules, "responder", person_id, "forwarding-rules", make, ended=ended)
    return Elements(sorted(made, key=lambda s: (s.starts_at, s.key)), made.unread + forwarding.unowned)


def team(wire: MainObject, members: Elements[Member] | None, because: tuple[str, ...]) -> SourceTeam:
    """Return a team. members: None if not reported. Their order has no meaning; they are sorted by id."""
    return SourceTeam(
        external_id=wire.id,
        name=wire.label,
        description=wire.description or "",
        members=members_by_id(None if members is None else [(m.user.id, short_text(m.role or "")) for m in members]),
        unread=unread_of(members=members),
        because=because,
    )
