"""Usage programs from templates, shared by the formats."""

from __future__ import annotations

import json
import math
import re
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

from zoo.common.errors import Unsupported
from zoo.common.optional_imports import require
from zoo.contracts import Program, UsageRequest

_TEMPLATES = Path(__file__).with_name("usage_templates")
#: What may stand between quotation marks in any of the languages without acting there.
_HARMLESS = re.compile(r"[A-Za-z0-9_.:;/ +-]{1,200}")
#: Element types by language; a program is only written for a file whose types its language has.
CPP = {
    "float32": "float",
    "uint8": "std::uint8_t",
    "int8": "std::int8_t",
    "int16": "std::int16_t",
    "int32": "std::int32_t",
}
SWIFT = {
    "float32": "Float",
    "uint8": "UInt8",
    "int8": "Int8",
    "int16": "Int16",
    "int32": "Int32",
}
JAVASCRIPT = {
    "float32": "Float32Array",
    "uint8": "Uint8Array",
    "int8": "Int8Array",
    "int16": "Int16Array",
    "int32": "Int32Array",
}
#: Kind of input → suffix of a program → the files beside it that read such examples.
_READERS: Mapping[str, Mapping[str, tuple[str, ...]]] = {
    "tokens": {
        ".cpp": ("text.hpp",),
        ".kt": ("Text.kt",),
        ".swift": ("Text.swift",),
        ".mjs": ("text.mjs",),
    },
    "sound": {
        ".cpp": ("sound.h", "wav.hpp"),
        ".cc": ("sound.h",),
        ".kt": ("Sound.kt",),
        ".swift": ("Sound.swift",),
        ".mjs": ("sound.mjs",),
    },
    # The file computes what other networks take of a sound.
    "waveform": {".cpp": ("wav.hpp",), ".mjs": ("sound.mjs",)},
}
#: Kind of input → what a program in Python needs beside its runtime to read such examples.
_PYTHON_READS = {
    "image": "; `pillow` to read pictures",
    "sound": "; `scipy` to read sounds of another rate",
    "waveform": "; `scipy` to read sounds of another rate",
}
_BYTES = {"float32": 4, "uint8": 1, "int8": 1, "int16": 2, "int32": 4}
_LIMITS = {"uint8": (0, 255), "int8": (-128, 127), "int16": (-32768, 32767)}


def render(template: str, request: UsageRequest, **more: Any) -> str:
    """One program.

    Args:
        template: Path below the templates, such as ``tflite/run.py.jinja``.
        request: Its ``facts`` are called ``m`` in templates.
        **more: Variables of this template alone.

    Raises:
        Unsupported: A name of the file cannot be used in a program.
    """
    jinja2 = require("jinja2")
    facts = request.facts
    outputs = [output["name"] for output in facts["outputs"]]
    inputs = [given["name"] for given in facts["inputs"]]
    for name in (facts["model"]["file"], *inputs, *outputs):
        if not _HARMLESS.fullmatch(name):
            raise Unsupported(
                f"the name {name!r} cannot be used in a program",
                fix="rename the file, or export the network with other names of inputs",
            )
    environment = jinja2.Environment(
        loader=jinja2.FileSystemLoader(_TEMPLATES),
        undefined=jinja2.StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
        keep_trailing_newline=True,
        autoescape=False,  # programs are no HTML; names were examined above
    )
    given, gives = facts["input"], facts["output"]
    takes_pictures = facts["preprocessing"]["kind"] == "image"
    least, most = _LIMITS.get(given["dtype"], (0, 0))
    text: str = environment.get_template(template).render(
        m=facts,
        kinds={output["answer"] for output in facts["outputs"]},
        # Of an encoder or a decoder what its codes are coded with.
        coded=facts.get("code"),
        code_cells=_cells(gives["shape"] if facts["answer"] == "code" else given["shape"]),
        # Whether a program makes a file of a file that it is given.
        makes=facts["answer"] == "code"
        or (facts["answer"] == "picture" and (takes_pictures or bool(facts.get("code")))),
        cpp=CPP,
        swift=SWIFT,
        js=JAVASCRIPT,
        input_size=math.prod(given["shape"]),
        output_size=math.prod(gives["shape"]),
        input_bytes=_BYTES.get(given["dtype"], 0),
        output_bytes=_BYTES.get(gives["dtype"], 0),
        input_least=least,
        input_most=most,
        scale_in=_real(given["scale"]),
        scale_out=_real(gives["scale"]),
        **_picture_words(given["shape"] if facts["answer"] == "code" else gives["shape"]),
        **more,
    )
    return re.sub(r"\n{4,}", "\n\n\n", text)


