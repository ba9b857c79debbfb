"""Imported once by the fork server, so that each child starts with everything in memory."""

from __future__ import annotations

import os

# TensorFlow writes to the error stream before it can be told not to. Children get streams of
# their own; this process has nothing to say.
_NOWHERE = os.open(os.devnull, os.O_WRONLY)
os.dup2(_NOWHERE, 2)

import keras  # noqa: E402, F401
import tensorflow  # noqa: E402, F401

import zoo.pipeline.steps.evaluate  # noqa: E402
import zoo.pipeline.steps.export  # noqa: E402
import zoo.pipeline.steps.finetune  # noqa: E402, F401
