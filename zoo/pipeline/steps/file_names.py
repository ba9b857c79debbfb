"""What exported files are called."""

from __future__ import annotations

from zoo.contracts import Exporter


def file_name(
    model_id: str,
    precision: str,
    exporter: Exporter,
    *,
    trained: bool = False,
    part: str = "",
    end_to_end: bool = False,
) -> str:
    """``lenet5.digits.int8.tflite``; of trained ranges ``lenet5.digits.int8-qat.tflite``.

    Of a network that is deployed as several files ``net.digits.int8.encoder.tflite``; of a file
    that decodes its outputs ``net.scenes.int8-end-to-end.tflite``.
    """
    middle = f".{part}" if part else ""
    how = f"{'-qat' if trained else ''}{'-end-to-end' if end_to_end else ''}"
    return f"{model_id}.{precision}{how}{middle}{exporter.suffix}"
