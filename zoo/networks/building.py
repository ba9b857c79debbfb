"""Keras models from records: construction, variable names, exported form."""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Callable, Iterator, Mapping
from typing import Any

from zoo.common.errors import UsageError, ZooError
from zoo.common.optional_imports import require
from zoo.common.plugin_errors import plugin_line
from zoo.contracts import Architecture, ModelPart, Preprocessing, Task, Variant
from zoo.networks.hyperparameters import accepted, check_hyperparameters
from zoo.networks.rounding import behind_rounding

#: Name of the layer that a new set of classes replaces.
HEAD = "head"


def build_network(
    architecture: Architecture,
    variant: Variant,
    classes: int,
    hyperparameters: Mapping[str, Any] | None = None,
    preprocessing: Preprocessing | None = None,
) -> Any:
    """Builds a variant with random weights.

    Args:
        architecture: The family.
        variant: The member.
        classes: Number of classes.
        hyperparameters: Override those of the variant.
        preprocessing: Fixes the input shape; None takes the variant's.

    Returns:
        A `keras.Model` from normalized inputs (batch, …) to the variant's outputs: logits
        (batch, classes), as a rule.

    Raises:
        UsageError: A hyper-parameter that the network does not have.
        ZooError: The plugin's build function raised.
    """
    keras = require("keras")
    path = preprocessing or variant.preprocessing
    given = [
        keras.Input(
            one.network_shape,
            dtype=one.graph_dtype,
            name=f"normalized_{number}" if number else "normalized",
        )
        for number, one in enumerate(path.parts)
    ]
    inputs = given if len(given) > 1 else given[0]
    model = _built(architecture.build, architecture, variant, inputs, classes, hyperparameters)
    wanted = variant.outputs_for(classes, preprocessing)
    found = output_shapes(model)
    # What data or hyper-parameters decide (steps of a sequence, cells of a grid) is not on record.
    decided = preprocessing is not None or bool(hyperparameters)
    for name, shape in wanted.items():
        if decided and len(shape) > 1 and name in found and not variant.follows_input(name):
            wanted[name] = (*found[name][: len(shape) - 1], shape[-1])
    if found != wanted:
        returned, said = _format_shapes(found), _format_shapes(wanted, "batch, ")
        raise ZooError(
            f"{variant.name!r} returns shape {returned} for {classes} classes",
            why=f"the record of {variant.name!r} says {said}",
            fix=f"correct build() in the plugin of {architecture.name!r}",
        )
    return model


def output_shapes(model: Any) -> dict[str, tuple[int, ...]]:
    """Shapes of a model's outputs without the batch; a single one has an empty name."""
    made = model.output
    named = made if isinstance(made, dict) else {"": made}
    return {name: tuple(tensor.shape[1:]) for name, tensor in named.items()}


def _format_shapes(shapes: Mapping[str, tuple[int, ...]], batch: str = "") -> str:
    told = {
        name: f"({batch}{', '.join(map(str, shape))})" if batch else f"{shape}"
        for name, shape in shapes.items()
    }
    return ", ".join(f"{name} {shape}".strip() for name, shape in told.items())


def build_companion(
    architecture: Architecture,
    variant: Variant,
    classes: int,
    network: Any,
    hyperparameters: Mapping[str, Any] | None = None,
) -> Any | None:
    """Builds the companion network of adversarial training, with random weights.

    Args:
        architecture: The family.
        variant: The member.
        classes: Number of classes.
        network: The first, from `build_network`; its output is the companion's input.
        hyperparameters: Override those of the variant.

    Returns:
        A `keras.Model`, or None when the family trains without.
    """
    if architecture.companion is None:
        return None
    inputs = require("keras").Input(network.output_shape[1:], name="outputs")
    build = architecture.companion
    return _built(build, architecture, variant, inputs, classes, hyperparameters)


