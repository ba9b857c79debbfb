"""Quantization-aware training: a network learns to compute with the 8 bits its files will have.

`graph` flattens a Keras model, `lowering` says what each operation does to a range, `network`
builds the twin that rounds as the files do, `layers` are its layers, and `distillation` trains it
to answer as the network it was made from.
"""
