"""Remembered decisions, which answer later questions of one kind of a connection."""

from django.conf import settings
from django.db import models

from connectors.models import Connection


class RuleQuerySet(models.QuerySet["Rule"]):
    """Selects rules."""

    def in_force(self, connection: int) -> "RuleQuerySet":
        """Return the rules of a connection that are switched on."""
        return self.filter(connection=connection, active=True)

    def zones(self, connection: int) -> dict[str, str]:
        """Return the time zones that were chosen for texts of a source, by the text."""
        rules = self.in_force(connection).filter(kind="timezone_mismatch")
        return {rule.pattern: rule.arguments["zone"] for rule in rules}


class Rule(models.Model):
    """A decision that is used again.

    kind: the kind of the questions. pattern: which of them, ``*`` for all. choice, arguments: the answer.
    """

    connection = models.ForeignKey(Connection, models.PROTECT, related_name="rules", verbose_name="source")
    kind = models.CharField(max_length=30)
    pattern = models.CharField(max_length=255, blank=True)
    choice = models.CharField(max_length=40)
    arguments = models.JSONField(default=dict)
    active = models.BooleanField(default=True)
    made_by = models.ForeignKey(settings.AUTH_USER_MODEL, models.SET_NULL, null=True, related_name="+")
    made_at = models.DateTimeField()

    objects = RuleQuerySet.as_manager()

    class Meta:
        ordering = ["kind", "pattern"]
        constraints = [
            models.UniqueConstraint(fields=["connection", "kind", "pattern"], name="one_rule_per_kind_and_pattern")
        ]

    def __str__(self) -> str:
        return f"Rule {self.pk}"

    @property
    def in_words(self) -> str:
        """The number of the rule, its date, and who made it."""
        return f"rule {self.pk} of {self.made_at:%d %b %Y}" + (f", {self.made_by}" if self.made_by else "")
