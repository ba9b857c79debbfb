"""What ``devices.toml`` may say of a browser."""

from __future__ import annotations

from typing import Literal

from pydantic import BaseModel, ConfigDict, Field


class BrowserOptions(BaseModel):
    """A browser of this machine, or one elsewhere that shows a page of `zoo serve`.

    Attributes:
        page: The name by which a browser elsewhere has joined; None for one of this machine.
        browser: Its program, by its path or found on PATH; None for the first that is there.
        backend: Where operators run: ``wasm``, on the processor, ``webgpu``, or ``webnn``.
        webnn_device: The processor that WebNN is asked for.
        software: Whether a GPU that the processor imitates will do, or WebNN on the processor where
            another was asked for, to try things out; its times are marked as noisy.
        port: Of the local server that the page comes from; 0 for one that is free.
    """

    model_config = ConfigDict(extra="forbid", frozen=True)

    page: str | None = None
    browser: str | None = None
    backend: Literal["wasm", "webgpu", "webnn"] = "wasm"
    webnn_device: Literal["cpu", "gpu", "npu"] = "gpu"
    software: bool = False
    port: int = Field(default=0, ge=0, le=65535)
