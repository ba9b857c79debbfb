"""TFLite files that keep state in variables: each variable becomes an input and an output.

A file reads and assigns variables (``VAR_HANDLE``, ``READ_VARIABLE``, ``ASSIGN_VARIABLE``), and
sets them before its first call by a graph of its own (``CALL_ONCE``). READ h, ASSIGN h ← z becomes
input h, output h_next = z, because files here keep nothing: a program carries what they give.
"""

from __future__ import annotations

from collections.abc import Collection, Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np

from zoo.common.errors import Unsupported
from zoo.common.optional_imports import require

from .editing import Editing
from .graph import AS_IT_IS, BRANCHES, CARRY, FLOW, STATE, Array, Operator, operators_of, plain
from .running import interpreter, packed

#: Container and name, by which operators of all graphs of a file mean the same variable.
Key = tuple[bytes, bytes]
_NOT_BEFORE = frozenset({"HASHTABLE_IMPORT", "RANDOM_UNIFORM", "RANDOM_STANDARD_NORMAL"})
_NOT_BEFORE |= {"MULTINOMIAL"} | FLOW


@dataclass(frozen=True, kw_only=True)
class Variable:
    """A variable that is carried from one call to the next.

    Attributes:
        input: Name of the input that takes what the call before gave; zeros at the first.
        output: Name of the output that gives it.
        first: The value before the first call, with a batch of 1: where it is not zero, input and
            output are the difference from it.
    """

    input: str
    output: str
    first: Array


def with_states(
    model: Any, content: bytes, origin: str, taken: Collection[str] = ()
) -> tuple[bytes, tuple[Variable, ...]]:
    """A file without variables.

    A variable that is never assigned, or always before it is read, is not carried.

    Args:
        model: The schema's `ModelT` of it, which is changed; all but the first graph set variables.
        content: Its bytes; they come back where there are no variables.
        origin: Names the file in messages.
        taken: Names that none of its inputs and outputs may get.

    Raises:
        Unsupported: Names the operator, and the variable that cannot be carried.
    """
    operators = operators_of(model, model.subgraphs[0])
    _check_bodies(model, operators, origin)
    if not any(operator.kind in STATE for operator in operators):
        return content, ()
    rewriting = _Rewriting(model, content, operators, origin)
    rewriting.names.update(taken)
    variables = rewriting.rewritten()
    made = packed(model, len(content))
    rewriting.check_batch(made, variables)
    return made, variables


def _check_bodies(model: Any, operators: tuple[Operator, ...], origin: str) -> None:
    """Refuses variables in the graphs of loops and branches."""
    begun = {_graph_of(one) for one in operators if one.kind == "CALL_ONCE"}
    graphs = [graph for place, graph in enumerate(model.subgraphs) if place and place not in begun]
    inner = [one for graph in graphs for one in operators_of(model, graph) if one.kind in STATE]
    resources = require("ai_edge_litert.schema_py_generated").TensorType.RESOURCE
    tensors = model.subgraphs[0].tensors
    for operator in operators:
        handles = any(i >= 0 and tensors[i].type == resources for i in operator.inputs)
        if operator.kind in FLOW and (inner or handles):
            named = f" {inner[0].kind} {inner[0].name}" if inner else ""
            raise operator.refused(
                origin,
                f"a variable is read or assigned in its body{f':{named}' if named else ''}; "
                "control flow that depends on the input is not supported",
                "read the variable before it, and assign it after it, where the file is made; "
                + (
                    "choose what is assigned by tf.where; "
                    if operator.kind in BRANCHES
                    else "unroll loops (Keras: unroll=True of the layer); "
                )
                + AS_IT_IS,
            )


def _graph_of(operator: Operator) -> int:
    """The graph that a ``CALL_ONCE`` runs; −1 of a damaged one."""
    return int(getattr(operator.options, "initSubgraphIndex", -1))


