"""Quantization-aware training: a network learns to compute with the 8 bits its files will have.

`zoo.training.qat.graph` flattens a Keras model, `zoo.training.qat.lowering` says what each operation does to a
range, `zoo.training.qat.network` builds the twin that rounds as the files do, `zoo.training.qat.layers` are its
layers, and `zoo.training.qat.distillation` trains it to answer as the network it was made from.
"""
