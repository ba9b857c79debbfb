"""The records of an archive of torch.export (.pt2), checked as data before PyTorch reads them.

`torch.export.load` unpickles parts of an archive, evaluates its expressions as Python, makes Python
of its names, imports modules that it names, and loads compiled libraries out of it. So an archive
that holds anything but tensors and a graph of PyTorch's own operators is refused.
"""

from __future__ import annotations

import json
import re
from collections.abc import Callable, Iterable
from typing import Any

from .refusal import RefusedError

SAVE = "torch.export.save(torch.export.export(module.eval(), (sample,)), 'net.pt2')"
_MODEL = re.compile(r"models/[\w.-]+\.json\Z")
_CONFIG = re.compile(r"data/(weights|constants)/[\w.-]+_(weights|constants)_config\.json\Z")
#: Records that an archive may have.
_PLAIN = re.compile(
    r"(models/[\w.-]+\.json|data/weights/weight_\d+|data/constants/tensor_\d+"
    r"|data/sample_inputs/[\w.-]+\.pt|archive_format|archive_version|byteorder|version"
    r"|extra/.*|\.data/\w+|\.\w+)\Z"
)
_COMPILED = "data/aotinductor/"
#: What a graph may call.
_TARGET = re.compile(
    r"torch\.ops\.(aten|prims|higher_order)\.\w+(\.\w+)?\Z"
    r"|_operator\.(add|sub|mul|truediv|floordiv|mod|neg|pos|pow|abs|eq|ne|lt|le|gt|ge|getitem"
    r"|and_|or_|not_|index)\Z|math\.\w+\Z|torch\.sym_\w+\Z"
)
#: Python is made of these; others are looked up.
_IDENTIFIER = re.compile(r"\w*\Z")
_TEXT = re.compile(r"[\w.,:;@ /<>+*=-]*\Z")
_SYMBOL = re.compile(r"Symbol\('\w+'(, \w+=(True|False))*\)")
_EXPRESSION = re.compile(r"[\w\s+*/%(),.<>=&|~-]*\Z")
_WORD = re.compile(r"[A-Za-z_]\w*")
_FUNCTION = re.compile(
    r"(FloorDiv|ModularIndexing|Where|PythonMod|Mod|CleanDiv|CeilToInt|FloorToInt|CeilDiv"
    r"|PowByNatural|FloatPow|FloatTrueDiv|IntTrueDiv|TruncToFloat|TruncToInt|RoundToInt"
    r"|RoundDecimal|ToFloat|Identity|Max|Min|Eq|Ne|Not|And|Or|oo|int_oo|True|False|[suz]\d+"
    r"|Integer|Rational|Add|Mul|Pow|floor|ceiling)\Z"
)
_TREES = frozenset({None, "builtins.tuple", "builtins.list", "builtins.dict"})
_TREES |= {"collections.OrderedDict", "torch.Size"}


def check_records(names: Iterable[str], read: Callable[[str], bytes], origin: str) -> None:
    """Refuses an archive that PyTorch would run code of.

    Args:
        names: Of all records, as PyTorch's reader has them.
        read: Gives the content of one.
        origin: Names the archive in messages.

    Raises:
        RefusedError: It is no archive of torch.export, or holds what is not needed for a network.
    """
    found = list(names)
    models = [name for name in found if _MODEL.match(name)]
    if "data.pkl" in found or "constants.pkl" in found:
        scripted = any(name.startswith("code/") for name in found)
        raise RefusedError(
            f"{origin} is no archive of torch.export, whatever its name",
            why="it is a TorchScript archive" if scripted else "torch.save wrote it, by pickle",
            fix=f"where the network was made: {SAVE}",
        )
    if len(models) != 1:
        raise RefusedError(
            f"{origin} holds {len(models) or 'no'} exported programs"
            + ("" if models else " that can be read"),
            why="an archive that is a network has one, as models/model.json",
            fix=f"save it anew, with PyTorch 2.9 or later: {SAVE}",
        )
    for name in found:
        if name.startswith(_COMPILED):
            raise _refused(origin, f"{name} is compiled code, which would run here")
        if not (_PLAIN.match(name) or _CONFIG.match(name)):
            raise _refused(origin, f"{name} is a pickled part, or none that a network needs")
    for name in found:
        if _CONFIG.match(name):
            _check_tensors(_parsed(read(name), name, origin), origin)
    _check_graph(_parsed(read(models[0]), models[0], origin), origin)