class _Rewriting:
    def __init__(
        self, model: Any, content: bytes, operators: tuple[Operator, ...], origin: str
    ) -> None:
        self._model, self._content, self._origin = model, content, origin
        self._graph, self._operators = model.subgraphs[0], operators
        self._schema = require("ai_edge_litert.schema_py_generated")
        self._edit = Editing(model)
        self._keys = {o.outputs[0]: self._key(o) for o in operators if o.kind == "VAR_HANDLE"}
        self._begun = self._set_before()
        places = [*map(int, self._graph.inputs), *map(int, self._graph.outputs)]
        signed = [
            t for s in model.signatureDefs or [] for t in (s.inputs or []) + (s.outputs or [])
        ]
        named = [*(self._graph.tensors[place] for place in places), *signed]
        #: Those that an input or output has.
        self.names = {(one.name or b"").decode("utf-8", "replace") for one in named}

    def _key(self, operator: Operator) -> Key:
        if not hasattr(operator.options, "sharedName") or len(operator.outputs) != 1:
            raise self._unknown(operator)
        return operator.options.container or b"", operator.options.sharedName or b""

    def _unknown(self, operator: Operator) -> Unsupported:
        return operator.refused(
            self._origin,
            "it keeps a state in a variable that has no name in the file",
            CARRY + AS_IT_IS,
        )

    def _variable(self, operator: Operator) -> Key:
        """The one that an operator reads or assigns."""
        key = self._keys.get(operator.inputs[0]) if operator.inputs else None
        if key is None or len(operator.inputs) != 1 + (operator.kind == "ASSIGN_VARIABLE"):
            raise self._unknown(operator)
        return key

    def _set_before(self) -> set[Key]:
        """Variables that have a value before the first call."""
        found = set()
        for operator in self._operators:
            if operator.kind != "CALL_ONCE":
                continue
            if not 0 < _graph_of(operator) < len(self._model.subgraphs):
                raise self._unknown(operator)
            inner = operators_of(self._model, self._model.subgraphs[_graph_of(operator)])
            keys = {o.outputs[0]: self._key(o) for o in inner if o.kind == "VAR_HANDLE"}
            for one in inner:
                if one.kind in _NOT_BEFORE:
                    raise operator.refused(
                        self._origin,
                        f"it initializes variables by {one.kind} ({one.name}): they would "
                        "begin with random values, or no numbers",
                        f"initialize them with constants where the file is made; {AS_IT_IS}",
                    )
                if one.kind == "ASSIGN_VARIABLE" and one.inputs[0] in keys:
                    found.add(keys[one.inputs[0]])
        return found

    def rewritten(self) -> tuple[Variable, ...]:
        """Rewrites the graph; the variables that are carried, in the order of their inputs."""
        reads: dict[Key, Operator] = {}
        current: dict[Key, int] = {}
        alias: dict[int, int] = {}
        assigned: dict[Key, Operator] = {}
        for operator in self._operators:
            own = self._graph.operators[operator.place]
            if operator.inputs:
                own.inputs = np.array([alias.get(int(i), int(i)) for i in own.inputs], np.int32)
            if operator.kind == "READ_VARIABLE":
                key = self._variable(operator)
                if key not in current:
                    if key not in self._begun:
                        raise self._without_value(operator, key)
                    # Stands for the variable's value before this call.
                    current[key], reads[key] = operator.outputs[0], operator
                alias[operator.outputs[0]] = current[key]
            elif operator.kind == "ASSIGN_VARIABLE":
                key = self._variable(operator)
                place = operator.inputs[1]
                current[key], assigned[key] = alias.get(place, place), operator
        self._graph.outputs = [alias.get(int(i), int(i)) for i in self._graph.outputs]
        for signature in self._model.signatureDefs or []:
            for one in signature.outputs or []:
                one.tensorIndex = alias.get(int(one.tensorIndex), int(one.tensorIndex))
        first = self._first_values(reads)
        kept = [self._graph.operators[o.place] for o in self._operators if o.kind not in STATE]
        self._model.subgraphs = [
            graph
            for place, graph in enumerate(self._model.subgraphs)
            if place not in {_graph_of(o) for o in self._operators if o.kind == "CALL_ONCE"}
        ]
        before, behind, variables = [], [], []
        for key, operator in reads.items():
            read = operator.outputs[0]
            if key not in assigned or current[key] == read:
                self._edit.become_constant(read, first[key])
                continue
            self._check_value(assigned[key], key, current[key], first[key])
            variable = self._named(key, first[key])
            place, add = self._input(read, variable)
            result, subtract = self._output(current[key], variable)
            before += add
            behind += subtract
            self._signed(variable, place, result)
            variables.append(variable)
        self._graph.operators = [*before, *kept, *behind]
        for place in self._keys:  # of no use any more, and of a type that is no number
            self._graph.tensors[place].type = self._schema.TensorType.FLOAT32
        return tuple(variables)

    def _without_value(self, operator: Operator, key: Key) -> Unsupported:
        return operator.refused(
            self._origin,
            f"its variable {_text(key)!r} has no initial value",
            "give it one where the file is made: tf.Variable(tf.zeros((1, 8))), tracked by the "
            f"module that is converted; {AS_IT_IS}",
        )

    def _check_value(self, operator: Operator, key: Key, made: int, first: Array) -> None:
        """Refuses values that no output or no difference gives."""
        why = ""
        if self._edit.data(made):
            why = (
                f"it sets its variable {_text(key)!r} to a constant, which cannot become an output"
            )
        elif first.dtype.kind == "f" and not np.isfinite(first).all():
            why = f"its variable {_text(key)!r} has initial values that are not finite"
        elif first.dtype.kind not in "fiu" and first.any():
            why = f"its variable {_text(key)!r} of {first.dtype} has initial values other than zero"
        if why:
            raise operator.refused(
                self._origin,
                why,
                "initialize it with zeros, or values in the range of later ones, where the file "
                f"is made, and assign what depends on the input; {AS_IT_IS}",
            )

    def _first_values(self, reads: Mapping[Key, Operator]) -> dict[Key, Array]:
        """Values before the first call, as LiteRT sets and reads them."""
        if not reads:
            return {}
        probe = self._schema.ModelT.InitFromPackedBuf(self._content, 0)
        graph = probe.subgraphs[0]
        places = [o.place for o in self._operators if o.kind in ("CALL_ONCE", "VAR_HANDLE")]
        places += [operator.place for operator in reads.values()]
        graph.operators = [graph.operators[place] for place in places]
        graph.inputs, graph.outputs = [], [one.outputs[0] for one in reads.values()]
        probe.signatureDefs = None
        runner = interpreter(packed(probe, len(self._content)), keeps=True)
        runner.allocate_tensors()
        runner.invoke()
        return {
            key: np.array(runner.get_tensor(operator.outputs[0])) for key, operator in reads.items()
        }

    def _named(self, key: Key, first: Array) -> Variable:
        base = _text(key) or "state"
        number, name = 1, base
        while {name, f"{name}_next"} & self.names:
            number += 1
            name = f"{base}_{number}"
        self.names |= {name, f"{name}_next"}
        # A single number meets tensors of at least a batch and one more side.
        whole = first if first.shape[:1] == (1,) else first.reshape(1, *(first.shape or (1,)))
        return Variable(input=name, output=f"{name}_next", first=whole)

    def _input(self, read: int, variable: Variable) -> tuple[int, list[Any]]:
        """The input that a tensor read before becomes; behind it an addition, if it is needed."""
        self._edit.reshape(read, variable.first.shape)
        if not variable.first.any():
            self._graph.tensors[read].name = variable.input.encode()
            return read, []
        place = self._edit.tensor(variable.input, variable.first, self._graph.tensors[read].type)
        constant = self._edit.constant(f"{variable.input}_first", variable.first, read)
        return place, [self._edit.operator("ADD", [place, constant], read)]

    def _output(self, made: int, variable: Variable) -> tuple[int, list[Any]]:
        if not variable.first.any():
            return made, []
        kind = self._graph.tensors[made].type
        constant = self._edit.constant(f"{variable.output}_first", variable.first, made)
        place = self._edit.tensor(variable.output, variable.first, kind)
        return place, [self._edit.operator("SUB", [made, constant], place)]

    def _signed(self, variable: Variable, place: int, result: int) -> None:
        self._graph.inputs = [*map(int, self._graph.inputs), place]
        self._graph.outputs = [*map(int, self._graph.outputs), result]
        for signature in (self._model.signatureDefs or [])[:1]:
            for name, tensor, side in (
                (variable.input, place, "inputs"),
                (variable.output, result, "outputs"),
            ):
                entry = self._schema.TensorMapT()
                entry.name, entry.tensorIndex = name.encode(), tensor
                setattr(signature, side, [*(getattr(signature, side) or []), entry])

    def check_batch(self, content: bytes, variables: tuple[Variable, ...]) -> None:
        """Refuses variables that one example cannot have for itself.

        Args:
            content: The rewritten file.
            variables: That are carried.
        """
        why = ""
        try:
            runner = interpreter(content)
            runner.allocate_tensors()
            for detail in runner.get_input_details():
                runner.set_tensor(detail["index"], np.zeros(detail["shape"], detail["dtype"]))
            runner.invoke()
            made = runner.get_output_details()[len(self._graph.outputs) - len(variables) :]
            for variable, detail in zip(variables, made, strict=True):
                if tuple(detail["shape"]) != variable.first.shape:
                    why = f"{variable.input} would become {tuple(map(int, detail['shape']))}"
        # LiteRT raises what its operators say of shapes.
        except (RuntimeError, ValueError) as error:
            why = str(error).strip().splitlines()[0]
        if why:
            shapes = ", ".join(f"{one.input} {one.first.shape[1:]}" for one in variables)
            operator = next(o for o in self._operators if o.kind in STATE and o.kind != "CALL_ONCE")
            raise operator.refused(
                self._origin,
                f"its variables have no batch: without their first side they are {shapes}; {why}",
                "make the first side of each variable a batch of 1 where the file is made: "
                f"tf.Variable(tf.zeros((1, 8))); {AS_IT_IS}",
            )


def _text(key: Key) -> str:
    """A variable's name as that of an input."""
    return plain(key[1].decode("utf-8", "replace").removesuffix(":0"))
