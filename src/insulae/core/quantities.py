"""Quantity types for study files: text with a unit outside, a bare float in the declared unit inside."""

import dataclasses
from typing import Annotated, Any

from pydantic import GetCoreSchemaHandler, GetJsonSchemaHandler
from pydantic_core import CoreSchema, core_schema

from insulae.core.errors import InvalidQuantity
from insulae.core.units import quantity


def written(number: float, unit: str) -> str:
    """Write a quantity so that it reads back as the same number.

    >>> written(1488283.0, "IEQ")
    '1488283 IEQ'
    """
    exact = next(text for text in (f"{number:g}", f"{number:.15g}", repr(number)) if float(text) == number)
    return f"{exact} {unit}"


@dataclasses.dataclass(frozen=True)
class QuantityIn:
    """Marks a float field as a quantity in a unit, read from text in any compatible unit."""

    unit: str
    substance: str = ""
    example: str = ""

    def read(self, text: Any) -> float:
        """Read text; an inner float is taken as it is."""
        if isinstance(text, float):
            return text
        try:
            return quantity(text, self.unit, self.substance)
        except InvalidQuantity as error:
            raise ValueError(str(error)) from error

    def write(self, number: float) -> str:
        """Write a number so that it reads back as the same number."""
        return written(number, self.unit)

    def __get_pydantic_core_schema__(self, source: Any, handler: GetCoreSchemaHandler) -> CoreSchema:
        """Read before and write after pydantic's own handling of the float."""
        writing = core_schema.plain_serializer_function_ser_schema(
            self.write, return_schema=core_schema.str_schema()
        )
        return core_schema.no_info_before_validator_function(
            self.read, handler(source), serialization=writing
        )

    def __get_pydantic_json_schema__(
        self, schema: CoreSchema, handler: GetJsonSchemaHandler
    ) -> dict[str, Any]:
        """Describe the text a study file holds."""
        words = f"A quantity with a unit, in {self.unit} or compatible."
        described: dict[str, Any] = {"type": "string", "description": words, "unit": self.unit}
        return described | ({"examples": [self.example]} if self.example else {})


def with_written_defaults(schema: Any) -> Any:
    """Return a JSON schema in which the default of a quantity carries its unit, as in a study file."""
    if isinstance(schema, list):
        return [with_written_defaults(one) for one in schema]
    if not isinstance(schema, dict):
        return schema
    found = {key: with_written_defaults(value) for key, value in schema.items()}
    unit = next((one["unit"] for one in (found, *found.get("anyOf", ())) if "unit" in one), "")
    default = found.get("default")
    if unit and isinstance(unit, str) and isinstance(default, int | float):
        found["default"] = written(default, unit)
    return found


Days = Annotated[float, QuantityIn("day", example="12 weeks")]
Weeks = Annotated[float, QuantityIn("week", example="52 weeks")]
Percent = Annotated[float, QuantityIn("%", example="6.5 %")]
DailyMass = Annotated[float, QuantityIn("mg/d", example="2000 mg/d")]
WeeklyMass = Annotated[float, QuantityIn("mg/week", example="1 mg/week")]
Weight = Annotated[float, QuantityIn("kg", example="5 kg")]
DailyEnergy = Annotated[float, QuantityIn("kcal/d", example="-500 kcal/d")]
