"""The references behind the tables: read `references.bib`, cite as BibTeX or as a line of text."""

import functools
import re
from collections.abc import Iterable

from insulae.core.errors import UnknownName
from insulae.core.registry import nearest
from insulae.core.therapy_folders import tables


@functools.cache
def references() -> dict[str, str]:
    """Return every BibTeX entry of `tables/references.bib`, and of those beside therapies, by its key."""
    text = "\n".join(text for _, text in tables("references.bib"))
    starts = [m.start() for m in re.finditer(r"^@", text, flags=re.M)]
    entries = [text[a:b].strip() for a, b in zip(starts, [*starts[1:], len(text)], strict=True)]
    return {re.match(r"@\w+\{([^,\s]+)", entry).group(1): entry for entry in entries}  # type: ignore[union-attr]


def _field(entry: str, name: str) -> str:
    match = re.search(rf"^\s*{name}\s*=\s*[{{\"](.+?)[}}\"]\s*,?\s*$", entry, flags=re.M | re.I)
    return re.sub(r"[{}]", "", match.group(1)) if match else ""


def bibtex(keys: Iterable[str]) -> str:
    """Return the BibTeX entries of some keys; raises `UnknownName` for a key that is not in the file."""
    known = references()
    for key in keys:
        if key not in known:
            raise UnknownName(f"unknown reference '{key}'", nearest(key, known))
    return "\n\n".join(known[key] for key in sorted(set(keys))) + "\n"


def text(key: str) -> str:
    """Return one reference as a line: authors, year, title, journal, DOI."""
    entry = references().get(key)
    if entry is None:
        raise UnknownName(f"unknown reference '{key}'", nearest(key, references()))
    author = _field(entry, "author").split(" and ")[0]
    parts = [f"{author} ({_field(entry, 'year')})", _field(entry, "title"), _field(entry, "journal")]
    doi = _field(entry, "doi")
    return ". ".join(p for p in parts if p) + (f". doi:{doi}" if doi else "")


def cited(key: str) -> str:
    """Return a reference as in running text: first author and year, or the title where there is no author.

    >>> cited("battelino2023")
    'Battelino 2023'
    """
    entry = references().get(key)
    if entry is None:
        raise UnknownName(f"unknown reference '{key}'", nearest(key, references()))
    author = _field(entry, "author").split(" and ")[0].split(",")[0]
    return f"{author or _field(entry, 'title')} {_field(entry, 'year')}"
