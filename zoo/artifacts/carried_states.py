"""The check of a file's states: what is carried from output to input fits on both sides."""

from __future__ import annotations

from zoo.contracts import Check, FileContents, Preprocessing


def carried_states(contents: FileContents, preprocessing: Preprocessing) -> Check | None:
    """Whether each state is an output and an input of one shape and type; None without states."""
    if not preprocessing.states:
        return None
    inputs, outputs = (
        {one.name: (one.shape[1:], one.dtype) for one in side}
        for side in (contents.inputs, contents.outputs)
    )
    shapes = {part.called: part.input_shape for part in preprocessing.parts}
    wrong = [
        f"{state.output} is {outputs.get(state.output, 'not there')}, "
        f"{state.input} is {inputs.get(state.input, 'not there')}"
        for state in preprocessing.states
        if state.input not in inputs
        or inputs[state.input] != outputs.get(state.output)
        or inputs[state.input][0] != shapes.get(state.input)
    ]
    return Check(
        name="state",
        passed=not wrong,
        value=", ".join(f"{state.output} → {state.input}" for state in preprocessing.states),
        limit="outputs are the inputs of the next step",
        reason=f"what is carried does not fit: {'; '.join(wrong)}" if wrong else "",
    )
