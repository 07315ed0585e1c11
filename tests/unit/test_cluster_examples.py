"""The examples of docs/cluster.md: they run against stand-ins for a cluster and agree with the page."""

import dataclasses
import importlib.util
import inspect
import re
import sys
from pathlib import Path
from types import ModuleType
from typing import Any

import pytest
import yaml
from typer.main import get_command

from insulae.cli.main import app
from insulae.study import load
from insulae.study.plan import plan
from insulae.study.run import run
from insulae.study.spec import Population

ROOT = Path(__file__).parents[2]
STUDY = ROOT / "studies" / "first_case.yaml"
PAGE = ROOT / "docs" / "cluster.md"
EXAMPLES = PAGE.parent / "examples"
DECADE = """
name: decade
population: {phenotype: type2, size: 1, treatment: [{kind: metformin}]}
horizon: 520 weeks
visits: every 26 weeks
arms: [{name: metformin}]
"""


def script(name: str) -> ModuleType:
    """Return an example as a module."""
    spec = importlib.util.spec_from_file_location(name, EXAMPLES / f"{name}.py")
    assert spec is not None and spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    sys.modules[name] = module
    spec.loader.exec_module(module)
    return module


class Queue:
    """Stands in for a cluster behind a queue."""

    scheduler_address = "tcp://127.0.0.1:8786"

    def __init__(self, **options: Any) -> None:
        assert options["cores"] == options["processes"]
        self.jobs, self.is_closed = 0, False
        Queue.last = self

    def scale(self, jobs: int) -> None:
        self.jobs = jobs

    def close(self) -> None:
        self.is_closed = True


def test_the_slurm_script_runs_a_study_on_its_cluster(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path, capsys: pytest.CaptureFixture[str]
):
    jobqueue: Any = ModuleType("dask_jobqueue")
    jobqueue.SLURMCluster = Queue
    monkeypatch.setitem(sys.modules, "dask_jobqueue", jobqueue)
    example = script("slurm")
    called = inspect.signature(run)

    def note(*arguments: Any, **options: Any) -> Any:
        given = called.bind(*arguments, **options).arguments
        assert given["study"] == load.load(STUDY)
        assert given["workers"] == Queue.scheduler_address and given["directory"] == str(tmp_path)
        return type("Found", (), {"directory": tmp_path})

    monkeypatch.setattr(example, "run", note)
    example.main(str(STUDY), str(tmp_path), "3")
    assert Queue.last.jobs == 3 and Queue.last.is_closed
    assert capsys.readouterr().out.strip() == str(tmp_path / "summary.json")


def containers(resource: dict[str, Any]) -> list[dict[str, Any]]:
    """Return all containers of a resource."""
    spec = resource["spec"]
    pods = [spec["template"]] if "template" in spec else [spec["scheduler"], spec["worker"]]
    return [container for pod in pods for container in pod["spec"]["containers"]]


def test_the_kubernetes_file_holds_a_cluster_and_a_run_on_it():
    cluster, job = yaml.safe_load_all((EXAMPLES / "kubernetes.yaml").read_text(encoding="utf-8"))
    assert (cluster["kind"], job["kind"]) == ("DaskCluster", "Job")
    assert len({container["image"] for one in (cluster, job) for container in containers(one)}) == 1
    selector = cluster["spec"]["scheduler"]["service"]["selector"]
    assert selector["dask.org/cluster-name"] == cluster["metadata"]["name"]
    (runner,) = containers(job)
    assert runner["command"] == ["insulae"] and runner["args"][0] == "run"
    arguments = get_command(app).commands["run"].make_context("run", runner["args"][1:]).params
    assert arguments["workers"] == f"tcp://{cluster['metadata']['name']}-scheduler:8786"
    assert str(arguments["study"].parent) in [mount["mountPath"] for mount in runner["volumeMounts"]]


def test_the_page_holds_the_table_that_the_script_computes():
    scale = script("scale")
    assert scale.table(scale.Inputs()) in PAGE.read_text(encoding="utf-8")


def test_the_inputs_of_the_table_are_those_of_the_study():
    inputs, study = script("scale").Inputs(), load.read(DECADE)
    assert 1 <= inputs.simulated_days_per_patient / plan(study).steps < 1.1  # some stretches in shorter steps
    assert inputs.values_per_patient == len(study.visit_days()) * len(study.endpoint_names())
    Population(phenotype="type2", size=int(inputs.patients_per_study))


def test_twice_the_throughput_halves_the_core_hours():
    scale = script("scale")

    def hours(inputs: Any) -> float:
        (found,) = [number for what, _, number in scale.rows(inputs) if what == "core-hours"]
        return float(found.replace(",", ""))

    first = scale.Inputs()
    fast = dataclasses.replace(first, patient_days_per_core_second=2 * first.patient_days_per_core_second)
    assert hours(fast) == pytest.approx(hours(first) / 2, rel=1e-3)


def test_the_files_and_options_that_the_page_names_exist():
    text = PAGE.read_text(encoding="utf-8")
    for link in re.findall(r"\]\(([^)]+)\)", text):
        assert (PAGE.parent / link).exists(), link
    options = {option for one in get_command(app).commands["run"].params for option in one.opts}
    for line in re.findall(r"^insulae run .*", text, flags=re.MULTILINE):
        assert set(re.findall(r"--\w+", line)) <= options, line
