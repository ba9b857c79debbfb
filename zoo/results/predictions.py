"""The record of what a network or a file answered to examples without labels."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator
from dataclasses import asdict, dataclass, field, replace
from typing import Any

from zoo.common.brief import Brief, brief
from zoo.common.views import Viewed
from zoo.contracts import Preprocessing
from zoo.contracts.prediction import DecodedOutput
from zoo.contracts.preprocessing import Sample
from zoo.results.records import QualityFinding


@dataclass(frozen=True, kw_only=True, repr=False)
class PredictedExample(Brief):
    """One example and the answer to it.

    Attributes:
        sample: The example, which can be read again.
        output: As its task decodes it.
    """

    sample: Sample = field(repr=False)
    output: DecodedOutput

    @property
    def input(self) -> str:
        """What it is called: a path, the rows of a table, a text."""
        return self.sample.name

    def _values(self) -> Iterator[str]:
        yield f"input={brief(self.input)}"
        yield f"answer={brief(self.output.answer)}"
        if self.output.confidence is not None:
            yield f"confidence={self.output.confidence:.4g}"

    def plain(self) -> dict[str, Any]:
        """For JSON; pictures are left out, steps, numbers and boxes where the task gives none.

        Of a mask the pixels of each class are told, in the picture as it was given.
        """
        mask = self.output.mask
        output = asdict(replace(self.output, picture=None, mask=None, coded=None))
        del output["picture"], output["mask"], output["coded"]
        if self.output.coded is not None:
            output["coded_bytes"] = len(self.output.coded.content)
        if mask is not None:
            height, width = mask.size or mask.chosen.shape
            pixels = mask.pixels()
            unseen = height * width - sum(pixels.values())
            output["mask"] = {"height": height, "width": width, "pixels": pixels, "unseen": unseen}
        for name in ("steps", "numbers"):
            if not output[name]:
                del output[name]
        if output["boxes"] is None:
            del output["boxes"]
        return {"input": self.input, **output}


@dataclass(frozen=True, kw_only=True)
class UnreadExample:
    """One example that has no answer, and why."""

    input: str
    why: str


@dataclass(frozen=True, kw_only=True, repr=False)
class Predictions(Brief, Viewed):
    """What was answered to all examples.

    Attributes:
        subject: The file or the weights that answered.
        task: Name of its task.
        classes: Names, in the order of the outputs.
        runtime: What it ran in.
        preprocessing: How it reads examples.
        examples: In the order in which they were named.
        failed: Those without an answer.
        findings: What speaks against the network.
        notes: How the examples were read, where that is not plain.
        seconds: How long reading and answering took.
    """

    subject: str
    task: str
    classes: tuple[str, ...]
    runtime: str
    preprocessing: Preprocessing = field(repr=False)
    examples: tuple[PredictedExample, ...]
    failed: tuple[UnreadExample, ...] = ()
    findings: tuple[QualityFinding, ...] = ()
    notes: tuple[str, ...] = ()
    seconds: float = 0.0

    def _values(self) -> Iterator[str]:
        yield from (f"{name}={getattr(self, name)!r}" for name in ("subject", "task", "runtime"))
        for name in ("examples", "failed", "findings", "notes"):
            if many := len(getattr(self, name)):
                yield f"{name}: {many:,}"
        if self.counts:
            yield f"counts={brief(self.counts)}"

    @property
    def counts(self) -> dict[str, int]:
        """How often each name is answered, the commonest first; empty where no name is."""
        chosen = Counter(name for one in self.examples for name in one.output.chosen)
        return dict(sorted(chosen.items(), key=lambda pair: (-pair[1], pair[0])))

    @property
    def counted(self) -> int:
        """Of how many examples, or steps, these are."""
        return sum(len(one.output.steps) or 1 for one in self.examples)

    def plain(self) -> dict[str, Any]:
        """For JSON."""
        return {
            "subject": self.subject,
            "task": self.task,
            "classes": list(self.classes),
            "runtime": self.runtime,
            "examples": [one.plain() for one in self.examples],
            "failed": [asdict(one) for one in self.failed],
            "counts": self.counts,
            "counted": self.counted,
            "findings": [asdict(finding) for finding in self.findings],
            "notes": list(self.notes),
        }
