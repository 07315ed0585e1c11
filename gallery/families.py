"""What the gallery shows: the entries of families.yaml as frozen records, checked against their studies."""

from pathlib import Path
from typing import Annotated, Literal

import yaml
from pydantic import BaseModel, ConfigDict, Field, model_validator

from insulae.core.citations import references
from insulae.core.registry import nearest
from insulae.endpoints.base import catalogue
from insulae.study.load import load

FOLDER = Path(__file__).parent
ROOT = FOLDER.parent


class Record(BaseModel):
    """A frozen record that refuses fields it does not know."""

    model_config = ConfigDict(frozen=True, extra="forbid")


class Published(Record):
    """A published value that a study's own `reported` cannot hold, in the unit of the endpoint."""

    at: str | float
    value: float
    source: str
    note: str = ""


class Panel(Record):
    """One drawing of one endpoint; `families.yaml` explains the fields."""

    draw: Literal["course", "arms", "dose", "classes"]
    endpoint: str
    week: float | None = None
    arms: tuple[str, ...] = ()
    change: bool = False
    against: str = ""
    over: str = ""
    by: str = ""
    by_change: bool = False
    cuts: tuple[float, ...] = ()
    published: tuple[Published, ...] = ()

    @model_validator(mode="after")
    def _complete(self) -> "Panel":
        """Refuse a dose without its field, and classes without borders."""
        if self.draw == "dose" and not self.over:
            raise ValueError("a dose panel needs `over: kind.field`, for example islet_infusion.dose")
        if self.draw == "classes" and not (self.by and self.cuts):
            raise ValueError("a classes panel needs `by: endpoint` and `cuts: [...]`")
        return self


class Family(Record):
    """One figure of the gallery."""

    name: Annotated[str, Field(pattern=r"^[a-z0-9_]+$")]
    title: str
    study: str
    set: tuple[str, ...] = ()
    shows: str
    panels: Annotated[tuple[Panel, ...], Field(min_length=1, max_length=3)]


def families(path: Path = FOLDER / "families.yaml") -> list[Family]:
    """Return the families in the order of the page."""
    return [Family.model_validate(entry) for entry in yaml.safe_load(path.read_text(encoding="utf-8"))]


def mistakes(family: Family) -> list[str]:
    """Return a sentence for each name of an entry that its study or the package does not know."""
    study = load(ROOT / family.study, family.set)
    arms = [arm.name for arm in study.arms]
    endpoints = [member.name for member in catalogue()]
    weeks = {day / 7 for day in study.visit_days()}
    found: list[str] = []
    for panel in family.panels:
        wanted = [(panel.endpoint, endpoints), *((arm, arms) for arm in (*panel.arms, panel.against) if arm)]
        wanted += [(panel.by, endpoints)] if panel.by else []
        wanted += [(one.source, list(references())) for one in panel.published]
        found += [f"unknown '{name}'; {nearest(name, known)}" for name, known in wanted if name not in known]
        if panel.week is not None and panel.week not in weeks:
            found.append(f"there is no visit at week {panel.week:g}")
    return [f"{family.name}: {sentence}" for sentence in found]
