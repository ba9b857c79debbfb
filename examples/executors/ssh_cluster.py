"""A scheduler on the first machine, and a worker on each of the others, started by ssh.

    python ssh_cluster.py head.lan board.lan gpu.lan

Needs `pip install "edgezoo[dask]" asyncssh` here and edgezoo[dask] in the same Python there.
"""

from __future__ import annotations

import argparse
import signal
import sys
from typing import Any

from dask.distributed import SSHCluster


def cluster(machines: list[str], port: int, python: str, **options: Any) -> SSHCluster:
    """The cluster; it ends with this program."""
    return SSHCluster(
        machines,
        scheduler_options={"port": port, "dashboard": False, "dashboard_address": "127.0.0.1:0"},
        worker_options={
            "nthreads": 1,
            "memory_limit": 0,
            "preload": ["zoo.plugins.dask_executor.preload"],
            "preload_argv": [["--jobs", "1"]],
        },
        remote_python=python,
        **options,
    )


def main() -> None:
    """Starts the cluster, and waits for Ctrl-C."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("machines", nargs="+", help="the scheduler's, then the workers'")
    parser.add_argument("--port", type=int, default=8786)
    parser.add_argument("--python", default=sys.executable, help="on all machines")
    given = parser.parse_args()
    started = cluster(given.machines, given.port, given.python)
    print(f"--executor dask://{started.scheduler_address.partition('://')[2]}", flush=True)
    try:
        signal.pause()
    except KeyboardInterrupt:
        started.close()


if __name__ == "__main__":
    main()
