"""A family of networks that one plugin file provides."""

from __future__ import annotations

import inspect
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Literal

from zoo.contracts.backbone import Backbone
from zoo.contracts.checks import check, check_name
from zoo.contracts.preprocessing import Preprocessing
from zoo.contracts.search_space import Interval, SearchRange
from zoo.contracts.weights import WeightsSource

#: Of an output without the batch, or which shape of the input it has.
_Shape = tuple[int | None, ...] | Literal["input", "pixels"]


@dataclass(frozen=True, kw_only=True)
class Variant:
    """One member of a family, with fixed hyper-parameters.

    Attributes:
        name: What the user types: ``lenet5``.
        task: Name of the task record that gives the outputs their meaning.
        output_shape: Of what ``build`` returns, without the batch; None stands for the number of
            classes. ``(None,)`` is one choice per example. Of several outputs, one shape for
            each by name. ``"input"``: that of the normalized input, whatever its size;
            ``"pixels"``: one choice for each of its pixels, (height, width, classes).
        output_scale: Of ``"input"``: by which factor height and width of the output are larger.
        preprocessing: From raw example to network input; fixes the input shape.
        hyperparameters: Passed to the architecture's ``build`` as keyword arguments.
        classes: Number of classes for which ``parameters`` and ``multiply_adds`` hold.
        beside_classes: Values that a side of None has beside one for each class.
        decoding: Returns what its outputs are decoded with beside what a task chooses, such as the
            anchors of a detector, for the preprocessing and the hyper-parameters that it is given:
            names of `OutputDecoding.own_decoding`. None: nothing.
        backbone: The variant whose layers, and so whose weights, a part of this network has; with
            weights for these it may begin to learn. None: there is no such variant.
        parameters: All weights of what ``build`` returns, trainable or not; a companion is not
            counted.
        multiply_adds: Multiply-accumulate operations of convolutions, dense and recurrent layers
            for one input.
    """

    name: str
    preprocessing: Preprocessing
    classes: int
    parameters: int
    multiply_adds: int
    task: str = "image-classification"
    hyperparameters: Mapping[str, Any] = field(default_factory=dict)
    output_shape: _Shape | Mapping[str, _Shape] = (None,)
    output_scale: int = 1
    beside_classes: int = 0
    decoding: Callable[[Preprocessing, Mapping[str, Any]], Mapping[str, float | str]] | None = None
    backbone: Backbone | None = None

    def __post_init__(self) -> None:
        check_name("variant", self.name)
        shape = self.output_shape
        words = [one for one in self._stated.values() if isinstance(one, str)]
        known = all(word in ("input", "pixels") for word in words)
        check(known, self.name, f"output_shape is a shape, 'input' or 'pixels', not {shape!r}")
        check(self.output_scale >= 1, self.name, "output_scale must be positive")
        check("." not in self.name, self.name, "a dot separates the variant from its tag")
        check(self.classes > 0, self.name, "classes must be positive")
        check(self.parameters > 0, self.name, "parameters must be positive")
        check(self.multiply_adds > 0, self.name, "multiply_adds must be positive")
        layout = getattr(self.preprocessing, "layout", "nhwc")
        check(layout == "nhwc", self.name, "networks take channels last: only files have a layout")

    @property
    def has_head(self) -> bool:
        """Whether the output depends on the classes."""
        return any(None in shape for shape in self._shapes(self.preprocessing).values())

    def decoded_with(
        self, preprocessing: Preprocessing, hyperparameters: Mapping[str, Any] | None = None
    ) -> Mapping[str, float | str]:
        """What outputs for such inputs are decoded with, before a task chooses more.

        Args:
            preprocessing: Of the network.
            hyperparameters: In the place of the variant's own of these names.
        """
        own = {**self.hyperparameters, **(hyperparameters or {})}
        return {} if self.decoding is None else self.decoding(preprocessing, own)

    def outputs_for(
        self, classes: int, preprocessing: Preprocessing | None = None
    ) -> dict[str, tuple[int, ...]]:
        """Shapes for a number of classes, without the batch; a single one has an empty name.

        Args:
            classes: How many.
            preprocessing: Of the network, where it is not the variant's own.
        """
        return {
            name: tuple(classes + self.beside_classes if side is None else side for side in shape)
            for name, shape in self._shapes(preprocessing or self.preprocessing).items()
        }

    def follows_input(self, name: str) -> bool:
        """Whether the size of an output is that of the input; a single output has an empty name."""
        return isinstance(self._stated.get(name), str)

    @property
    def _stated(self) -> Mapping[str, _Shape]:
        shape = self.output_shape
        return shape if isinstance(shape, Mapping) else {"": shape}

    def _shapes(self, preprocessing: Preprocessing) -> Mapping[str, tuple[int | None, ...]]:
        given = preprocessing.network_shape
        of_words: dict[str, tuple[int | None, ...]] = {
            "pixels": (*given[:2], None),
            "input": (*(side * self.output_scale for side in given[:-1]), *given[-1:]),
        }
        return {
            name: of_words[shape] if isinstance(shape, str) else shape
            for name, shape in self._stated.items()
        }


