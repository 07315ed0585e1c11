"""Records of study files, whose fields are described by the docstrings below them.

pydantic reads such docstrings too, but from the source of every record while it is imported: a twentieth of
the time that the run of one person takes. Here the source is read when a schema is asked for.
"""

import ast
import functools
import inspect
import itertools
import textwrap
from typing import Any

from pydantic import BaseModel, ConfigDict, GetJsonSchemaHandler
from pydantic_core import CoreSchema


class Described(BaseModel):
    """A frozen record that refuses fields it does not know; its schema describes every field."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    @classmethod
    def __get_pydantic_json_schema__(
        cls, core_schema: CoreSchema, handler: GetJsonSchemaHandler
    ) -> dict[str, Any]:
        """Return pydantic's schema with the descriptions of the fields."""
        schema = handler(core_schema)
        properties = handler.resolve_ref_schema(schema).get("properties", {})
        for name, text in _descriptions(cls).items():
            if text and name in properties and cls.model_fields[name].description is None:
                properties[name]["description"] = text
        return schema


@functools.cache
def _descriptions(record: type[BaseModel]) -> dict[str, str]:
    """Return the docstrings below the fields of a record and those it extends, empty where none is."""
    found: dict[str, str] = {}
    for cls in reversed(record.__mro__):
        if issubclass(cls, Described):
            found |= _below_fields(cls)
    return found


def _below_fields(cls: type) -> dict[str, str]:
    """Return the docstring below each annotated field in the source of a class, empty where none is."""
    (definition,) = ast.parse(textwrap.dedent(inspect.getsource(cls))).body
    lines = definition.body if isinstance(definition, ast.ClassDef) else []
    found: dict[str, str] = {}
    for field, below in itertools.zip_longest(lines, lines[1:]):
        if isinstance(field, ast.AnnAssign) and isinstance(field.target, ast.Name):
            match below:
                case ast.Expr(value=ast.Constant(value=str(text))):
                    found[field.target.id] = inspect.cleandoc(text)
                case _:
                    found[field.target.id] = ""
    return found
