"""Programs that run an ONNX file, for the folder that app developers get."""

from __future__ import annotations

from zoo.contracts import Program, Usage, UsageRequest

from ..shared.usage_code import (
    JAVASCRIPT,
    has_types,
    notes_on,
    package_json,
    plain_programs,
    render,
)

_CHECKED = {
    "C++": "Not run: the headers of ONNX Runtime were not at hand. edgezoo's tests compile it "
    "against declarations of the calls that it makes.",
    "Kotlin": "Not compiled and not run: written from the documentation.",
    "Swift": "Not compiled and not run: written from the documentation.",
}
_NEEDS = {
    "C++": "ONNX Runtime's release for your system",
    "Kotlin": "com.microsoft.onnxruntime:onnxruntime-android",
    "Swift": "onnxruntime-swift-package-manager",
}


def usage(request: UsageRequest) -> Usage:
    """The programs of an ONNX file."""
    files, programs = plain_programs("onnx", request, _CHECKED, _NEEDS)
    files["python/run.py"] = render("onnx/run.py.jinja", request)
    python = Program(
        language="Python",
        file="python/run.py",
        needs="`pip install onnxruntime`; `pillow` to read pictures",
        run="python python/run.py",
        modules=("onnxruntime",),
        arguments=("python/run.py",),
        importable=True,
        checked="Not run here: onnxruntime is not installed.",
    )
    if has_types(request.facts, JAVASCRIPT):
        files["javascript/run.mjs"] = render("onnx/run.mjs.jinja", request)
        files["javascript/node.mjs"] = render("onnx/node.mjs.jinja", request)
        files["javascript/package.json"] = package_json(
            {"onnxruntime-node": "^1.20.0", "onnxruntime-web": "^1.20.0"}
        )
        programs.append(
            Program(
                language="JavaScript",
                file="javascript/run.mjs",
                needs="`npm install` in `javascript/`",
                run="node javascript/node.mjs",
                checked="edgezoo's tests run it in Node where onnxruntime-node and onnxruntime-web "
                "are installed, in each of them.",
            )
        )
    notes = tuple(notes_on(request.facts))
    return Usage(files=files, programs=(python, *programs), notes=notes)
