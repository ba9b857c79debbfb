"""Workers as jobs of SLURM, by dask-jobqueue; the scheduler runs here, on the head node.

pip install "edgezoo[dask]" dask-jobqueue
python slurm.py --queue gpu --workers 8
"""

from __future__ import annotations

import argparse
import signal
from typing import Any

#: What each job runs behind `dask worker`: it announces itself as a worker of the zoo.
WORKER = ["--preload", "zoo.plugins.dask_executor.preload", "--jobs", "1"]


def options(queue: str, label: str = "") -> dict[str, Any]:
    """For `dask_jobqueue.SLURMCluster`; `PBSCluster` and others take the same."""
    return {
        "queue": queue,
        "cores": 4,
        "processes": 1,
        "memory": "16GB",
        "walltime": "08:00:00",
        "worker_extra_args": [*WORKER, *(["--label", label] if label else [])],
        # The cache of steps lies where all nodes see it, so that no --artifacts is needed.
        "job_script_prologue": ["export ZOO_HOME=$HOME/.edgezoo"],
        "scheduler_options": {"port": 8786, "dashboard": False},
    }


def main() -> None:
    """Starts scheduler and jobs, and waits for Ctrl-C."""
    from dask_jobqueue import SLURMCluster

    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--queue", required=True)
    parser.add_argument("--workers", type=int, default=2)
    parser.add_argument("--label", default="")
    given = parser.parse_args()
    cluster = SLURMCluster(**options(given.queue, given.label))
    cluster.scale(given.workers)
    print(f"--executor dask://{cluster.scheduler_address.partition('://')[2]}", flush=True)
    try:
        signal.pause()
    except KeyboardInterrupt:
        cluster.close()


if __name__ == "__main__":
    main()
