"""Files whose normalization was changed inside: one that passes for them measures nothing."""

from __future__ import annotations

import copy
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import numpy as np

#: What is done to the factors and to what is added to the products.
CHANGES: dict[str, tuple[Callable[[Any], Any], Callable[[Any], Any]]] = {
    "pixels × 0.9": (lambda factors: factors * 0.9, lambda added: added),
    "mean shifted": (lambda factors: factors, lambda added: added * 0.9),
    "std × 1.1": (lambda factors: factors / 1.1, lambda added: added / 1.1),
    "channels swapped": (lambda factors: factors[..., ::-1], lambda added: added[..., ::-1]),
}
MUTANTS = (*CHANGES, "applied twice", "not applied")


def mutate(path: Path, mutant: str) -> Path:
    """Another file beside it, with one of `MUTANTS`; its network begins with a convolution."""
    target = path.with_name(f"mutant{path.suffix}")
    if path.suffix == ".onnx":
        _mutate_onnx(path, target, mutant)
    else:
        _mutate_tflite(path, target, mutant)
    return target


def _mutate_onnx(path: Path, target: Path, mutant: str) -> None:
    import onnx

    model = onnx.load(path)
    graph = model.graph
    product = next(node for node in graph.node if node.op_type == "Mul")
    total = next(node for node in graph.node if node.op_type == "Add")
    stored = {tensor.name: tensor for tensor in graph.initializer}
    if mutant in CHANGES:
        for node, change in zip((product, total), CHANGES[mutant], strict=True):
            tensor = stored[node.input[1]]
            values = onnx.numpy_helper.to_array(tensor)
            changed = np.ascontiguousarray(change(values), values.dtype)
            tensor.CopyFrom(onnx.numpy_helper.from_array(changed, tensor.name))
    else:
        readers = [n for n in graph.node if total.output[0] in n.input]
        end = product.input[0]
        if mutant == "applied twice":
            again = [copy.deepcopy(node) for node in (product, total)]
            again[0].input[0], again[0].output[0] = total.output[0], "product_again"
            again[1].input[0], again[1].output[0] = "product_again", "total_again"
            place = list(graph.node).index(total) + 1
            for number, node in enumerate(again):
                node.name += "_again"
                graph.node.insert(place + number, node)
            end = "total_again"
        for reader in readers:
            reader.input[:] = [end if i == total.output[0] else i for i in reader.input]
    onnx.save(model, str(target))


def _mutate_tflite(path: Path, target: Path, mutant: str) -> None:
    from zoo.exporters.tflite.schema import kind_of, read_model, serialize

    data = path.read_bytes()
    model = read_model(data)
    graph = model.subgraphs[0]
    product, total = (
        next(o for o in graph.operators if kind_of(model, o) == kind) for kind in ("MUL", "ADD")
    )
    if mutant in CHANGES:
        for operator, change in zip((product, total), CHANGES[mutant], strict=True):
            _change(model, graph, int(operator.inputs[1]), change)
    else:
        end, last = int(product.inputs[0]), int(total.outputs[0])
        readers = [o for o in graph.operators if last in [int(i) for i in o.inputs]]
        if mutant == "applied twice":
            for operator in (product, total):
                twin = copy.deepcopy(operator)
                made = copy.deepcopy(graph.tensors[int(operator.outputs[0])])
                made.name += b"_again"
                first = last if operator is product else len(graph.tensors) - 1
                twin.inputs = [first, int(operator.inputs[1])]
                twin.outputs = [len(graph.tensors)]
                graph.tensors.append(made)
                place = graph.operators.index(total) + (1 if operator is product else 2)
                graph.operators.insert(place, twin)
            end = len(graph.tensors) - 1
        for reader in readers:
            reader.inputs = [end if int(i) == last else int(i) for i in reader.inputs]
    target.write_bytes(serialize(model, len(data)))


def scale_first_weights(path: Path) -> Path:
    """Another TFLite file beside it, with the first convolution's weights × 0.9."""
    from zoo.exporters.tflite.schema import kind_of, read_model, serialize

    data = path.read_bytes()
    model = read_model(data)
    graph = model.subgraphs[0]
    first = next(o for o in graph.operators if kind_of(model, o) == "CONV_2D")
    _change(model, graph, int(first.inputs[1]), lambda values: values * 0.9)
    target = path.with_name(f"mutant{path.suffix}")
    target.write_bytes(serialize(model, len(data)))
    return target