def _built(
    build: Callable[..., Any],
    architecture: Architecture,
    variant: Variant,
    inputs: Any,
    classes: int,
    hyperparameters: Mapping[str, Any] | None,
) -> Any:
    given = {**variant.hyperparameters, **(hyperparameters or {})}
    check_hyperparameters(architecture, given)
    own = {name: given[name] for name in accepted(build) if name in given}
    try:
        return require("keras").Model(inputs, build(inputs, classes, **own), name=variant.name)
    # A plugin's code may raise anything; the message must name the plugin, not our line.
    except Exception as error:
        # With hyper-parameters from outside, these are the likely cause.
        kind = UsageError if hyperparameters else ZooError
        found = plugin_line(error)
        place = f" ({found[1]})" if found else ""
        raise kind(
            f"the plugin of {architecture.name!r} could not build {variant.name!r}",
            why=f"{type(error).__name__}: {error}{place}",
            fix="correct the hyper-parameters, or tell the plugin's author",
        ) from error


def raw_model(network: Any, preprocessing: Preprocessing) -> Any:
    """A `keras.Model` from raw inputs (pixels 0-255, …), (batch, …), to logits: what is trained."""
    keras = require("keras")
    raw = raw_input(preprocessing, None)
    return keras.Model(raw, network(normalization(preprocessing)(raw)))


def deployed_model(
    network: Any, preprocessing: Preprocessing, task: Task, batch: int | None = 1
) -> Any:
    """A `keras.Model` from raw inputs, shape (batch, …), to the task's outputs: what is exported.

    Of several outputs it returns a dictionary with their names as keys.
    """
    keras = require("keras")
    raw = raw_input(preprocessing, batch)
    logits = network(normalization(preprocessing)(raw))
    return keras.Model(raw, task.activation(logits), name=network.name)


def deployed_part(
    network: Any, preprocessing: Preprocessing, task: Task, part: ModelPart, batch: int | None = 1
) -> Any:
    """The `keras.Model` of one of the files that a network is deployed as, with its weights.

    The first part takes raw inputs, each other one the output of the part before. It returns a
    dictionary with the names of its outputs as keys; for a network that is deployed as one file,
    it is the `deployed_model`.

    Raises:
        ZooError: The network cannot be cut there: the task's or the architecture's plugin is wrong.
    """
    if not task.several_files:
        return deployed_model(network, preprocessing, task, batch)
    keras = require("keras")
    made = network.output
    given = {name: made[name] for name in part.outputs}
    fix = "correct the plugin of the network or of its task: see docs/plugins.md"
    if part.takes:
        inner = behind_rounding(made[part.takes]) if part.takes_rounded else made[part.takes]
        outer = keras.Input(inner.shape[1:], batch_size=batch, dtype=inner.dtype, name=part.takes)
    else:
        inner, outer = network.input, raw_input(preprocessing, batch)
    try:
        cut = keras.Model(inner, given, name=f"{network.name}_{part.name}")
    except ValueError as error:  # Keras finds no way from the input to an output.
        raise ZooError(
            f"{network.name!r} cannot be cut into files: the {part.name} needs more than "
            f"{part.takes or 'the examples'!r}",
            why=str(error).splitlines()[0],
            fix=fix,
        ) from error
    behind = outer if part.takes else normalization(preprocessing)(outer)
    logits = cut(behind)
    outputs = task.activation(logits)
    taken = {other.takes for other in task.parts} & {*part.outputs}
    for name in taken:
        if outputs[name] is not logits[name]:
            raise ZooError(
                f"the task {task.name!r} changes {name!r} behind the {part.name}",
                why="the next part takes it as the network made it",
                fix=fix,
            )
    return keras.Model(outer, {name: outputs[name] for name in part.outputs}, name=cut.name)


def raw_input(preprocessing: Preprocessing, batch: int | None) -> Any:
    """The symbolic tensor that raw examples come in by, a list of them where there are several.

    `batch` of None takes any number of examples. Exporters name several: Keras allows no name
    that a file may have.
    """
    made = [
        require("keras").Input(
            one.input_shape,
            batch_size=batch,
            dtype=one.graph_dtype,
            name=one.called.replace("/", "_") if one is preprocessing else f"input_{number:02}",
        )
        for number, one in enumerate(preprocessing.parts)
    ]
    return made if len(made) > 1 else made[0]


