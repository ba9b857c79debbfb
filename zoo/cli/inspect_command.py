"""``zoo inspect``."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import click

from zoo.cli.options import Settings, examples, json_option
from zoo.cli.tables import human_bytes, human_count, print_value
from zoo.common import terminal
from zoo.common.shown_text import abridged, some_of
from zoo.networks.layer_names import LayerNames

#: So many names of a list are printed.
_SHOWN = 10


@click.command(
    name="inspect",
    epilog=examples("zoo inspect exports/lenet5.digits.int8.tflite", "zoo inspect exports"),
)
@click.argument("file", metavar="FILE|FOLDER", type=click.Path())
@json_option
@click.pass_context
def command(ctx: click.Context, /, file: str, as_json: bool) -> None:
    """Show FILE's manifest and what the file really contains; of a folder, of each file in it.

    The exit code is 1 when the model was altered after its manifest was written.
    """
    from zoo.api.files import inspect
    from zoo.artifacts.files_of_folder import expanded_folders
    from zoo.cli.files_in_turn import in_turn

    settings: Settings = ctx.obj
    registry = settings.registry()
    each, code = in_turn(
        file,
        expanded_folders(registry, [file]),
        lambda name: inspect(name, registry=registry),
        print_one=_print,
        plain=lambda found: found,
        as_json=as_json,
        debug=settings.debug,
    )
    for found in each:
        if found["altered"]:
            code = code or 1
            name = f" {found['file']}" if len(each) > 1 else ""
            altered = f"\nALTERED{name}: the model is not the one of its manifest"
            terminal.echo(altered, err=True)
    ctx.exit(code)


def _print(found: dict[str, Any]) -> None:
    _print_contents(found)
    if found["manifest"] is None:
        terminal.echo("\nmanifest: none; the file was not made by edgezoo")
    else:
        _print_manifest(found["manifest"], found["input"])


def _line(name: str, value: str) -> None:
    print_value(name, value, 15)


def _golden(golden: dict[str, Any] | None) -> str:
    if golden is None:
        return "none"
    numbers = ", ".join(f"#{number}" for number in golden["examples"])
    where = f"in {golden['file']}" if golden["file"] else "embedded"
    return (
        f"{len(golden['examples'])} inputs of {golden['dataset']} ({numbers}), {where}; "
        f"a right answer is within {golden['max_abs']:g}"
    )


def _print_contents(found: dict[str, Any]) -> None:
    contents = found["contents"]
    _line("file", found["file"])
    _line("format", f"{found['format']}, {human_bytes(found['bytes'])}")
    _line("sha256", found["sha256"])
    if contents["side_files"]:
        _line("beside it", f"{', '.join(contents['side_files'])}: belongs to the file")
    for kind in ("inputs", "outputs"):
        for tensor in contents[kind]:
            scale = tensor["scale"]
            quantized = "" if scale is None else f", scale {scale:g}, zero {tensor['zero_point']}"
            shape = "×".join("?" if n < 0 else str(n) for n in tensor["shape"])
            layout = f" {tensor['layout'].upper()}" if tensor["layout"] else ""
            _line(kind[:-1], f"{tensor['name']}  {tensor['dtype']} {shape}{layout}{quantized}")
    operators = ", ".join(
        f"{name} {count}" if count > 1 else name for name, count in contents["operators"].items()
    )
    _line("operators", operators)
    total = contents["integer_operators"] + contents["float_operators"]
    hybrid = f", {contents['hybrid_operators']} hybrid" if contents["hybrid_operators"] else ""
    _line("integer", f"{contents['integer_operators']} of {total} computing operators{hybrid}")
    if contents["multiply_adds"]:
        _line("multiply-adds", _work(contents["multiply_adds"]))
    if contents["float_islands"]:
        _line("float islands", _some(contents["float_islands"]))
    _line("conversions", f"{contents['conversions']} quantize or dequantize operators")
    _line("custom", ", ".join(contents["custom_operators"]) or "none")
    _line("dynamic", _some(contents["dynamic_tensors"]) or "none: all shapes are static")
    sizes = contents["weight_types"].items()
    types = ", ".join(f"{name} {human_bytes(size)}" for name, size in sizes)
    _line("weights", human_bytes(contents["weight_bytes"]) + (f": {types}" if types else ""))
    layers = (found["manifest"] or {}).get("layers", ())
    for kind, own in _small_weights(contents["small_weights"], layers).items():
        number, _, scales = kind.partition(", ")
        _line(number, f"{scales}: {_some(own)}")
    for remark in contents["remarks"]:
        _line("remark", remark)


def _some(names: Sequence[str]) -> str:
    return some_of(names, _SHOWN) + (" (--json lists all)" if len(names) > _SHOWN else "")


def _small_weights(weights: dict[str, str], layers: Sequence[str]) -> dict[str, list[str]]:
    """Layers, or names of operators where nobody knows them, by the type of their weights."""
    names = LayerNames(layers, weights)
    found: dict[str, dict[str, None]] = {}
    for operator, kind in weights.items():
        found.setdefault(kind, {})[(names.of(operator) or (operator,))[0]] = None
    return {kind: list(shown) for kind, shown in found.items()}


def _work(multiply_adds: dict[str, int]) -> str:
    """``417 k: 97.2% integer, 2.8% float``."""
    total = sum(multiply_adds.values())
    parts = [f"{n / total:.1%} {kind}" for kind, n in multiply_adds.items() if n]
    return f"{human_count(total)}: {', '.join(parts)}"


def _print_findings(findings: list[dict[str, Any]] | None) -> None:
    """What speaks against the network; of an older file, that nothing is known."""
    if findings is None:
        _line("network", "not known: an older edgezoo kept no findings about it in the file")
        return
    for finding in findings:
        _line("weak" if finding["weak"] else "note", f"{finding['text']}; {finding['fix']}")


def _print_manifest(manifest: dict[str, Any], path: dict[str, str]) -> None:
    from zoo.results.formatting import number

    terminal.echo("\nmanifest")
    _line("model", f"{manifest['model_id']}, {manifest['precision']}, {manifest['task']}")
    if manifest["part"]:
        all_parts = ", ".join(f"{one['part']} ({one['file']})" for one in manifest["parts"])
        _line("part", f"{manifest['part']} of {all_parts or 'a model whose files are not named'}")
    _line("classes", ", ".join(manifest["classes"]))
    _line("licence", manifest["licence"])
    came, data = manifest["network"], manifest["dataset"]
    if came is not None:
        _line("came from", f"{came['file']} ({came['source']}), SHA-256 {came['sha256'][:16]}…")
    # What a network from elsewhere was trained on before, nobody here knows.
    known = "trained on" if came is None else "judged on"
    _line(known, f"{data['name']}, {data['content_hash'][:16]}…")
    _line("weights", f"{manifest['weights_sha256'][:16]}…")
    for name, value in manifest["decoding"].items():
        _line(name, abridged(value) if isinstance(value, str) else number(value, 4))
    calibration = manifest["calibration"]
    if calibration is not None:
        _line("calibrated on", f"{calibration['count']} inputs of {calibration['split']}")
    trained = manifest["trained"]
    if trained is not None:
        _line("ranges", f"{trained['method']}, {trained['epochs']} epochs on {trained['split']}")
        for note in trained["notes"]:
            _line("remark", note)
    for remark in manifest["remarks"]:
        _line("remark", remark)
    for name, sides in manifest["free_sides"].items():
        shape = next(one["shape"] for one in manifest["inputs"] if one["name"] == name)
        named = (side or str(size) for side, size in zip(sides, shape, strict=True))
        _line("free sides", f"{name} {'×'.join(named)}")
    for name, text in path.items():
        _line(name, text if name != "normalization" else f"{text}, {manifest[name]}")
    _line("made with", ", ".join(f"{k} {v}" for k, v in manifest["versions"].items()))
    for device, limits in manifest["budgets"].items():
        told = ", ".join(f"{name}<={limit}" for name, limit in limits.items())
        _line("budgets", f"{told} on {device}")
    _line("golden", _golden(manifest["golden"]))
    gate = manifest["gate"]
    if gate is None:
        _line("gate", "not judged")
        return
    verdict = "passed" if gate["passed"] else "REJECTED"
    _line("gate", f"{verdict} in {gate['runtime']} {gate['runtime_version']}")
    _print_findings(gate["findings"])
    for check in gate["checks"]:
        mark = "ok" if check["passed"] else "--"
        asked = f"{check['value']}  (asked: {check['limit']})"
        print_value(f"  {mark} {check['name']}", asked, 20)
        if check["unsure"]:
            print_value("", f"too few examples to be sure: {check['unsure']}", 5)
