"""The task: what the code and the picture mean, and how pictures are judged."""

from __future__ import annotations

import math
from typing import Any

import zoo

Z = 1.96
#: A picture is the same where no pixel is off by more.
SAME = 0.1
#: A number of the code is the same where it is off by no more than this share of their range.
SAME_SHARE = 0.1


class PictureCodec(zoo.Task):
    """Compression: the code is compared number by number, the picture pixel by pixel."""

    @staticmethod
    def whole(network: Any, preprocessing: Any) -> Any:
        """What is trained: pixels to logits of pixels."""
        import keras

        from zoo.networks.building import raw_model

        both = raw_model(network, preprocessing)
        return keras.Model(both.input, both.output["picture"])

    def activation(self, outputs: Any) -> Any:
        from keras import layers

        own = dict(outputs)
        if "picture" in own:
            own["picture"] = layers.Activation("sigmoid", name="share")(own["picture"])
        return own

    def compile(self, model: Any, optimizer: Any, options: Any) -> str:
        import keras

        def error(pixels: Any, logits: Any) -> Any:
            return keras.ops.mean(keras.ops.square(pixels - keras.ops.sigmoid(logits)))

        model.compile(optimizer=optimizer, loss=error, metrics=[error], jit_compile=False)
        return "error"

    def compare(self, reference: Any, candidate: Any) -> zoo.Comparison:
        import numpy as np

        spread = float(np.ptp(reference["code"])) or 1.0
        near = {"code": SAME_SHARE * spread, "picture": SAME}
        found = {}
        for name in self.output_names:
            apart = np.abs(reference[name] - candidate[name]).reshape(len(reference), -1)
            found[name] = zoo.Comparison(
                count=len(reference),
                max_abs=float(apart.max()),
                mean_abs=float(apart.mean()),
                agreement=float((apart.max(-1) <= near[name]).mean()),
            )
        return zoo.Comparison.combined(found)

    def parity(self, comparison: zoo.Comparison, precision: zoo.Precision) -> zoo.Check:
        checks = {}
        for name, found in comparison.outputs.items():
            agreed = found.agreed(precision)
            checks[name] = zoo.Check(
                name="parity",
                passed=agreed.passed,
                value=f"{found.agreement:.1%} the same, max |Δ| {found.max_abs:.2g}",
                limit=f"{agreed.least:.0%}",
                reason="" if agreed.passed else f"the {name} is another",
                unsure=agreed.unsure("pictures"),
            )
        return zoo.Check.combined(checks)

    def evaluate(self, answers: Any, truth: zoo.Truth) -> tuple[zoo.Metric, ...]:
        errors = _errors(answers, truth)
        mean = float(errors.mean())
        wide = Z * float(errors.std()) / math.sqrt(len(errors))
        return (
            zoo.Metric(
                name="squared error",
                value=mean,
                low=mean - wide,
                high=mean + wide,
                count=len(errors),
                higher_is_better=False,
            ),
        )

    def accuracy(
        self, truth: zoo.Truth, reference: Any, candidate: Any, max_drop: float
    ) -> zoo.Check:
        before, after = _errors(reference, truth), _errors(candidate, truth)
        more = after - before
        rise = 100 * float(more.mean() / before.mean())
        clear = more.mean() > Z * more.std() / math.sqrt(len(more))
        passed = rise <= max_drop or not clear
        return zoo.Check(
            name="accuracy",
            passed=passed,
            value=f"the squared error rose by {rise:+.1f} %",
            limit=f"{max_drop:g} %, or no clear rise",
            reason="" if passed else f"pictures are {rise:.0f} % farther from the real ones",
        )

    def gallery(self, outputs: Any) -> Any:
        import numpy as np

        pictures = outputs["picture"] if outputs.dtype.names else outputs
        row = np.concatenate(list(pictures[:8]), axis=1)
        return np.round(np.clip(row, 0, 1) * 255).astype(np.uint8)


def _errors(answers: Any, truth: zoo.Truth) -> Any:
    apart = (answers["picture"] - truth.labels).reshape(len(answers), -1)
    return (apart**2).mean(-1)
