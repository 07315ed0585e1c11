"""Quantity types for study files: text with a unit on the outside, a bare float in the declared unit inside."""

from typing import Annotated, Any

from pydantic import BeforeValidator, PlainSerializer, WithJsonSchema

from insulae.core.errors import InvalidQuantity
from insulae.core.units import quantity


def written(number: float, unit: str) -> str:
    """Write a quantity so that it reads back as the same number.

    >>> written(1488283.0, "IEQ")
    '1488283 IEQ'
    """
    exact = next(text for text in (f"{number:g}", f"{number:.15g}", repr(number)) if float(text) == number)
    return f"{exact} {unit}"


def quantity_type(unit: str, substance: str = "", example: str = "") -> Any:
    """Return a float type that reads quantities in any compatible unit; an inner float is taken as it is."""

    def read(text: Any) -> float:
        if isinstance(text, float):
            return text
        try:
            return quantity(text, unit, substance)
        except InvalidQuantity as error:
            raise ValueError(str(error)) from error

    schema = {"type": "string", "description": f"a quantity with a unit, in {unit} or compatible"}
    schema |= {"examples": [example]} if example else {}
    return Annotated[
        float,
        BeforeValidator(read),
        PlainSerializer(lambda number: written(number, unit), return_type=str),
        WithJsonSchema(schema),
    ]


Days = quantity_type("day", example="12 weeks")
Percent = quantity_type("%", example="6.5 %")
DailyMass = quantity_type("mg/d", example="2000 mg/d")
