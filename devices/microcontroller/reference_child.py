"""A program: what LiteRT's reference kernels answer.

``python -m zoo.devices.microcontroller.reference_child FILE INPUTS.npy`` prints the outputs, flat,
as JSON. These
are the kernels that TensorFlow Lite Micro's are made from; LiteRT's fast ones round otherwise.
"""

from __future__ import annotations

import json
import sys


def main(model: str, inputs: str) -> None:
    """Answers each input from a fresh state."""
    import numpy as np
    from ai_edge_litert import interpreter as litert

    interpreter = litert.Interpreter(
        model_path=model, experimental_op_resolver_type=litert.OpResolverType.BUILTIN_REF
    )
    interpreter.allocate_tensors()
    (given, *_), (answer, *_) = interpreter.get_input_details(), interpreter.get_output_details()
    answers = []
    for values in np.load(inputs, allow_pickle=False):
        interpreter.reset_all_variables()
        interpreter.set_tensor(given["index"], values)
        interpreter.invoke()
        answers.append(interpreter.get_tensor(answer["index"]).reshape(-1).tolist())
    print(json.dumps(answers))


if __name__ == "__main__":
    main(*sys.argv[1:])