def _cells(shape: Sequence[int]) -> tuple[int, int, int]:
    """Rows, columns and channels of a code with its batch: what it has none of is 1."""
    *more, columns, channels = (1, 1, *shape[1:])
    return math.prod(more), columns, channels


def _picture_words(shape: Sequence[int]) -> dict[str, str]:
    """What programs call pictures of such channels: grey ones are PGM, others PPM."""
    grey = shape[-1:] == [1]
    return {
        "picture_mark": "P5" if grey else "P6",
        "picture_suffix": "pgm" if grey else "ppm",
        "picture_kind": "binary PGM" if grey else "binary PPM",
    }


def _real(value: float | None) -> str:
    """A number that every language takes for a real one, whole enough for float32."""
    if value is None:
        return "1.0"
    text = f"{value:.9g}"
    return text if any(sign in text for sign in ".e") else text + ".0"


def python_needs(runtimes: str, request: UsageRequest) -> str:
    """What a program in Python needs: a runtime, and what reads examples."""
    return runtimes + _PYTHON_READS.get(request.facts["preprocessing"]["kind"], "")


def has_types(facts: Mapping[str, Any], known: Mapping[str, str]) -> bool:
    """Whether a language has the element types of a file, and the file one input and output."""
    if len(facts["inputs"]) > 1 or len(facts["outputs"]) > 1:
        return False
    types = {facts["input"]["raw_dtype"], facts["input"]["dtype"], facts["output"]["dtype"]}
    return types <= set(known)


def notes_on(facts: Mapping[str, Any]) -> list[str]:
    """Notes on programs that a file with several inputs or outputs does not get."""
    several = [side for side in ("input", "output") if len(facts[f"{side}s"]) > 1]
    if not several:
        return []
    return [
        "Programs in other languages than Python are written for files with one "
        f"{' and one '.join(several)}."
    ]


def plain_programs(
    format: str, request: UsageRequest, missing: str, needs: Mapping[str, str]
) -> tuple[dict[str, str], list[Program]]:
    """The programs in C++, Kotlin and Swift, which are written the same way for each format.

    Args:
        format: Folder of the templates.
        request: What they are written from.
        missing: Why the program in C++ was not run: ``the headers of … were not at hand``.
        needs: Language → what must be installed.

    Returns:
        Files by path, and their records.
    """
    compiled = (
        f"Not run: {missing}. edgezoo's tests compile it against declarations of the "
        "calls that it makes."
    )
    unchecked = "Not compiled and not run: written from the documentation."
    files: dict[str, str] = {}
    programs: list[Program] = []
    for language, path, known, run, checked in (
        ("C++", "cpp/run.cpp", CPP, "./run .", compiled),
        ("Kotlin", "kotlin/Run.kt", CPP, "RunKt .", unchecked),
        ("Swift", "swift/main.swift", SWIFT, "./run .", unchecked),
    ):
        if has_types(request.facts, known):
            files[path] = render(f"{format}/run{Path(path).suffix}.jinja", request)
            files.update(readers(path, request))
            programs.append(
                Program(
                    language=language, file=path, needs=needs[language], run=run, checked=checked
                )
            )
    return files, programs


def readers(program: str, request: UsageRequest) -> dict[str, str]:
    """What reads texts or sounds for a program, beside it; nothing for other inputs."""
    steps = request.facts["preprocessing"]
    names = _READERS.get(steps["kind"], {}).get(Path(program).suffix, ())
    # The least power of two that holds a frame.
    more = {"transform": 1 << (steps["frame"] - 1).bit_length()} if "frame" in steps else {}
    return {
        str(Path(program).with_name(name)): render(f"common/{name.lower()}.jinja", request, **more)
        for name in names
    }


def javascript_program(
    format: str, request: UsageRequest, dependencies: Mapping[str, str], checked: str
) -> tuple[dict[str, str], Program]:
    """The program in JavaScript, for browsers and Node: its files, and its record."""
    package = {"private": True, "type": "module", "dependencies": dict(dependencies)}
    return {
        **readers("javascript/run.mjs", request),
        "javascript/run.mjs": render(f"{format}/run.mjs.jinja", request),
        "javascript/node.mjs": render(f"{format}/node.mjs.jinja", request),
        "javascript/package.json": json.dumps(package, indent=2) + "\n",
    }, Program(
        language="JavaScript",
        file="javascript/run.mjs",
        needs="`npm install` in `javascript/`",
        run="node javascript/node.mjs",
        checked=checked,
    )
