"""Decides questions about the account to which the key of a connection belongs. Pure."""

from syncjobs.planning.decisions.values import AccountOfSource, Arguments, Outcome, Question, Refused, Sides, SourceSide


def accept(question: Question, arguments: Arguments, sides: Sides) -> Outcome:
    """Make the other account that of the connection. Links stay, and everything is compared for a plan."""
    source, account = _source(question, sides), _account(question, accepted=True)
    return Outcome(
        deferred=f"the account of {source.name} is {account.label} from now on, and a plan for review is made",
        source_account=account,
    )


def refuse(question: Question, arguments: Arguments, sides: Sides) -> Outcome:
    """Pause the connection until another key is entered."""
    source, account = _source(question, sides), _account(question, accepted=False)
    return Outcome(
        deferred=f"{source.name} is not read until a key of an account other than {account.label} is entered",
        source_account=account,
    )


def _account(question: Question, *, accepted: bool) -> AccountOfSource:
    account = question.evidence["source"]
    return AccountOfSource(str(account["id"]), str(account["label"] or account["id"]), accepted)


def _source(question: Question, sides: Sides) -> SourceSide:
    """Return the connection if its account is still that of the evidence. Raises Refused."""
    if sides.source is None or sides.source.account_id != question.evidence["here"]["id"]:
        raise Refused("stale_question", "The account of the connection was changed meanwhile. Nothing was written.")
    return sides.source
