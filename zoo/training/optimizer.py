"""Optimizers of training; AdamW fused per variable, with learning rates by variable."""

from __future__ import annotations

from collections.abc import Iterable
from functools import cache
from typing import Any

from zoo.common.optional_imports import require
from zoo.contracts.training import Training

WARM_UP_SHARE = 0.1
#: Of what is not decayed (He et al. 2019, "Bag of tricks"): biases, scales of normalizations.
_NOT_DECAYED = ["bias", "gamma", "beta"]


def optimizer_for(options: Training, steps: int) -> Any:
    """The Keras optimizer of a training with its schedule.

    Args:
        options: Of the training.
        steps: Of the whole training.
    """
    keras = require("keras")
    warm_up = int(max(1, steps) * WARM_UP_SHARE)
    schedule = keras.optimizers.schedules.CosineDecay(
        initial_learning_rate=options.learning_rate / 20,
        decay_steps=max(1, max(1, steps) - warm_up),
        # A cosine that ends where it begins is constant.
        alpha=1.0 if options.schedule == "constant" else 0.0,
        warmup_target=options.learning_rate,
        warmup_steps=warm_up,
    )
    if options.optimizer == "adamw":
        return adamw(schedule, options.weight_decay)
    decay = options.weight_decay or None
    made = keras.optimizers.SGD(schedule, momentum=0.9, nesterov=True, weight_decay=decay)
    made.exclude_from_weight_decay(var_names=_NOT_DECAYED)
    return made


def adamw(schedule: Any, weight_decay: float) -> Any:
    """AdamW (Loshchilov & Hutter 2019), as of `keras.optimizers`, in fewer operations.

    Keras writes each step as a dozen operations per variable and evaluates the schedule anew for
    each that decays; small networks spend as long there as in their layers. Here TensorFlow's
    fused kernel takes the step, and the schedule is evaluated once.

    Args:
        schedule: A Keras learning-rate schedule, or a number.
        weight_decay: Decoupled; biases and the scales of normalizations are not decayed
            (He et al. 2019, "Bag of tricks").

    Returns:
        A `keras.optimizers.AdamW`; its ``set_rates`` takes what `set_rates` here describes.
    """
    optimizer = _class()(schedule, weight_decay=weight_decay)
    optimizer.exclude_from_weight_decay(var_names=_NOT_DECAYED)
    return optimizer


@cache
def _class() -> type[Any]:
    keras, tf = require("keras"), require("tensorflow")

    base: Any = keras.optimizers.AdamW

    class FusedAdamW(base):  # type: ignore[misc]
        """See `adamw`."""

        def set_rates(self, rates: Iterable[tuple[Any, float, int]]) -> None:
            """Gives variables rates of their own; call it after ``build``.

            Args:
                rates: Variable, factor of the learning rate, and the number of steps that had
                    been made when it was thawed: its averages start from zero then, which Adam
                    corrects for by counting steps.
            """
            self._rates = {
                self._get_variable_index(variable): (factor, start)
                for variable, factor, start in rates
            }

        def _apply_weight_decay(self, variables: Any) -> None:
            """Done together with the step, below."""

        def _backend_update_step(self, grads: Any, trainable_variables: Any, rate: Any) -> None:
            rate = tf.cast(rate, tf.float32)
            steps = tf.cast(self.iterations.value, tf.float32) + 1.0
            powers: dict[int, tuple[Any, Any]] = {}
            rates = getattr(self, "_rates", {})
            indices = [self._get_variable_index(variable) for variable in trainable_variables]
            # An embedding's gradient comes as rows; Keras' own Adam makes it dense, too.
            dense = [tf.convert_to_tensor(gradient) for gradient in grads]
            divided = tf.distribute.get_strategy().num_replicas_in_sync > 1
            if divided:
                # Each accelerator has the gradient of its part of the batch, and takes the sum.
                pairs = self._all_reduce_sum_gradients(zip(dense, indices, strict=True))
                dense = [gradient for gradient, _ in pairs]
            made = []
            for index, gradient in zip(indices, dense, strict=True):
                factor, start = rates.get(index, (1.0, 0))
                if start not in powers:
                    own = steps - float(start)
                    powers[start] = tf.pow(self.beta_1, own), tf.pow(self.beta_2, own)
                own_rate = rate if factor == 1.0 else rate * factor
                made.append((index, gradient, own_rate, *powers[start]))
            if divided:
                merge = tf.__internal__.distribute.interim.maybe_merge_call
                merge(self._step_copies, self._distribution_strategy, made)
                return
            for index, *given in made:
                self._step(*self._values_of(index), *given, decays=self._decays(index))

        def _step_copies(self, strategy: Any, made: Any) -> None:
            """Takes the step of every copy of each variable."""
            for index, *given in made:
                value, *averages = self._values_of(index)
                strategy.extended.update(
                    value,
                    self._step,
                    args=(*averages, *given),
                    kwargs={"decays": self._decays(index)},
                    group=False,
                )

        def _values_of(self, index: int) -> tuple[Any, Any, Any]:
            variable = self._trainable_variables[index]
            value = variable.value if isinstance(variable, keras.Variable) else variable
            return value, self._momentums[index].value, self._velocities[index].value

        def _decays(self, index: int) -> bool:
            variable = self._trainable_variables[index]
            return bool(self.weight_decay and self._use_weight_decay(variable))

        def _step(
            self,
            value: Any,
            mean: Any,
            square: Any,
            gradient: Any,
            rate: Any,
            power_1: Any,
            power_2: Any,
            *,
            decays: bool,
        ) -> None:
            if decays:
                value.assign_sub(value * tf.cast(rate * self.weight_decay, value.dtype))
            numbers = {
                "beta1_power": power_1,
                "beta2_power": power_2,
                "lr": rate,
                "beta1": self.beta_1,
                "beta2": self.beta_2,
                "epsilon": self.epsilon,
            }
            tf.raw_ops.ResourceApplyAdam(
                var=value.handle,
                m=mean.handle,
                v=square.handle,
                grad=tf.cast(gradient, value.dtype),
                **{name: tf.cast(number, value.dtype) for name, number in numbers.items()},
            )

    return FusedAdamW
