"""Quantization-aware training for 8-bit files.

`graph` flattens a Keras model, `lowering` defines what each operation does to a range, `network`
builds the twin that rounds as the files do, `layers` are its layers, and `distillation` trains it
to reproduce the outputs of the network it was made from.
"""
