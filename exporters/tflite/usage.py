"""Programs that run a TFLite file, for the folder that app developers get."""

from __future__ import annotations

from zoo.contracts import Program, Usage, UsageRequest

from ..shared.usage_code import (
    has_types,
    javascript_program,
    notes_on,
    plain_programs,
    python_needs,
    render,
)
from .microcontroller import microcontroller_files

#: Element types that LiteRT.js takes.
_LITERT_JS = {"float32": "Float32Array", "int32": "Int32Array", "uint8": "Uint8Array"}
_NEEDS = {
    "C++": "TensorFlow Lite for C++",
    "Kotlin": "com.google.ai.edge.litert:litert",
    "Swift": "TensorFlowLiteSwift",
}


def usage(request: UsageRequest) -> Usage:
    """The programs of a TFLite file; for a microcontroller, what its firmware needs."""
    files, programs = plain_programs(
        "tflite", request, "no TensorFlow Lite library for C++ was at hand", _NEEDS
    )
    files["python/run.py"] = render("tflite/run.py.jinja", request)
    python = Program(
        language="Python",
        file="python/run.py",
        needs=python_needs("`pip install ai-edge-litert`, or `tflite-runtime`", request),
        run="python python/run.py",
        modules=("ai_edge_litert", "tflite_runtime"),
        arguments=("python/run.py",),
        importable=True,
        checked="Not run here: neither ai-edge-litert nor tflite-runtime is installed.",
    )
    notes = notes_on(request.facts)
    kept = request.facts["state"]["kept"]
    if has_types(request.facts, _LITERT_JS) and not kept:
        written, program = javascript_program(
            "tflite",
            request,
            {"@litertjs/core": "^2.5.3"},
            "edgezoo's tests run it in Node where @litertjs/core is installed.",
        )
        files.update(written)
        programs.append(program)
    elif not notes:
        why = (
            "LiteRT.js (2.5.3, tried) does not open files that remember something between inputs; "
            "recurrent layers written out step by step (`[export] recurrent` in the recipe) do not"
            if kept
            else "LiteRT.js takes and gives float32, int32 and uint8 alone"
        )
        notes.append(f"There is no JavaScript program: {why}.")
    added, told = microcontroller_files(request)
    return Usage(
        files={**files, **added},
        programs=(python, *programs),
        notes=(*notes, *told),
    )
