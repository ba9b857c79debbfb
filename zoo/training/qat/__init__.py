"""Quantization-aware training for 8-bit files.

`graph` flattens a Keras model, `lowering` says what each operation does to a range, `network`
builds the twin that rounds as the files do, `layers` are its layers, and `distillation` trains it
to answer as the network it was made from.
"""
