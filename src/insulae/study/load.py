"""Read a study file: YAML, overrides, checks; every mistake becomes a sentence with its path in the file."""

from collections.abc import Iterable, Iterator, Sequence
from pathlib import Path
from typing import Any

import yaml
from pydantic import BaseModel, ValidationError

from insulae.core import yaml_text
from insulae.core.errors import InvalidStudy
from insulae.core.registry import nearest
from insulae.core.therapy_folders import FOLDERS
from insulae.study.checks import mistakes
from insulae.study.spec import Study

Location = tuple[str | int, ...]


class _Loader(yaml_text.SafeLoader):
    """YAML without silent surprises: a key that stands twice is an error."""

    def construct_mapping(self, node: yaml.MappingNode, deep: bool = False) -> dict[Any, Any]:
        seen: set[Any] = set()
        for key_node, _ in node.value:
            key = self.construct_object(key_node, deep=True)
            if key in seen:
                raise yaml.constructor.ConstructorError(
                    problem=f"'{key}' stands twice", problem_mark=key_node.start_mark
                )
            seen.add(key)
        return super().construct_mapping(node, deep)


def parse(text: str, name: str) -> Any:
    """Return what a YAML text holds; raises `InvalidStudy` with the place of a mistake."""
    try:
        return yaml.load(text, _Loader)
    except yaml.YAMLError as error:
        mark = getattr(error, "problem_mark", None)
        where = f"{name}, line {mark.line + 1}, column {mark.column + 1}" if mark else name
        problem = getattr(error, "problem", None) or str(error)
        raise InvalidStudy(f"{where}: {problem}", "The file is not valid YAML") from error


def load(path: Path, overrides: Iterable[str] = ()) -> Study:
    """Return the study of a file, with some values replaced by `path.inside.the.file=value`."""
    try:
        text = Path(path).read_text(encoding="utf-8")
    except (OSError, UnicodeDecodeError) as error:
        raise InvalidStudy(f"cannot read {path}: {getattr(error, 'strerror', None) or error}") from error
    return read(text, overrides, str(path))


def read(text: str, overrides: Iterable[str] = (), name: str = "study") -> Study:
    """Return the study that a YAML text describes."""
    content = parse(text, name)
    if not isinstance(content, dict):
        raise InvalidStudy(f"{name}: a study is a list of 'field: value' lines", "See insulae show schema")
    for override in overrides:
        content = _overridden(content, override)
    return from_plain(content)


def from_plain(content: Any) -> Study:
    """Return the study that plain data describes; raises `InvalidStudy` that lists every mistake."""
    try:
        study = Study.model_validate(_without_bare_floats(content))
    except ValidationError as error:
        raise InvalidStudy(sentences(error, content)) from error
    found = mistakes(study)
    if found:
        raise InvalidStudy("\n".join(found))
    return study


def to_yaml(study: Study) -> str:
    """Return the study as YAML that reads back as the same study."""
    return yaml.safe_dump(study.to_plain(), sort_keys=False, allow_unicode=True, width=100)


def _without_bare_floats(content: Any) -> Any:
    """Write floats as text, so that a quantity without a unit is noticed."""
    if isinstance(content, dict):
        return {key: _without_bare_floats(value) for key, value in content.items()}
    if isinstance(content, list):
        return [_without_bare_floats(value) for value in content]
    return repr(content) if isinstance(content, float) else content


def _overridden(content: Any, override: str) -> Any:
    path, equals, value = override.partition("=")
    if not equals or not path.strip():
        raise InvalidStudy(f"--set {override}: expected path=value", "For example --set population.size=50")
    parts = path.strip().split(".")
    return _with(content, parts, parse(value, f"--set {path}"), path.strip())


def _with(content: Any, parts: list[str], value: Any, path: str) -> Any:
    """Return the content with the value at a path; a missing record on the way is created."""
    if not parts:
        return value
    first, rest = parts[0], parts[1:]
    if isinstance(content, list):
        if not first.isdigit() or int(first) > len(content):
            known = f"expected a number from 0 to {len(content)}"
            raise InvalidStudy(f"--set {path}: '{first}' is not a place in a list of {len(content)}", known)
        index = int(first)
        below = content[index] if index < len(content) else {}
        return [*content[:index], _with(below, rest, value, path), *content[index + 1 :]]
    if not isinstance(content, dict):
        raise InvalidStudy(f"--set {path}: there is nothing below '{content}'")
    return {**content, first: _with(content.get(first, {}), rest, value, path)}


def _path(location: Iterable[str | int]) -> str:
    return ".".join(str(part) for part in location)


