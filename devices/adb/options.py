"""What ``devices.toml`` may say of an Android phone."""

from __future__ import annotations

from typing import Annotated

from pydantic import BaseModel, ConfigDict, Field

#: Paths there: without anything that a shell or JSON would read as more than a letter.
There = Annotated[str, Field(pattern=r"^[A-Za-z0-9_/][A-Za-z0-9_.+/@-]*$")]
Package = Annotated[str, Field(pattern=r"^([A-Za-z][A-Za-z0-9_]*(\.[A-Za-z][A-Za-z0-9_]*)+)?$")]


class AdbOptions(BaseModel):
    """An Android phone that ADB reaches.

    Attributes:
        serial: As ``adb devices`` tells it; None where one phone alone is connected.
        app: The app whose Python runs the agent, entered by ``run-as``; empty for ADB's own shell.
        folder: Where the agent and files are kept there, from the app's home unless absolute.
        cpus: Mask of the processors that the agent may use, in hexadecimal: ``f0`` are often the
            fast ones; None for all.
        performance: Whether to ask Android for clocks that it can hold, while measuring.
        benchmark_model: Path here of LiteRT's ``benchmark_model`` for the phone's processor, which
            then times files in place of the agent; None where the agent does.
        benchmark_folder: Where that program and files are kept there; ADB's own shell must be
            allowed to execute what lies in it.
        server: ``host:port`` of the ADB server; None takes that of this machine.
    """

    model_config = ConfigDict(extra="forbid", frozen=True)

    serial: Annotated[str, Field(pattern=r"^[A-Za-z0-9_.:\[\]-]+$")] | None = None
    app: Package = "com.termux"
    python: There = "python3"
    folder: There = ".cache/edgezoo-agent"
    cpus: Annotated[str, Field(pattern=r"^[0-9a-fA-F]{1,16}$")] | None = None
    performance: bool = True
    benchmark_model: str | None = None
    benchmark_folder: There = "/data/local/tmp/edgezoo"
    server: Annotated[str, Field(pattern=r"^[A-Za-z0-9_.-]+:[0-9]{1,5}$")] | None = None