def normalization(preprocessing: Preprocessing) -> Any:
    """The normalization of a raw Keras tensor: a layer, or the identity."""
    affine = preprocessing.affine()
    if affine is None:
        return lambda raw: raw
    factors, offsets = affine
    layers = require("keras.layers")
    rescaling = layers.Rescaling
    centre = preprocessing.centre()
    if centre is not None:
        values, rest = centre
        centred = rescaling(1.0, [-value for value in values], name="centred")
        scaled = rescaling(list(factors), list(rest), name="normalization")
        return lambda raw: scaled(centred(raw))
    repeats = preprocessing.network_shape[-1] // preprocessing.input_shape[-1]
    if repeats > 1:
        repeat = layers.Concatenate(name="repeated")
        scaled = rescaling(list(factors), list(offsets), name="normalization")
        return lambda raw: scaled(repeat([raw] * repeats))
    if len(set(factors)) == 1 and len(set(offsets)) == 1:
        # Converters fold scalars into the first convolution more often than vectors.
        return rescaling(factors[0], offsets[0], name="normalization")
    return rescaling(list(factors), list(offsets), name="normalization")


_AUTOMATIC = re.compile(r"_\d+\Z")


def variable_names(model: Any) -> dict[str, Any]:
    """The variables of a model by names that are stable across processes.

    Keras numbers layers without a name of their own by how many the process made before; here
    they are numbered within the model.
    """
    named: dict[str, Any] = {}
    seen: Counter[str] = Counter()
    for layer in model.layers:
        if not layer.weights:
            continue
        base = _stable(layer.name, layer)
        count = seen[base]
        seen[base] += 1
        prefix = f"{base}_{count}" if count else base
        for variable in layer.weights:
            inner = [_AUTOMATIC.sub("", part) for part in variable.path.split("/")[1:]]
            name = "/".join([prefix, *(inner or [variable.name])])
            copies = sum(1 for known in named if known == name or known.startswith(f"{name}#"))
            named[f"{name}#{copies}" if copies else name] = variable
    return named


def _stable(name: str, layer: Any) -> str:
    """The layer's own name, or the name of its class when Keras numbered it."""
    snake = re.sub(r"(?<=[a-z0-9])(?=[A-Z])|(?<=[A-Z0-9])(?=[A-Z][a-z])", "_", type(layer).__name__)
    automatic = _AUTOMATIC.sub("", name)
    plain = automatic.replace("_", "")
    return automatic if plain == snake.lower().replace("_", "") else name


def count_parameters(model: Any) -> int:
    """All weights, trainable or not."""
    return int(model.count_params())


def wrong_parameters(network: Any, variant: Variant, classes: int) -> str:
    """How the record's number of parameters is wrong, in words; empty where it is right.

    Args:
        network: Of the variant's own input size and hyper-parameters.
        variant: Its record.
        classes: For which it was built, in place of the record's: the head alone depends on them.
    """
    found = count_parameters(network)
    if classes != variant.classes and variant.has_head:
        head = sum(layer.count_params() for layer in network.layers if layer.name == HEAD)
        each, rest = divmod(head, classes)
        if rest:
            return ""  # some of its weights belong to no class
        found += each * (variant.classes - classes)
    if found == variant.parameters:
        return ""
    return (
        f"the record of {variant.name!r} says parameters={variant.parameters:_}, and the network "
        f"has {found:_} for {variant.classes} classes: correct it; `zoo plugins check "
        f"{variant.name}` checks the rest of the record"
    )


def layer_names(model: Any) -> tuple[str, ...]:
    """Names of a model's layers, of those in models inside it too, in the order of computing.

    Layers that do nothing but while training are left out.
    """
    layers = require("keras").layers
    idle = (layers.Dropout, layers.GaussianNoise, layers.GaussianDropout)
    computing = [layer for layer in leaves(model) if not isinstance(layer, idle)]
    return tuple(dict.fromkeys(layer.name for layer in computing))


def take_up_weights(model: Any) -> None:
    """Lets layers compute with the weights that were assigned to them.

    A `keras.layers.Normalization` keeps its mean and variance beside its weights, too, and only
    Keras' own loading renews them.
    """
    for layer in model._flatten_layers():
        renew = getattr(layer, "finalize_state", None)
        if callable(renew):
            renew()


def leaves(model: Any) -> Iterator[Any]:
    """The layers of a `keras.Model` in order, those of models inside it in their place."""
    keras = require("keras")
    for layer in model.layers:
        if isinstance(layer, keras.Model):
            yield from leaves(layer)
        elif not isinstance(layer, keras.layers.InputLayer):
            yield layer
