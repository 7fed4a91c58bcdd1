"""What a vendor's own description of its API (Swagger 2, OpenAPI 3) says that its answers hold."""

from collections.abc import Iterator
from typing import Any


def leaves(spec: Any, schema: Any, prefix: str = "", depth: int = 0) -> Iterator[str]:
    """Dotted paths of all leaves a response schema describes, those of every subtype among them; ``[]`` for a list."""
    properties = dict(_properties(spec, schema))
    schema = _resolved(spec, schema)
    if properties and depth < 12:
        for name, child in properties.items():
            yield from leaves(spec, child, f"{prefix}.{name}" if prefix else name, depth + 1)
    elif "items" in schema:
        yield from leaves(spec, schema["items"], f"{prefix}[]", depth + 1)
    else:
        yield prefix


def _properties(spec: Any, schema: Any) -> Iterator[tuple[str, Any]]:
    name = schema.get("$ref", "")
    schema = _resolved(spec, schema)
    for word in ("allOf", "oneOf", "anyOf"):
        for part in schema.get(word, ()):
            yield from _properties(spec, part)
    yield from schema.get("properties", {}).items()
    if "discriminator" in schema:
        for other in spec.get("definitions", {}).values():
            if any(part.get("$ref") == name for part in other.get("allOf", ())):
                for part in other["allOf"]:
                    yield from part.get("properties", {}).items()


def _resolved(spec: Any, schema: Any) -> Any:
    while "$ref" in schema:
        found = spec
        for part in schema["$ref"].removeprefix("#/").split("/"):
            found = found[int(part) if isinstance(found, list) else part]
        schema = found
    return schema
