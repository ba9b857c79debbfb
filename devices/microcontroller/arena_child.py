"""A program: lets tflite-micro allocate a file's tensors and answer.

``python -m zoo.devices.microcontroller.arena_child FILE INPUTS.npy`` prints the answers, flat, as
JSON; the interpreter prints its report and its complaints to file descriptor 2.
"""

from __future__ import annotations

import json
import sys


def main(model: str, inputs: str) -> None:
    """Answers each input from a fresh state."""
    import numpy as np
    from tflite_micro.python.tflite_micro import runtime

    interpreter = runtime.Interpreter.from_file(model)
    interpreter.print_allocations()
    answers = []
    for values in np.load(inputs, allow_pickle=False):
        interpreter.reset()
        interpreter.set_input(values, 0)
        interpreter.invoke()
        answers.append(interpreter.get_output(0).reshape(-1).tolist())
    print(json.dumps(answers))


if __name__ == "__main__":
    main(*sys.argv[1:])
