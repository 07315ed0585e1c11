"""Ranges in study files: `20 to 30 U/d` or one quantity, read as (lowest, highest) in one unit."""

import dataclasses
import re
from typing import Any

from pydantic import GetCoreSchemaHandler, GetJsonSchemaHandler
from pydantic_core import CoreSchema, core_schema

from insulae.core.errors import InvalidQuantity
from insulae.core.quantities import written
from insulae.core.units import quantity

Range = tuple[float, float]
_RANGE = re.compile(r"^\s*(.+?)\s+to\s+(.+?)\s*$")
_NUMBER = re.compile(r"[-+]?[\d._]+(?:[eE][-+]?\d+)?")


def read_range(text: object, unit: str, substance: str = "") -> Range:
    """Read `20 to 30 U/d`, `900 g to 1 kg` or `25 U/d`; a lower end without a unit has that of the upper end.

    >>> read_range("20 to 30 U/d", "U/d")
    (20.0, 30.0)
    """
    match = _RANGE.match(str(text))
    if match is None:
        number = quantity(text, unit, substance)
        return number, number
    low, high = match[1], match[2]
    if _NUMBER.fullmatch(low):
        low = f"{low} {_NUMBER.sub('', high, count=1)}"
    found = quantity(low, unit, substance), quantity(high, unit, substance)
    if found[0] > found[1]:
        raise InvalidQuantity(f"'{text}' runs from the higher to the lower number")
    return found


@dataclasses.dataclass(frozen=True)
class RangeIn:
    """Marks a field as a range in a unit, both ends within the limits of what can be simulated."""

    unit: str
    lower: float
    upper: float
    example: str
    substance: str = ""

    def read(self, text: Any) -> Any:
        """Read text; what is a range already stays as it is."""
        if isinstance(text, tuple):
            return text
        try:
            found = read_range(text, self.unit, self.substance)
        except InvalidQuantity as error:
            raise ValueError(str(error)) from error
        if found[0] < self.lower or found[1] > self.upper:
            within = f"{self.lower:g} to {self.upper:g} {self.unit}"
            raise ValueError(f"'{text}' is outside of what can be simulated, {within}; is the unit right?")
        return found

    def write(self, numbers: Range) -> str:
        """Write a range so that it reads back as the same numbers."""
        low, high = (written(number, self.unit) for number in numbers)
        return low if low == high else f"{low.removesuffix(self.unit).strip()} to {high}"

    def __get_pydantic_core_schema__(self, source: Any, handler: GetCoreSchemaHandler) -> CoreSchema:
        """Read before and write after pydantic's own handling of the pair."""
        writing = core_schema.plain_serializer_function_ser_schema(self.write)
        return core_schema.no_info_before_validator_function(
            self.read, handler(source), serialization=writing
        )

    def __get_pydantic_json_schema__(
        self, schema: CoreSchema, handler: GetJsonSchemaHandler
    ) -> dict[str, Any]:
        """Describe the text a study file holds."""
        description = f"A quantity or a range with a unit, in {self.unit} or compatible."
        return {
            "type": "string",
            "description": description,
            "unit": self.unit,
            "examples": [self.example],
        }
