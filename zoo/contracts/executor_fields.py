"""Where the steps of a recipe are performed: keys, flags and keywords, declared once."""

from __future__ import annotations

from typing import Annotated

from zoo.contracts.declaration import Fields, Option

#: Environment variables that stand in for options that are not given.
EXECUTOR_VARIABLE = "ZOO_EXECUTOR"
ARTIFACTS_VARIABLE = "ZOO_ARTIFACTS"
TLS_VARIABLE = "ZOO_TLS"


class ExecutorFields(Fields):
    """Where steps are performed; results do not depend on it."""

    address: Annotated[
        str | None,
        Option(
            "Where steps are performed: local, or dask://HOST:PORT",
            more=f"the environment variable {EXECUTOR_VARIABLE} says it for all commands",
            flag="--executor",
            metavar="ADDRESS",
            completes="executor",
            default="local",
            example="dask://10.0.0.1:8786",
        ),
    ] = None
    artifacts: Annotated[
        str | None,
        Option(
            "Folder or URL through which results and inputs reach workers of other machines",
            more=f"or the environment variable {ARTIFACTS_VARIABLE}; workers that share this "
            "machine's cache folder need none",
            flag="--artifacts",
            metavar="URL",
            completes="file",
            default="none",
            example="s3://bucket/edgezoo",
        ),
    ] = None
    tls: Annotated[
        str | None,
        Option(
            "Folder with ca.pem, cert.pem and key.pem, to encrypt the connection to the executor",
            more=f"or the environment variable {TLS_VARIABLE}",
            flag="--tls",
            metavar="DIR",
            completes="file",
            default="none",
            example="certificates",
        ),
    ] = None
