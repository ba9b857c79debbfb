"""Words of other programs for options of ours: what a misspelt name means."""

from __future__ import annotations

from collections.abc import Collection

from zoo.common.errors import nearest

#: Word → names that it may stand for, of which the first that is there is meant. With underscores
#: in the place of hyphens.
_MEANT = {
    "dataset": ("data", "accuracy"),
    "datasets": ("data", "accuracy"),
    "d": ("data", "device"),
    "lr": ("learning_rate",),
    "rate": ("learning_rate",),
    "e": ("epochs",),
    "n_epochs": ("epochs",),
    "num_epochs": ("epochs",),
    "iterations": ("epochs",),
    "steps": ("epochs",),
    "batch": ("batch_size",),
    "bs": ("batch_size", "batch"),
    "b": ("batch_size", "batch"),
    "image_size": ("input_size",),
    "img_size": ("input_size",),
    "imgsz": ("input_size",),
    "resolution": ("input_size",),
    "size": ("input_size", "max_size"),
    "dtype": ("precision",),
    "type": ("precision",),
    "quantize": ("precision",),
    "quantization": ("precision",),
    "quant": ("precision",),
    "int8": ("precision",),
    "half": ("precision",),
    "p": ("precision",),
    "f": ("format",),
    "to": ("format", "output"),
    "out": ("output",),
    "out_dir": ("output",),
    "output_dir": ("output",),
    "outdir": ("output",),
    "o": ("output",),
    "project": ("output",),
    "folder": ("output",),
    "dest": ("output",),
    "verbose": ("progress",),
    "quiet": ("progress",),
    "callback": ("on_step",),
    "callbacks": ("on_step",),
    "config": ("recipe",),
    "cfg": ("recipe",),
    "c": ("recipe",),
    "gpu": ("device",),
    "cuda": ("device",),
    "num_threads": ("threads",),
    "workers": ("threads",),
    "t": ("threads",),
    "top_k": ("top",),
    "topk": ("top",),
    "k": ("top",),
    "labels": ("classes",),
    "names": ("classes",),
    "baseline": ("against",),
    "reference": ("against", "reference"),
    "random_state": ("seed",),
    "random_seed": ("seed",),
    "max_memory": ("memory_limit",),
    "timeout": ("time_limit", "budget_time"),
    "page": ("html",),
}


def meant_options(name: str, known: Collection[str], count: int = 3) -> list[str]:
    """The known names that a word means, or is most like, best first; empty where none is.

    Args:
        name: As typed, without hyphens before it.
        known: The names that there are, with underscores.
        count: How many names at most.
    """
    word = name.replace("-", "_").lower()
    for one in (word, word.removesuffix("s")):
        if found := [option for option in _MEANT.get(one, ()) if option in known]:
            return found[:1]
    return nearest(word, known, count)
