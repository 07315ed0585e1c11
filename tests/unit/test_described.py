"""Descriptions in the schema of study files: docstrings below the fields, read when they are asked for."""

from typing import Annotated, Literal

from pydantic import Field

from insulae.core.described import Described


class Tablet(Described):
    """A record with fields."""

    kind: str
    """What it is."""
    dose: Annotated[float, Field(ge=0)] = 1.0
    """How much is taken,

    a day.
    """
    silent: int = 0


class Own(Tablet):
    """A record that extends another one."""

    kind: Literal["own"] = "own"
    stated: Annotated[int, Field(description="As stated.")] = 2
    """As written below."""
    above: Tablet | None = None
    """A record below it."""


def descriptions(record: type[Described]) -> dict[str, str | None]:
    return {name: p.get("description") for name, p in record.model_json_schema()["properties"].items()}


def test_a_field_is_described_by_the_text_below_it():
    assert descriptions(Tablet) == {
        "kind": "What it is.",
        "dose": "How much is taken,\n\na day.",
        "silent": None,
    }


def test_fields_of_the_extended_record_keep_their_text_unless_they_are_written_anew():
    found = descriptions(Own)
    assert found["dose"] == "How much is taken,\n\na day." and found["kind"] is None
    assert found["stated"] == "As stated." and found["above"] == "A record below it."


def test_a_record_inside_another_one_is_described():
    schema = Own.model_json_schema()
    assert schema["$defs"]["Tablet"]["properties"]["kind"]["description"] == "What it is."
