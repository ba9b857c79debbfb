"""Choice of the limits of logits.

Logits that become probabilities may be cut off where these are next to one or next to nothing.
Their full range in 256 levels leaves steps so wide that two classes that are nearly as likely often
fall on one level: in small classifiers this changes more first choices than all roundings before.
"""

from __future__ import annotations

from typing import Any

from zoo.training.qat.layers import quantization_parameters

#: Shares of the full range on either side that are tried; of equals the widest is taken.
_SHARES = tuple(share / 16 for share in range(16, 1, -1))


def best_limits(logits: Any) -> tuple[float, float]:
    """The limits with which rounded logits give the probabilities of the real ones.

    Args:
        logits: float32, (…, classes), of inputs that the network was not trained on.

    Returns:
        Those with the least Kullback-Leibler divergence among shares of the full range.
    """
    import numpy as np

    flat = logits.reshape(-1, logits.shape[-1]).astype(np.float64)
    wanted = _log_softmax(flat)
    low, high = min(float(flat.min()), 0.0), max(float(flat.max()), 0.0)

    def divergence(limits: tuple[float, float]) -> float:
        found = _log_softmax(_rounded(flat, *limits))
        return float((np.exp(wanted) * (wanted - found)).sum(axis=-1).mean())

    tried = [(low * a, high * b) for a in _SHARES for b in _SHARES if low * a < high * b]
    return min(tried, key=divergence, default=(low, high))


def _rounded(values: Any, low: float, high: float) -> Any:
    import numpy as np

    scale, zero = quantization_parameters(low, high)
    return (np.clip(np.rint(values / scale) + zero, 0, 255) - zero) * scale


def _log_softmax(logits: Any) -> Any:
    import numpy as np

    shifted = logits - logits.max(axis=-1, keepdims=True)
    return shifted - np.log(np.exp(shifted).sum(axis=-1, keepdims=True))
