"""From outputs to answers: predictions of whole splits, and single answers that people read."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from typing import TYPE_CHECKING, Any, Self

from zoo.contracts.prediction import DecodedOutput, plain_numbers

if TYPE_CHECKING:  # lists and help must not wait for numpy
    from numpy.typing import NDArray

    from zoo.contracts.graph_decoder import GraphDecoder
    from zoo.contracts.preprocessing import Preprocessing
    from zoo.contracts.stored_code import StoredCode
    from zoo.contracts.task import Truth

    Array = NDArray[Any]


@dataclass(frozen=True, kw_only=True, eq=False)
class OutputDecoding:
    """How a task reads what a network returns.

    Attributes:
        decoding: What outputs are decoded with, by name: what follows from the network
            (`Variant.decoding`), such as anchors, and what the task chooses (`choose_decoding`): a
            threshold, and the rule in words. It belongs to trained weights, travels in their card
            and in the manifest of each file, and is empty in the record of a task itself.
        own_decoding: Names in `decoding`; empty where there are none.
    """

    decoding: Mapping[str, float | str] = field(default_factory=dict)
    own_decoding: tuple[str, ...] = ()

    def with_decoding(self, decoding: Mapping[str, float | str]) -> Self:
        """The task that decodes so; itself where nothing is chosen."""
        own = {name: decoding[name] for name in self.own_decoding if name in decoding}
        return replace(self, decoding=own) if own else self

    def choose_decoding(self, outputs: Array, truth: Truth) -> Mapping[str, float | str]:
        """What outputs of a network are decoded with, all of it.

        Called once for trained weights, with the validation split and what the network returns for
        it. A task that names some in `own_decoding` overrides this.
        """
        return {}

    def condensed(self, outputs: Array) -> Array:
        """What is kept of the outputs for a whole split: all of it.

        Called for a few examples at a time, by the network and by files alike. A task whose outputs
        are large, such as probabilities of every pixel, keeps less; all its methods that take
        outputs then take these, too, and outputs as they are of single examples.

        Args:
            outputs: The examples first.

        Returns:
            The examples first; the same object where all is kept.
        """
        return outputs

    def decode(self, outputs: Array) -> Array:
        """Decodes outputs into predictions.

        Evaluation against labels gets predictions; comparison of a file with its network gets
        outputs. Where both are the same, as in classification, this does nothing.
        """
        return outputs

    def answers(self, outputs: Array, truth: Truth) -> Array:
        """The predictions for a split: `decode`.

        A task whose predictions follow from outputs beside the inputs that they were given to
        overrides this, and `decoded_beside`: ``truth.examples`` has the inputs, in the same order.

        Args:
            outputs: Of the split, the examples first.
            truth: Of the same examples.
        """
        return self.decode(outputs)

    def graph_decoder(self) -> GraphDecoder | None:
        """The decoder that ``--end-to-end`` makes the last part of files; None: there is none.

        For what this task decodes with: a task of a network has its anchors and the like.
        """
        return None

    def stored_code(self) -> StoredCode | None:
        """How whole pictures are stored between two files, an encoder and a decoder; None: not.

        A task of such networks overrides this; ``zoo predict`` then compresses pictures of any
        size, and decodes coded files.
        """
        return None

    def describe_answer(self, answer: Any, classes: tuple[str, ...]) -> tuple[str, float | None]:
        """One prediction as text, with its confidence from 0 to 1 where there is one."""
        return str(answer), None

    def describe_label(self, label: Any, classes: tuple[str, ...]) -> str:
        """One label as text, in the form of `describe_answer`."""
        return str(label)

    def describe_beside(
        self, answer: Any, label: Any, classes: tuple[str, ...]
    ) -> tuple[str, float | None]:
        """`describe_answer` where the label is known, for the report.

        A task whose answers are no words overrides this: with how near they are to the label.
        """
        return self.describe_answer(answer, classes)

    def decoded(
        self, output: Any, classes: tuple[str, ...], most: int, steps: Sequence[str] = ()
    ) -> DecodedOutput:
        """The output for one example as people read it.

        Args:
            output: Of one example, without the first axis; of several outputs a record.
            classes: Names, in the order of the outputs.
            most: So many scores at most, where they are ranked.
            steps: Text of each real step, where the task answers step by step.
        """
        import numpy as np

        answer = self.decode(np.asarray(output)[np.newaxis])[0]
        text, confidence = self.describe_answer(answer, classes)
        return DecodedOutput(answer=text, confidence=confidence, numbers=plain_numbers(output))

    def decoded_beside(
        self,
        output: Any,
        given: Callable[[], Array],
        preprocessing: Preprocessing,
        classes: tuple[str, ...],
        most: int,
        steps: Sequence[str] = (),
    ) -> DecodedOutput:
        """`decoded`, with the raw input that the output was given to.

        Args:
            output: As for `decoded`.
            given: Returns the raw input, of the preprocessing's shape and type.
            preprocessing: Of the network.
            classes: As for `decoded`.
            most: As for `decoded`.
            steps: As for `decoded`.
        """
        return self.decoded(output, classes, most, steps)

    def pictures_beside(
        self,
        given: Array,
        output: Array,
        files: Mapping[str, Array],
        label: Any,
        classes: tuple[str, ...] = (),
    ) -> Mapping[str, Array]:
        """What the report shows of one example side by side, by caption; empty: nothing.

        Args:
            given: The raw input.
            output: Of the network, without the first axis.
            files: The same of each file by name.
            label: Of the example.
            classes: Names, in the order of the outputs.

        Returns:
            Pictures, uint8, (height, width, 1 or 3), in the order in which they stand.
        """
        return {}

    def picture_of(self, output: Array, preprocessing: Preprocessing) -> Array | None:
        """What one output shows, in the units of raw inputs, for the report; None: nothing.

        Args:
            output: Of one example, without the first axis.
            preprocessing: Of the network.

        Returns:
            Of the shape and type of a raw input.
        """
        return None
