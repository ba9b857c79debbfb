"""Quantization-aware training: a network learns to compute with the 8 bits its files will have.

`zoo.qat.graph` flattens a Keras model, `zoo.qat.lowering` says what each operation does to a
range, `zoo.qat.network` builds the twin that rounds as the files do, `zoo.qat.layers` are its
layers, and `zoo.qat.distillation` trains it to answer as the network it was made from.
"""