@dataclass(frozen=True, kw_only=True)
class Architecture:
    """A family of networks.

    Attributes:
        name: The family: ``lenet``.
        summary: One line for lists.
        source: Paper or page that defines the network.
        build: ``build(inputs, classes, **hyperparameters)``; takes a Keras tensor of the
            preprocessing's input shape, normalized (for images float32, (batch, height, width,
            channels)), and returns the logits, shape (batch, classes). Name the last layer
            ``head``: it is what a new set of classes replaces. For a task with several outputs it
            returns a dictionary with their names as keys. Take ``dropout`` as a keyword if
            the network has a place for it.
        companion: ``companion(inputs, classes, **hyperparameters)`` makes a second network that
            only training needs: a discriminator. ``inputs`` is a Keras tensor of the shape that
            ``build`` returns. Each of the two functions gets the hyper-parameters that it names.
            Its weights travel in checkpoints, so that fine-tuning goes on from both, and in no
            exported file.
        variants: The members.
        weights: Folder of packaged checkpoints (``<model id>.safetensors`` and ``.toml``).
        licence: SPDX identifier of the network's code.
        sources: Official weights that others publish, fetched when they are first used.
        tied: Hyper-parameters of ``build`` that change what a network computes with the same
            weights: weights that were trained with one value are refused with another.
        widths: Hyper-parameters of ``build`` for the network's width: a multiplier, a
            count of filters or units, or several counts. ``zoo optimize`` scales them all by one
            factor to make the network narrower; empty when it cannot be.
        searched: Hyper-parameters of ``build`` that ``zoo tune`` varies, each with what it may
            be: kernel sizes, activation, depth, pooling, dropout. Widths that are not named here
            vary by factors of 0.5 to 1.5.
    """

    name: str
    summary: str
    source: str
    build: Callable[..., Any]
    variants: tuple[Variant, ...]
    companion: Callable[..., Any] | None = None
    weights: Path | None = None
    licence: str = "Apache-2.0"
    sources: tuple[WeightsSource, ...] = ()
    widths: tuple[str, ...] = ()
    searched: Mapping[str, SearchRange] = field(default_factory=dict)
    tied: tuple[str, ...] = ()

    def __post_init__(self) -> None:
        check_name("architecture", self.name)
        check(callable(self.build), self.name, "build must be callable")
        check(isinstance(self.searched, Mapping), self.name, "searched must be a dictionary")
        named = {*self.widths, *self.searched, *self.tied}
        unknown = sorted(named - set(inspect.signature(self.build).parameters))
        check(not unknown, self.name, f"build has no hyper-parameter {', '.join(unknown)}")
        callable_or_none = self.companion is None or callable(self.companion)
        check(callable_or_none, self.name, "companion must be callable")
        check(len(self.variants) > 0, self.name, "has no variants")
        for variant in self.variants:
            shared = () if variant.backbone is None else variant.backbone.shared
            unknown = sorted(set(shared) - set(inspect.signature(self.build).parameters))
            check(not unknown, variant.name, f"build has no hyper-parameter {', '.join(unknown)}")
        self._check_searched()
        names = [v.name for v in self.variants]
        twice = sorted({n for n in names if names.count(n) > 1})
        check(not twice, self.name, f"variants named twice: {', '.join(twice)}")
        ids = [source.model_id for source in self.sources]
        strangers = sorted({s.model_id for s in self.sources if s.variant not in names})
        check(not strangers, self.name, f"weights of no variant: {', '.join(strangers)}")
        repeated = sorted({i for i in ids if ids.count(i) > 1})
        check(not repeated, self.name, f"weights named twice: {', '.join(repeated)}")

    def _check_searched(self) -> None:
        """Each range is one, and an interval stands for numbers."""
        known = self.defaults()
        for name, found in self.searched.items():
            range = f"{self.name}: searched[{name!r}]"
            check(isinstance(found, SearchRange), range, "must be an Interval or Choices")
            for values in (known, *(variant.hyperparameters for variant in self.variants)):
                own = values.get(name)
                number = own is None or (isinstance(own, int | float) and own is not True)
                usable = number or not isinstance(found, Interval)
                check(usable, range, f"is an interval of numbers, and its default is {own!r}")

    def defaults(self) -> dict[str, Any]:
        """The hyper-parameters that ``build`` has values for itself."""
        parameters = inspect.signature(self.build).parameters.values()
        return {p.name: p.default for p in parameters if p.default is not inspect.Parameter.empty}

    def hyperparameters(self) -> dict[str, Any]:
        """What ``build`` takes beside inputs and classes, with defaults; None stands for none."""
        defaults = self.defaults()
        names = [*inspect.signature(self.build).parameters][2:]
        return {name: defaults.get(name) for name in names}

    def variant(self, name: str) -> Variant:
        """The variant called `name`; `KeyError` when there is none."""
        return next(v for v in self.variants if v.name == name)