def _inside(location: Location, content: Any) -> Location:
    """Drop the parts of a location that name a choice and not a place in the file."""
    kept: list[str | int] = []
    for position, part in enumerate(location):
        is_last = position == len(location) - 1
        is_choice = isinstance(content, dict) and part == content.get("kind") and part not in content
        is_type = isinstance(part, str) and not isinstance(content, dict)
        if is_choice or is_type:
            continue
        kept.append(part)
        try:
            content = content[part]
        except (KeyError, IndexError, TypeError):
            content = {} if not is_last else None
    return tuple(kept)


_EXPECTED = {
    "tuple_type": "a list",
    "too_short": "long enough; at least one entry is needed",
    "model_type": "a record of fields",
    "model_attributes_type": "a record of fields",
    "int_parsing": "a whole number",
    "int_type": "a whole number",
    "int_from_float": "a whole number",
    "float_parsing": "a number",
    "float_type": "a number",
    "string_type": "text",
}


def sentences(error: ValidationError, content: Any, record: type[BaseModel] = Study) -> str:
    """Return a sentence for every mistake in the content of a record, one a line."""
    found = _joined_choices(_causes(error.errors()))
    return "\n".join(_sentence(one, content, record) for one in found)


def _joined_choices(errors: Sequence[Any]) -> list[Any]:
    """Make one mistake of several that offer different choices for the same value of the same field."""
    joined: dict[Any, Any] = {}
    for one in errors:
        is_choice = one["type"] == "literal_error" and str(one["loc"][-1]).startswith("literal[")
        key = one["loc"][:-1] if is_choice else (one["loc"], one["type"], len(joined))
        if key in joined:
            choices = f"{joined[key]['ctx']['expected']}, {one['ctx']['expected']}"
            joined[key] = joined[key] | {"ctx": {"expected": choices}}
        else:
            joined[key] = one
    return list(joined.values())


def _causes(errors: Sequence[Any]) -> list[Any]:
    """Leave out that a list is too short where that follows from a mistake in one of its entries."""
    places = [one["loc"] for one in errors]

    def follows(one: Any) -> bool:
        here = one["loc"]
        return one["type"] == "too_short" and any(p != here and p[: len(here)] == here for p in places)

    return [one for one in errors if not follows(one)]


def _sentence(error: Any, content: Any, record: type[BaseModel]) -> str:
    """Say what is wrong at which path, what was expected and the nearest valid choice."""
    location: Location = error["loc"]
    path = _path(_inside(location, content))
    kind, context = error["type"], error.get("ctx", {})
    if kind == "extra_forbidden":
        name = str(location[-1])
        return f"{path}: unknown field '{name}'; {nearest(name, fields_at(location[:-1], record))}"
    if kind == "missing":
        return f"{path}: is missing"
    if kind == "union_tag_invalid":
        known = [tag.strip(" '") for tag in context["expected_tags"].split(",")]
        sort = "device" if location[-1] == "device" else "therapy"
        hint = nearest(str(context["tag"]), known)
        if sort == "therapy" and not hint.startswith("did you mean"):
            hint += f"; those of a folder of your own need {FOLDERS}"
        return f"{path}: unknown {sort} '{context['tag']}'; {hint}"
    if kind == "union_tag_not_found" and location[-1] == "device":
        return f"{path}: a device needs a 'kind', for example {{kind: microcapsule}}"
    if kind == "union_tag_not_found":
        return f"{path}: a therapy needs a 'kind', for example {{kind: metformin}}"
    if kind == "literal_error":
        choices = [choice.strip(" '") for choice in context["expected"].replace(" or ", ", ").split(",")]
        return f"{path}: '{error['input']}' is not a choice; {nearest(str(error['input']), set(choices))}"
    if kind == "value_error":
        return f"{path}: {context['error']}"
    shown = error["input"]
    if kind in _EXPECTED:
        return f"{path}: '{shown}' is not {_EXPECTED[kind]}"
    return f"{path}: {error['msg'][0].lower()}{error['msg'][1:]}, not '{shown}'"


def fields_at(location: Location, record: type[BaseModel] = Study) -> list[str]:
    """Return the names of the fields that a record at some place of a study, or another record, may have."""
    schema = record.model_json_schema()
    for node in _nodes(schema, schema, location):
        if "properties" in node:
            return list(node["properties"])
    return []


def _nodes(schema: Any, node: Any, location: Location) -> Iterator[Any]:
    """Walk the JSON schema along a location and yield the records it may lead to."""
    if "$ref" in node:
        yield from _nodes(schema, schema["$defs"][node["$ref"].rsplit("/", 1)[-1]], location)
        return
    mapping = node.get("discriminator", {}).get("mapping", {})
    if location and location[0] in mapping:
        yield from _nodes(schema, {"$ref": mapping[location[0]]}, location[1:])
        return
    for option in node.get("anyOf", ()):
        yield from _nodes(schema, option, location)
    if not location:
        yield node
    elif "items" in node:
        yield from _nodes(schema, node["items"], location[1:])
    elif location[0] in node.get("properties", {}):
        yield from _nodes(schema, node["properties"][location[0]], location[1:])
