"""Fine-tuning, quantization-aware training, distillation, pruning."""
