"""Open families of things found by name, with errors that suggest the nearest valid name."""

import difflib
from collections.abc import Iterable
from typing import Generic, TypeVar

from insulae.core.errors import UnknownName

T = TypeVar("T")


def nearest(name: str, names: Iterable[str]) -> str:
    """Return a sentence that suggests the closest of the known names and lists them.

    >>> nearest("metfromin", ["metformin", "acarbose"])
    "did you mean 'metformin'? Known: acarbose, metformin"
    >>> nearest("ATG", ["atg", "basiliximab"])
    "did you mean 'atg'? Known: atg, basiliximab"
    """
    known = sorted(names)
    spelled = {one.lower(): one for one in known}
    close = [spelled[one] for one in difflib.get_close_matches(name.lower(), spelled, n=1, cutoff=0.5)]
    listing = f"Known: {', '.join(known)}" if known else "None are known"
    return f"did you mean '{close[0]}'? {listing}" if close else listing


class Family(Generic[T]):
    """Things of one sort by name; names are unique and lookups that fail suggest a neighbor."""

    def __init__(self, sort: str) -> None:
        self.sort = sort
        self._members: dict[str, T] = {}

    def add(self, name: str, member: T) -> T:
        """Register a member under a new name; raises `UnknownName` when the name is taken."""
        if name in self._members:
            raise UnknownName(f"the {self.sort} '{name}' is defined twice")
        self._members[name] = member
        return member

    def get(self, name: str) -> T:
        """Return the member of that name; raises `UnknownName` with the nearest valid choice."""
        if name not in self._members:
            raise UnknownName(f"unknown {self.sort} '{name}'", nearest(name, self._members))
        return self._members[name]

    def names(self) -> list[str]:
        """Return the known names in alphabetical order."""
        return sorted(self._members)

    def items(self) -> list[tuple[str, T]]:
        """Return (name, member) pairs in alphabetical order."""
        return [(name, self._members[name]) for name in self.names()]
