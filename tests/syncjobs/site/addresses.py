"""Every address of the site, from the resolver, with rows for its parameters."""

from collections.abc import Iterator
from itertools import product
from typing import Any, NamedTuple

from django.apps import apps
from django.urls import URLPattern, URLResolver, get_resolver, reverse

#: Values of the parameters that name no row.
OTHER_VALUES = {
    "app_label": ("oncall", "connectors", "syncjobs", "auth"),
    "uidb64": ("MQ",),
    "token": ("no-token",),
    "uid": ("00000000-0000-4000-8000-000000000000",),
}


class Address(NamedTuple):
    """An entry of the resolver. name: with namespaces, such as ``admin:index``."""

    name: str
    parameters: tuple[str, ...]

    @property
    def model(self) -> Any:
        """The model whose rows its parameters name, None if there is none."""
        own = self.name.rpartition(":")[2]
        models = apps.get_models()
        return next((m for m in models if own.startswith(f"{m._meta.label_lower.replace('.', '_')}_")), None)

    def urls(self) -> list[str]:
        """One URL for each row."""
        if not self.parameters:
            return [reverse(self.name)]
        return [
            reverse(self.name, kwargs=dict(zip(self.parameters, values, strict=True)))
            for values in product(*map(self._values, self.parameters))
            if self._belong_together(values)
        ]

    def other_values(self, parameter: str) -> tuple[str, ...]:
        """The values of a parameter that names no row; empty for another parameter."""
        if parameter == "app_label" and self.name.startswith("everybody:"):
            return ("syncjobs",)  # the only app with pages for everybody
        return OTHER_VALUES.get(parameter, ())

    def _values(self, parameter: str) -> Any:
        if others := self.other_values(parameter):
            return others
        model = apps.get_model("syncjobs.SyncItem") if parameter == "item_id" else self.model
        return () if model is None else model._default_manager.order_by("pk").values_list("pk", flat=True)

    def _belong_together(self, values: tuple[Any, ...]) -> bool:
        if self.parameters != ("run_id", "item_id"):
            return True
        run, item = values
        return bool(apps.get_model("syncjobs.SyncItem")._default_manager.filter(run_id=run, pk=item).exists())


def _entries(patterns: list[Any], namespace: str = "") -> Iterator[Address]:
    for pattern in patterns:
        if isinstance(pattern, URLResolver):
            inner = f"{namespace}{pattern.namespace}:" if pattern.namespace else namespace
            yield from _entries(pattern.url_patterns, inner)
        elif isinstance(pattern, URLPattern) and pattern.name:
            parameters = (*pattern.pattern.converters, *pattern.pattern.regex.groupindex)
            yield Address(f"{namespace}{pattern.name}", tuple(dict.fromkeys(parameters)))


def addresses() -> list[Address]:
    return list(dict.fromkeys(_entries(get_resolver().url_patterns)))
