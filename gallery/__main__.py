"""`python -m gallery [NAME ...]`: run studies of families, keep their values, draw figures, write the page.

With `--draw` nothing is simulated: figures and page are made from the values that are kept.
"""

import json
import sys
import tempfile
from pathlib import Path
from typing import Any

from gallery import draw, page
from gallery.families import FOLDER, ROOT, Family, families, mistakes
from gallery.values import values
from insulae.core.errors import InsulaeError, InvalidStudy, UnknownName
from insulae.core.registry import nearest
from insulae.report.reading import read
from insulae.study.load import load
from insulae.study.run import run

KEPT = FOLDER / "results"
FIGURES = ROOT / "docs" / "figures"
PAGE = ROOT / "docs" / "gallery.md"


def kept(family: Family) -> dict[str, Any] | None:
    """Return the values that are kept of a family; None where it was never run."""
    path = KEPT / f"{family.name}.json"
    return json.loads(path.read_text(encoding="utf-8")) if path.exists() else None


def simulate(family: Family) -> None:
    """Run the study of a family and keep what its figure shows; raises `InvalidStudy` for wrong names."""
    if wrong := mistakes(family):
        raise InvalidStudy("\n".join(wrong))
    study = load(ROOT / family.study, [*family.set, "stored_traces.patients=0"])
    with tempfile.TemporaryDirectory() as folder:
        run(study, Path(folder))
        found = values(family, read(folder))
    KEPT.mkdir(exist_ok=True)
    text = json.dumps(found, indent=1, ensure_ascii=False) + "\n"
    (KEPT / f"{family.name}.json").write_text(text, encoding="utf-8")


def rendered() -> str:
    """Return the page of all families that were run."""
    found = [(family, values) for family in families() if (values := kept(family))]
    return page.render(found)


def main(arguments: list[str]) -> None:
    """Make the figures of some families, or of all."""
    known = {family.name: family for family in families()}
    names = [name for name in arguments if name != "--draw"] or list(known)
    if unknown := [name for name in names if name not in known]:
        raise UnknownName(f"the gallery has no '{unknown[0]}'", nearest(unknown[0], known))
    FIGURES.mkdir(exist_ok=True)
    for name in names:
        if "--draw" not in arguments:
            print(f"{name}: {known[name].study}", flush=True)
            simulate(known[name])
        if (found := kept(known[name])) is not None:
            draw.write(known[name].title, found, FIGURES / f"{name}.png")
    PAGE.write_text(rendered(), encoding="utf-8")
    print(PAGE)


if __name__ == "__main__":
    try:
        main(sys.argv[1:])
    except InsulaeError as error:
        sys.exit(f"Error: {error}")
