"""Which parameters and references a study rests on."""

from insulae.core.life_table import SOURCE as LIFE_TABLE
from insulae.core.parameters import ANY, component_of, lookup, table
from insulae.core.phenotypes import lineage, phenotype
from insulae.endpoints import base as endpoints
from insulae.manufacturing import numbers as manufacturing
from insulae.study.plan import therapies_of, typical_patient
from insulae.study.spec import Study
from insulae.therapies.base import TherapySpec, parameter_classes


def _asked_for(specs: list[TherapySpec]) -> set[str]:
    """Return the parameters that some therapies draw when they are built."""
    asked: set[str] = set()

    def draw(name: str) -> float:
        asked.add(name)
        return 1.0

    for spec in specs:
        spec.build(typical_patient(draw))
    return asked


def parameters_of(study: Study) -> list[str]:
    """Return the names of all parameters that enter a study: of the body and of the therapies it uses."""
    specs = [spec for arm in study.arms for spec in therapies_of(study, arm)]
    of_therapies = {component_of(cls) for cls in parameter_classes()}
    names = {name for name, _ in table() if name.split(".")[0] not in of_therapies}
    return sorted(names | _asked_for([*study.population.treatment, *specs]))


def _asks_for_lots(study: Study) -> bool:
    return any(getattr(spec, "lot", None) for arm in study.arms for spec in therapies_of(study, arm))


def references_of(study: Study) -> list[str]:
    """Return the reference keys of all parameters, endpoints and reported values of a study."""
    who = study.population.phenotype
    known, kin = table(), (*lineage(who), ANY)
    names = [n for n in parameters_of(study) if any((n, one) in known for one in kin)]
    rows = [lookup(name, who) for name in names]
    made = {row.source for row in manufacturing.table().values()} if _asks_for_lots(study) else set[str]()
    measured = [endpoints.get(name).source for name in study.endpoint_names()]
    found = {
        phenotype(who).source,
        *(row.source for row in rows),
        *made,
        *measured,
        *(r.source for r in study.reported),
    }
    if study.background_mortality:
        found.add(LIFE_TABLE)
    return sorted(key for key in found if key)
