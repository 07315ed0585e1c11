"""The references behind the tables: read `references.bib`, cite as BibTeX or as a line of text."""

import functools
import re
import unicodedata
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


def letters(text: str) -> str:
    """Write the accents, letters and dashes of BibTeX, braces already removed, as they are."""
    text = text.replace("---", "—").replace("--", "–").replace("\\&", "&").replace("\\%", "%")
    accented = re.sub(r"\\(['\"`^~.vk])(\w)", lambda m: m[2] + _ACCENTS[m[1]], text)
    for command, letter in _LETTERS.items():
        accented = accented.replace(command, letter)
    return unicodedata.normalize("NFC", accented)


_ACCENTS = {
    "'": "\N{COMBINING ACUTE ACCENT}",
    '"': "\N{COMBINING DIAERESIS}",
    "`": "\N{COMBINING GRAVE ACCENT}",
    "^": "\N{COMBINING CIRCUMFLEX ACCENT}",
    "~": "\N{COMBINING TILDE}",
    ".": "\N{COMBINING DOT ABOVE}",
    "v": "\N{COMBINING CARON}",
    "k": "\N{COMBINING OGONEK}",
}
_LETTERS = {"\\ss": "ß", "\\l": "ł", "\\L": "Ł", "\\o": "ø", "\\O": "Ø"}


def _field(entry: str, name: str) -> str:
    match = re.search(rf"^\s*{name}\s*=\s*[{{\"](.+?)[}}\"]\s*,?\s*$", entry, flags=re.M | re.I)
    return letters(re.sub(r"[{}]", "", match.group(1))) if match else ""


def _written_by(entry: str) -> str:
    """Return the first author, and whether there are others."""
    first, *others = _field(entry, "author").split(" and ")
    return f"{first} et al." if others else first


def bibtex(keys: Iterable[str]) -> str:
    """Return the BibTeX entries of some keys; raises `UnknownName` for a key that is not in the file."""
    known = references()
    for key in keys:
        if key not in known:
            raise UnknownName(f"unknown reference '{key}'", nearest(key, known))
    return "\n\n".join(known[key] for key in sorted(set(keys))) + "\n"


def text(key: str) -> str:
    """Return one reference as a line: first author, year, title, journal, DOI.

    >>> text("haring2014")[:60]
    'Häring, H. U. et al. (2014). Empagliflozin as add-on to metf'
    """
    entry = references().get(key)
    if entry is None:
        raise UnknownName(f"unknown reference '{key}'", nearest(key, references()))
    author, year, title = _written_by(entry), _field(entry, "year"), _field(entry, "title")
    when = f" ({year})" if year else ""
    parts = [f"{author}{when}", title] if author else [f"{title}{when}"]
    parts.append(_field(entry, "journal"))
    doi = _field(entry, "doi")
    return ". ".join(p.removesuffix(".") for p in parts if p) + (f". doi:{doi}" if doi else "")


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
