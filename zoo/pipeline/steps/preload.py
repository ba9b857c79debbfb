"""Imported once by the fork server, so that each child starts with everything in memory."""

from __future__ import annotations

import gc
import os
import sys

# TensorFlow writes to the error stream before it can be told not to. Children get streams of
# their own; this process has nothing to say.
_NOWHERE = os.open(os.devnull, os.O_WRONLY)
os.dup2(_NOWHERE, 2)

#: What Keras imports where it happens to be installed, for pictures of networks, wrappers and
#: tables that no step makes: a third of the time of all imports. Who needs one imports it then.
_NEEDLESS = ("IPython", "matplotlib", "pandas", "sklearn")
_HIDDEN = [name for name in _NEEDLESS if name not in sys.modules]
sys.modules.update(dict.fromkeys(_HIDDEN))  # type: ignore[arg-type]

# What imports make stays. Looking for garbage in it takes a fifth of the time of all imports, and
# later a fifth of a second of a child whenever a converter asks for that.
gc.disable()
try:
    import keras  # noqa: F401
    import tensorflow  # noqa: F401

    for _name in _HIDDEN:
        del sys.modules[_name]

    import zoo.pipeline.steps.evaluate
    import zoo.pipeline.steps.export
    import zoo.pipeline.steps.finetune  # noqa: F401
finally:
    gc.freeze()
    gc.enable()
