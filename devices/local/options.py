"""What ``devices.toml`` may say of devices that are this machine."""

from __future__ import annotations

from pydantic import BaseModel, ConfigDict, Field, field_validator


class LocalOptions(BaseModel):
    """Common to them.

    Attributes:
        python: What runs the agent: a program, or the folder of a virtual environment; None for
            the Python that edgezoo runs in.
        cpus: Mask of the processors that the agent may use, in hexadecimal, where ``1`` is the
            first alone and ``f`` the first four; None for all.
    """

    model_config = ConfigDict(extra="forbid", frozen=True)

    python: str | None = None
    cpus: str | None = Field(default=None, pattern=r"^[0-9a-fA-F]{1,32}$")

    @field_validator("cpus")
    @classmethod
    def _that_names_one(cls, value: str | None) -> str | None:
        if value is not None and not int(value, 16):
            raise ValueError("must name a processor: 1 is the first alone, 3 the first two")
        return value


class HostOptions(LocalOptions):
    """This machine.

    Attributes:
        xnnpack: Whether TFLite runtimes may use the XNNPACK delegate.
    """

    xnnpack: bool = True


class GpuOptions(LocalOptions):
    """A GPU of this machine.

    Attributes:
        index: Number of the GPU, where there are several; LiteRT chooses by itself.
        software: Whether a GPU that the processor imitates will do, to try things out; its times
            are marked as noisy.
    """

    index: int = Field(default=0, ge=0, le=63)
    software: bool = False
