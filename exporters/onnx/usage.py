"""Programs that run an ONNX file, for the folder that app developers get."""

from __future__ import annotations

from zoo.contracts import Program, Usage, UsageRequest

from ..shared.usage_code import (
    JAVASCRIPT,
    has_types,
    javascript_program,
    notes_on,
    plain_programs,
    python_needs,
    render,
)

_NEEDS = {
    "C++": "ONNX Runtime's release for your system",
    "Kotlin": "com.microsoft.onnxruntime:onnxruntime-android",
    "Swift": "onnxruntime-swift-package-manager",
}


def usage(request: UsageRequest) -> Usage:
    """The programs of an ONNX file."""
    files, programs = plain_programs(
        "onnx", request, "the headers of ONNX Runtime were not at hand", _NEEDS
    )
    files["python/run.py"] = render("onnx/run.py.jinja", request)
    python = Program(
        language="Python",
        file="python/run.py",
        needs=python_needs("`pip install onnxruntime`", request),
        run="python python/run.py",
        modules=("onnxruntime",),
        arguments=("python/run.py",),
        importable=True,
        checked="Not run here: onnxruntime is not installed.",
    )
    if has_types(request.facts, JAVASCRIPT):
        written, program = javascript_program(
            "onnx",
            request,
            {"onnxruntime-node": "^1.20.0", "onnxruntime-web": "^1.20.0"},
            "edgezoo's tests run it in Node where onnxruntime-node and onnxruntime-web are "
            "installed, in each of them.",
        )
        files.update(written)
        programs.append(program)
    notes = tuple(notes_on(request.facts))
    return Usage(files=files, programs=(python, *programs), notes=notes)
