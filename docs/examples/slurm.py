"""Run a study on a SLURM cluster: `python docs/examples/slurm.py STUDY.yaml RESULTS JOBS`.

Start it where jobs may be submitted and leave it running; it needs little of the machine. Needs
`pip install insulae[cluster] dask-jobqueue` in an environment that the nodes share. Change queue, account and
sizes to those of your cluster. RESULTS is a folder that all nodes see, or a URL such as s3://bucket/run.
"""

import sys
from pathlib import Path

from dask_jobqueue import SLURMCluster

from insulae.study.load import load
from insulae.study.run import run

PATIENTS_PER_CHUNK = 128


def main(study: str, results: str, jobs: str) -> None:
    """Ask SLURM for some jobs of 16 single-core workers each and run the study on them."""
    cluster = SLURMCluster(
        queue="standard",
        account="my-project",
        cores=16,
        processes=16,
        memory="48GB",
        walltime="04:00:00",
        local_directory="$TMPDIR",
        # Workers leave before SLURM ends their job, so that their chunks move to others in time.
        worker_extra_args=["--lifetime", "225m", "--lifetime-stagger", "5m"],
        # Compiled code is kept on the node: a shared home folder may be slow.
        job_script_prologue=["export INSULAE_CACHE=$TMPDIR/insulae"],
    )
    cluster.scale(jobs=int(jobs))
    found = run(load(Path(study), []), results, cluster.scheduler_address, chunk=PATIENTS_PER_CHUNK)
    print(found.directory / "summary.json")
    cluster.close()


if __name__ == "__main__":
    main(*sys.argv[1:])
