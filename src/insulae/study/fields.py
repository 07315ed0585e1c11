"""What a record of the study file can hold, field by field, from its schema; an example that loads."""

import dataclasses
from collections.abc import Iterator
from typing import Any

from pydantic import BaseModel

from insulae.core.errors import InsulaeError
from insulae.core.quantities import with_written_defaults

Schema = dict[str, Any]


class NoExample(InsulaeError):
    """A field that must be given states no example, so that none can be shown."""


@dataclasses.dataclass(frozen=True)
class FieldEntry:
    """One field: its name (below a record `record.field`), what it takes, its default in words."""

    name: str
    takes: str
    default: str
    description: str


def fields_of(spec: type[BaseModel]) -> Iterator[FieldEntry]:
    """Yield the fields of a record and of the records below it, without its kind."""
    schema = with_written_defaults(spec.model_json_schema())
    top = _resolved(schema, schema)
    for name, one in top["properties"].items():
        if name != "kind":
            yield from _entries(schema, name, one, name in top.get("required", ()), depth=0)


def _entries(schema: Schema, name: str, one: Schema, is_required: bool, depth: int) -> Iterator[FieldEntry]:
    default = "required" if is_required else _default(one.get("default"))
    yield FieldEntry(name, _takes(schema, one), default, one.get("description", _unit_free(schema, one)))
    record = _record(schema, one)
    if record is None or depth > 2 or "kind" in record["properties"]:
        return
    for below, field in record["properties"].items():
        yield from _entries(schema, f"{name}.{below}", field, below in record.get("required", ()), depth + 1)


def _unit_free(schema: Schema, one: Schema) -> str:
    """Return the first sentence on a record that a field holds; other types speak for themselves."""
    record = _record(schema, one)
    return " ".join(record.get("description", "").split("\n\n")[0].split()) if record else ""


def _default(value: Any) -> str:
    if value is None:
        return "none"
    if isinstance(value, bool):
        return str(value).lower()
    return str(value) if not isinstance(value, list | dict) else ("empty" if not value else "as below")


def _resolved(schema: Schema, node: Schema) -> Schema:
    """Follow a reference to the definition it names."""
    while "$ref" in node:
        node = {**schema["$defs"][node["$ref"].rsplit("/", 1)[-1]], **_beside(node)}
    return node


def _beside(node: Schema) -> Schema:
    return {key: value for key, value in node.items() if key not in ("$ref", "description", "default")}


def _options(schema: Schema, node: Schema) -> list[Schema]:
    """Return what a node may be, without nothing."""
    node = _resolved(schema, node)
    several = node.get("anyOf") or node.get("oneOf") or [node]
    found = [_resolved(schema, one) for one in several]
    return [one for one in found if one.get("type") != "null"]


def _record(schema: Schema, node: Schema) -> Schema | None:
    """Return the record that a field, or each entry of its list, holds; None for anything else."""
    for one in _options(schema, node):
        if one.get("type") == "array" and "items" in one:
            options = _options(schema, one["items"])
            one = options[0] if len(options) == 1 else {}
        if "properties" in one:
            return one
    return None


def _takes(schema: Schema, node: Schema) -> str:
    return " or ".join(dict.fromkeys(_words(schema, one) for one in _options(schema, node)))


def _words(schema: Schema, one: Schema) -> str:
    """Say what one option of a field is."""
    if "const" in one or "enum" in one:
        return " or ".join(str(choice) for choice in one.get("enum", [one.get("const")]))
    if "unit" in one:
        return f"quantity in {one['unit']}"
    if one.get("type") == "string" and one.get("examples"):
        return f"text like {one['examples'][0]}"
    if one.get("type") == "array":
        several = len(_options(schema, one["items"])) > 1 if "items" in one else True
        return "list of therapies" if several else f"list of {_takes(schema, one['items'])}"
    if "properties" in one:
        return "record"
    plain = {"boolean": "true or false", "integer": "whole number", "number": "number", "string": "text"}
    return plain.get(str(one.get("type")), "anything")


def example_of(spec: type[BaseModel]) -> dict[str, Any]:
    """Return fields that load: the example of the record, else the first of every field that must be given.

    Everything with a default is written out, except a start at enrollment. Raises `NoExample` where a
    required field has no choices and states no example.
    """
    schema = spec.model_json_schema()
    try:
        given = {"kind": spec.model_fields["kind"].default, **_example(schema, schema, spec.__name__)}
    except NoExample as error:
        raise NoExample(
            f"{spec.__module__}: {error}", "Write Field(examples=[...]) beside its type"
        ) from error
    written = spec.model_validate(given).model_dump(mode="json", exclude_none=True)
    return {name: value for name, value in written.items() if (name, value) != ("start", "0 day")}


def _example(schema: Schema, node: Schema, name: str) -> Any:
    """Return an example of a node of the schema."""
    for one in _options(schema, node):
        for known in ("examples", "enum"):
            if one.get(known):
                return one[known][0]
        if "const" in one:
            return one["const"]
        if "properties" in one:
            wanted = [field for field in one.get("required", ()) if field != "kind"]
            return {field: _example(schema, one["properties"][field], field) for field in wanted}
        if one.get("type") == "array" and "items" in one:
            return [_example(schema, one["items"], name)] if one.get("minItems") else []
        if one.get("type") in ("integer", "number"):
            return one.get("minimum", 1)
        if one.get("type") == "boolean":
            return True
    raise NoExample(f"the field '{name}' must be given but states no example")


def choices_of(spec: type[BaseModel], example: dict[str, Any]) -> Iterator[dict[str, Any]]:
    """Yield the example with one field changed, for every choice or example that the field states."""
    schema = spec.model_json_schema()
    top = _resolved(schema, schema)
    for name, node in top["properties"].items():
        if name not in ("kind", "start"):
            values = [example.get(name)]
            for value in _alternatives(schema, node):
                if value not in values:
                    values.append(value)
                    yield {**example, name: value}


def _alternatives(schema: Schema, node: Schema) -> Iterator[Any]:
    """Yield the values of a field that are worth a look: its choices, its examples, a record with choices."""
    for one in _options(schema, {**_resolved(schema, node)}):
        yield from [*node.get("examples", ()), *one.get("enum", ()), *one.get("examples", ())]
        if one.get("type") == "boolean":
            yield from (True, False)
        if "properties" in one and "kind" not in one["properties"]:
            yield from _records(schema, one)


def _records(schema: Schema, record: Schema) -> Iterator[dict[str, Any]]:
    """Yield an example of a record, and the same with each choice of each of its fields."""
    try:
        first = _example(schema, record, "")
    except NoExample:
        return
    yield first
    for name, node in record["properties"].items():
        for value in _alternatives(schema, node):
            yield {**first, name: value}
