"""What ``devices.toml`` may say of an Arm Ethos-U."""

from __future__ import annotations

import configparser
from pathlib import Path
from typing import Annotated, Literal

from pydantic import BaseModel, ConfigDict, Field

from zoo.common.errors import UnknownName, UsageError
from zoo.common.optional_imports import require
from zoo.common.paths import expanded

from ..microcontroller.memory_sizes import Size
from .accelerators import Accelerator

#: Family → system configuration and memory mode that Vela takes where nobody names any.
DEFAULTS = {
    "ethos-u55": ("Ethos_U55_High_End_Embedded", "Shared_Sram"),
    "ethos-u65": ("Ethos_U65_Client_Server", "Dedicated_Sram_384KB"),
    "ethos-u85": ("Ethos_U85_SYS_DRAM_Mid", "Dedicated_Sram_384KB"),
}
#: The configuration file that comes with Vela, by the name that Vela knows it by.
OWN_CONFIG = "Arm/vela.ini"
_Name = Annotated[str, Field(pattern=r"^[A-Za-z0-9_]+$")]


class EthosUOptions(BaseModel):
    """An Ethos-U and the system around it.

    Attributes:
        system_config: Clock and memories, a section of the configuration file; None takes the one
            that Vela takes for the family.
        memory_mode: What lies in which memory, likewise.
        config: Configuration file of your own, from the folder where the command is typed; None
            takes Arm's, which comes with Vela.
        arena_cache: Most bytes of fast memory that the compiler may plan with.
        sram: What the system has of SRAM; a file that needs more does not fit.
        flash: Likewise of flash or DRAM, in which the weights lie.
        keep: Folder for the compiled files, from where the command is typed; None keeps none.
    """

    model_config = ConfigDict(extra="forbid", frozen=True)

    accelerator: Accelerator
    system_config: _Name | None = None
    memory_mode: _Name | None = None
    config: str | None = None
    optimise: Literal["performance", "size"] = "performance"
    arena_cache: Size | None = None
    sram: Size | None = None
    flash: Size | None = None
    keep: str | None = None

    @property
    def family(self) -> str:
        """``ethos-u55``."""
        return self.accelerator.rpartition("-")[0]

    @property
    def macs(self) -> int:
        """Multiply-accumulates of one cycle."""
        return int(self.accelerator.rpartition("-")[2])

    @property
    def system(self) -> str:
        """The system configuration that counts."""
        return self.system_config or DEFAULTS[self.family][0]

    @property
    def memory(self) -> str:
        """The memory mode that counts."""
        return self.memory_mode or DEFAULTS[self.family][1]


def config_file(options: EthosUOptions) -> Path:
    """The configuration file that counts.

    Raises:
        MissingExtra: Vela is not installed.
        UsageError: The user's own is not there.
    """
    if options.config is None:
        folder = Path(require("ethosu.config_files").__path__[0])
        return folder.joinpath(*OWN_CONFIG.split("/"))
    file = expanded(options.config).resolve()
    if not file.is_file():
        raise UsageError(f"there is no Vela configuration {file}", fix="correct `config`")
    return file


def check_sections(options: EthosUOptions, file: Path) -> None:
    """Refuses a system configuration or memory mode that the file does not have.

    Raises:
        UnknownName: Offers the nearest.
        UsageError: The file is no such configuration.
    """
    sections = configparser.ConfigParser(interpolation=None)
    try:
        sections.read_string(file.read_text(encoding="utf-8"))
    except (configparser.Error, OSError, UnicodeDecodeError) as error:
        raise UsageError(
            f"{file} is no Vela configuration",
            why=" ".join(str(error).split()),
            fix=f"take {OWN_CONFIG} of Vela as a pattern",
        ) from error
    for table, name in (("System_Config", options.system), ("Memory_Mode", options.memory)):
        known = [s.partition(".")[2] for s in sections.sections() if s.startswith(f"{table}.")]
        if name not in known:
            raise UnknownName(table.replace("_", " ").lower(), name, known)
