"""Hides e-mail addresses and phone numbers from accounts that may not see people. Every page hides them here."""

import re
from collections.abc import Mapping
from dataclasses import fields, is_dataclass, replace
from typing import Any, Final, Protocol, TypeVar, cast

from django.db import models

HIDDEN: Final = "(hidden)"
#: Names of fields whose values are addresses, whatever these look like.
_ADDRESS_FIELDS: Final = frozenset({"address", "canonical", "email", "email_canonical", "extension"})
#: Addresses inside other texts. The lengths are limited so that a long text takes linear time.
_ADDRESS: Final = re.compile(r"[^\s@<>\"'(),;:“”]{1,320}@[^\s@<>\"'(),;:“”]{1,255}|\+\d[\d ()./-]{4,40}\d")

T = TypeVar("T")


class _User(Protocol):
    def has_perm(self, perm: str) -> bool: ...


def may_see_addresses(user: _User) -> bool:
    """Returns whether the account may see the addresses of people: it needs the right to view responders."""
    return user.has_perm("oncall.view_responder")


def without_addresses(value: T) -> T:
    """Returns the text, JSON value or dataclass with all addresses replaced by HIDDEN."""
    result: Any = value
    if isinstance(value, str):
        result = _ADDRESS.sub(HIDDEN, value)
    elif isinstance(value, list | tuple):
        result = type(value)(without_addresses(each) for each in value)
    elif isinstance(value, Mapping):
        result = {}
        for key, each in value.items():
            name = without_addresses(key)
            while name in result:  # two addresses that are keys
                name += "…"
            result[name] = _hidden(each) if key in _ADDRESS_FIELDS else without_addresses(each)
    elif is_dataclass(value) and not isinstance(value, type):
        changes: Any = {each.name: without_addresses(getattr(value, each.name)) for each in fields(value)}
        result = replace(value, **changes)
    return cast(T, result)


def hide_addresses(row: models.Model) -> None:
    """Replaces the addresses in all loaded text and JSON columns of a row that is shown. The row must not be saved."""
    for column in row._meta.concrete_fields:
        name = column.attname
        if name in vars(row) and isinstance(column, models.CharField | models.TextField | models.JSONField):
            value = getattr(row, name)
            setattr(row, name, _hidden(value) if name in _ADDRESS_FIELDS else without_addresses(value))


def _hidden(value: Any) -> Any:
    """Returns HIDDEN instead of each text inside a value that is an address, or has one on each side of a change."""
    match value:
        case str():
            return HIDDEN if value else value
        case list() | tuple():
            return [_hidden(each) for each in value]
        case dict():
            return {name: _hidden(each) for name, each in value.items()}
    return value