def _refused(origin: str, why: str) -> RefusedError:
    return RefusedError(
        f"{origin} is refused: it holds more than tensors and a graph of PyTorch's operators",
        why=why,
        fix=f"save the network alone, with PyTorch 2.9 or later: {SAVE}",
    )


def _parsed(data: bytes, name: str, origin: str) -> Any:
    try:
        return json.loads(data)
    except (ValueError, RecursionError) as error:
        raise RefusedError(
            f"{origin} is damaged", why=f"{name}: {error}", fix=f"save it anew: {SAVE}"
        ) from error


def _check_tensors(config: Any, origin: str) -> None:
    entries = config.get("config") if isinstance(config, dict) else None
    for name, entry in (entries if isinstance(entries, dict) else {}).items():
        path = str(entry.get("path_name", ""))
        if entry.get("use_pickle") is not False or not re.match(r"(weight|tensor)_\d+\Z", path):
            raise _refused(origin, f"{name} is a pickled object ({path})")


def _check_graph(model: Any, origin: str) -> None:
    """Walks all of the program but what is only told of it."""
    if not isinstance(model, dict) or not isinstance(model.get("graph_module"), dict):
        raise _refused(origin, "models/model.json is no exported program")
    waiting: list[tuple[str, Any]] = [
        (key, value)
        for key, value in model.items()
        # Guards would be run as Python; they only check sizes, and are left out here.
        if key not in ("torch_version", "guards_code")
    ]
    while waiting:
        key, value = waiting.pop()
        if isinstance(value, dict):
            for inner, below in value.items():
                if not _TEXT.match(inner):
                    raise _refused(origin, f"the name {inner!r} is none")
                if inner != "metadata":
                    waiting.append((inner, below))
            if "target" in value and "inputs" in value:
                _check_target(value, origin)
        elif isinstance(value, list):
            waiting += [(key, one) for one in value]
        elif isinstance(value, str):
            _check_text(key, value, origin)


def _check_target(node: dict[str, Any], origin: str) -> None:
    target = str(node["target"])
    if _TARGET.match(target):
        return
    metadata = node.get("metadata")
    stack = str(metadata.get("nn_module_stack", "")) if isinstance(metadata, dict) else ""
    layer = stack.split(";")[-1].split(",")[1:2]
    raise RefusedError(
        f"{origin}: the operator {target} of {str(layer[0] if layer else node.get('name'))!r} "
        "cannot be brought in",
        why="it is not one of PyTorch's own: what it computes is defined in its author's program "
        "alone",
        fix="write that layer with PyTorch's own operators",
        kind="Unsupported",
    )


def _check_text(key: str, text: str, origin: str) -> None:
    if key == "target":
        return  # judged with its node
    if key in ("in_spec", "out_spec"):
        _check_tree(text, origin)
    elif key == "expr_str":
        rest = _SYMBOL.sub("", text)
        if not _EXPRESSION.match(rest) or not all(map(_FUNCTION.match, _WORD.findall(rest))):
            raise _refused(origin, f"a size is computed by {text[:100]!r}")
    elif not (_IDENTIFIER if key in ("name", "as_name") else _TEXT).match(text):
        raise _refused(origin, f"the {key} {text[:100]!r} is no name")


def _check_tree(text: str, origin: str) -> None:
    """Of how inputs and outputs are nested; PyTorch imports what other kinds name."""
    waiting = [_parsed(text.encode(), "in_spec", origin)] if text else []
    while waiting:
        value = waiting.pop()
        if isinstance(value, list):
            waiting += value
        elif isinstance(value, dict):
            if value.get("type") not in _TREES or "__enum__" in str(value.get("context")):
                raise _refused(origin, f"its inputs or outputs are a {value.get('type')}")
            waiting += value.get("children_spec") or []
