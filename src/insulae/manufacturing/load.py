"""Read a manufacturing study file; every mistake becomes a sentence with its path in the file."""

from pathlib import Path
from typing import Any

import yaml
from pydantic import ValidationError

from insulae.core.errors import InvalidStudy
from insulae.core.registry import nearest
from insulae.manufacturing.spec import ManufacturingStudy


def load(path: Path) -> ManufacturingStudy:
    """Return the study of a file; raises `InvalidStudy` that lists every mistake."""
    try:
        text = Path(path).read_text(encoding="utf-8")
    except (OSError, UnicodeDecodeError) as error:
        raise InvalidStudy(f"cannot read {path}: {getattr(error, 'strerror', None) or error}") from error
    return read(text, str(path))


def read(text: str, name: str = "study") -> ManufacturingStudy:
    """Return the study that a YAML text describes."""
    try:
        content = yaml.safe_load(text)
    except yaml.YAMLError as error:
        mark = getattr(error, "problem_mark", None)
        where = f"{name}, line {mark.line + 1}" if mark else name
        raise InvalidStudy(
            f"{where}: {getattr(error, 'problem', error)}", "The file is not valid YAML"
        ) from error
    if not isinstance(content, dict) or "arms" not in content:
        raise InvalidStudy(f"{name}: a manufacturing study has arms", "See studies/manufacturing/bank.yaml")
    return from_plain(content)


def from_plain(content: Any) -> ManufacturingStudy:
    """Return the study that plain data describes."""
    try:
        return ManufacturingStudy.model_validate(_quantities_as_text(content))
    except ValidationError as error:
        found = [one for one in error.errors() if not _follows(one, error.errors())]
        raise InvalidStudy("\n".join(_sentence(one) for one in found)) from error


def _follows(one: Any, errors: list[Any]) -> bool:
    """Whether a list is too short only because one of its entries is wrong."""
    place = one["loc"]
    inside = (other["loc"] for other in errors if other["loc"] != place)
    return one["type"] == "too_short" and any(other[: len(place)] == place for other in inside)


QUANTITIES = ("target", "volume")


def _quantities_as_text(content: Any) -> Any:
    """Write bare numbers of quantities as text, so that a missing unit is noticed."""
    if isinstance(content, dict):
        return {
            key: repr(value) if key in QUANTITIES and isinstance(value, float) else _quantities_as_text(value)
            for key, value in content.items()
        }
    return [_quantities_as_text(value) for value in content] if isinstance(content, list) else content


def _sentence(error: Any) -> str:
    """Say what is wrong at which path, and the nearest valid choice."""
    location = error["loc"]
    path = ".".join(str(part) for part in location) or "the file"
    kind, context = error["type"], error.get("ctx", {})
    if kind == "extra_forbidden":
        return f"{path}: unknown field '{location[-1]}'; {nearest(str(location[-1]), _fields(location[:-1]))}"
    if kind == "missing":
        return f"{path}: is missing"
    if kind == "literal_error":
        choices = [choice.strip(" '") for choice in context["expected"].replace(" or ", ", ").split(",")]
        return f"{path}: '{error['input']}' is not a choice; {nearest(str(error['input']), choices)}"
    if kind == "value_error":
        return f"{path}: {context['error']}"
    return f"{path}: {error['msg'][0].lower()}{error['msg'][1:]}, not '{error['input']}'"


def _fields(location: tuple[str | int, ...]) -> list[str]:
    """Return the fields that a record at some place of the file may have."""
    schema = ManufacturingStudy.model_json_schema()
    node: dict[str, Any] = schema
    for part in location:
        node = node["items"] if isinstance(part, int) else node["properties"][part]
        if "$ref" in node:
            node = schema["$defs"][node["$ref"].rsplit("/", 1)[-1]]
    return list(node["properties"])
