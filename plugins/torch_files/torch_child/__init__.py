"""A program of PyTorch's environment: opens networks, exports them as ONNX files, and answers.

It imports nothing of the zoo, and is copied nowhere: the environment's Python runs it from here.
"""