def _change(model: Any, graph: Any, place: int, change: Callable[[Any], Any]) -> None:
    """Changes a constant's values; of integers, the scale, where that is what is changed."""
    tensor = graph.tensors[place]
    if model.buffers[tensor.buffer].data is None:  # stored in half precision
        maker = next(o for o in graph.operators if place in [int(i) for i in o.outputs])
        tensor = graph.tensors[int(maker.inputs[0])]
    kinds = {0: np.float32, 1: np.float16, 7: np.int16, 9: np.int8}
    buffer = model.buffers[tensor.buffer]
    dtype = kinds[tensor.type]
    values = np.frombuffer(bytes(buffer.data), dtype)
    factor = float(change(np.ones(1))[0])
    if np.dtype(dtype).kind == "i" and factor != 1.0:
        tensor.quantization.scale = [float(s) * factor for s in tensor.quantization.scale]
        return
    buffer.data = np.frombuffer(np.ascontiguousarray(change(values), dtype).tobytes(), np.uint8)


def arithmetic_mutants(path: Path) -> Iterator[tuple[str, Path]]:
    """Files beside it whose first arithmetic was changed, whatever the order of its operators.

    Each of its operators once with a constant × 1.1 in one channel, and once left out.
    """
    target = path.with_name(f"mutant{path.suffix}")
    change = _change_onnx if path.suffix == ".onnx" else _change_tflite
    for number in range(change(path, target, None, False)):
        for left_out in (False, True):
            change(path, target, number, left_out)
            yield f"operator {number} {'left out' if left_out else '× 1.1'}", target


def _matters(values: Any) -> bool:
    """Whether a constant is neither 1 nor what makes up for a rounding."""
    return bool((values != 1).any() and np.abs(values).max() > 1e-3)


def _first_times_11(values: Any) -> Any:
    changed = values.copy()
    changed.ravel()[0] *= 1.1
    return changed


def _change_onnx(path: Path, target: Path, number: int | None, left_out: bool) -> int:
    """Writes the file with one operator changed; returns how many there are."""
    import onnx

    from zoo.exporters.onnx.quantization import first_arithmetic

    model = onnx.load(path)
    stored = {tensor.name: tensor for tensor in model.graph.initializer}
    names = first_arithmetic(model.graph)
    constant = {name: onnx.numpy_helper.to_array(tensor) for name, tensor in stored.items()}
    nodes = [n for n in model.graph.node if n.name in names and _matters(constant[n.input[1]])]
    if number is None:
        return len(nodes)
    node = nodes[number]
    if left_out:
        for reader in model.graph.node:
            reader.input[:] = [node.input[0] if i == node.output[0] else i for i in reader.input]
    else:
        tensor = stored[node.input[1]]
        values = _first_times_11(constant[tensor.name])
        tensor.CopyFrom(onnx.numpy_helper.from_array(values, tensor.name))
    onnx.save(model, str(target))
    return len(nodes)


def _change_tflite(path: Path, target: Path, number: int | None, left_out: bool) -> int:
    """The same for TFLite."""
    from zoo.exporters.tflite.normalization import entry_arithmetic
    from zoo.exporters.tflite.schema import read_model, serialize

    data = path.read_bytes()
    model = read_model(data)
    graph = model.subgraphs[0]
    steps = [step for step in entry_arithmetic(model) if _matters(step.values)]
    if number is None:
        return len(steps)
    step = steps[number]
    if left_out:
        given = next(i for i in step.inputs if i != step.constant)
        for reader in graph.operators:
            reader.inputs = [given if int(i) == step.result else int(i) for i in reader.inputs]
    else:
        changed = _first_times_11(step.values).astype(np.float32)
        buffer = model.buffers[graph.tensors[step.constant].buffer]
        buffer.data = np.frombuffer(changed.tobytes(), np.uint8)
    target.write_bytes(serialize(model, len(data)))
    return len(steps)
