"""The licence file of a bundle."""

from __future__ import annotations

from zoo.artifacts.artifact import Manifest

_UNKNOWN = ("", "unknown")


def licence_text(manifest: Manifest) -> str:
    """``LICENSE.txt``: the licences of weights and data, from the card.

    A licence is given by its SPDX identifier and the address of its text: a text copied by a
    program may be another version than the one the publisher means.
    """
    licence, data = manifest.licence, manifest.dataset
    known = licence not in _UNKNOWN
    lines = [
        f"The weights of {manifest.model_id}",
        f"SPDX-License-Identifier: {licence}" if known else "Their licence is not known.",
        f"Text: https://spdx.org/licenses/{licence}.html"
        if known and licence.replace("-", "").replace(".", "").isalnum()
        else "Ask whoever published them before you pass them on."
        if not known
        else "",
        "Said by: the card of the weights, from which the manifest in the model has it.",
        "",
        f"They were {'trained' if manifest.network is None else 'judged'} on {data.name}"
        + (f" ({data.licence})" if data.licence not in _UNKNOWN else ", whose licence is not known")
        + f", content hash {data.content_hash}.",
        "",
        "The programs in this folder were written by edgezoo and are under Apache-2.0:",
        "https://www.apache.org/licenses/LICENSE-2.0",
    ]
    return "\n".join(lines) + "\n"
