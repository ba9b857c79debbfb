"""Options of the ONNX format."""

from __future__ import annotations

from dataclasses import replace
from functools import cache
from typing import TYPE_CHECKING, Final, Literal

from zoo.common.errors import UsageError
from zoo.contracts import ExportRequest

if TYPE_CHECKING:
    from pydantic import BaseModel

#: Older ones lack operators that we write.
OPSET: Final = 17
#: The converter writes no newer one.
NEWEST: Final = 18


@cache
def options() -> type[BaseModel]:
    """The model of ``[export.options.onnx]``."""
    from pydantic import BaseModel, ConfigDict

    class OnnxOptions(BaseModel):
        """How ONNX files are written.

        Attributes:
            opset: Version of ONNX's set of operators.
            layout: Order of an image's axes in the input: channels last, or first as NPUs and
                WebGPU prefer it; ``auto`` is the target's.
        """

        model_config = ConfigDict(frozen=True, extra="forbid")

        opset: Literal[17, 18] = OPSET
        layout: Literal["auto", "nhwc", "nchw"] = "auto"

    return OnnxOptions


def layout_of(request: ExportRequest) -> str:
    """``nhwc`` or ``nchw`` for images; empty for inputs that are none, and for later parts.

    Raises:
        UsageError: A layout was asked for, and there is no image.
    """
    if not request.examples:
        return ""
    asked = str(request.options.get("layout", "auto"))
    if "channel" not in request.axes or "height" not in request.axes:
        if asked != "auto":
            raise UsageError(
                f"the option layout = {asked!r} is for images, and this network takes "
                f"{request.input_name}: {' × '.join(request.axes)}",
                why="only images have channels that may come first or last",
                fix="leave the option out",
            )
        return ""
    if asked == "auto":
        return "nhwc" if request.target is None else request.target.layout
    return asked


def in_layout(request: ExportRequest, layout: str) -> ExportRequest:
    """The request with its examples as a file of this layout takes them."""
    if layout != "nchw":
        return request
    calibration, held_out = request.calibration, request.held_out
    return replace(
        request,
        axes=("channel", *(axis for axis in request.axes if axis != "channel")),
        calibration=None if calibration is None else calibration.transpose(0, 3, 1, 2),
        held_out=None if held_out is None else held_out.transpose(0, 3, 1, 2),
    )
