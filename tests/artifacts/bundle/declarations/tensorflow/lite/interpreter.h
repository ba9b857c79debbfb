#pragma once
#include "replay.h"

enum TfLiteStatus { kTfLiteOk = 0, kTfLiteError = 1 };

namespace tflite {

class Interpreter {
 public:
  TfLiteStatus AllocateTensors() { return kTfLiteOk; }
  TfLiteStatus Invoke() { return tensors_.Answer() ? kTfLiteOk : kTfLiteError; }
  TfLiteStatus ResetVariableTensors() { return tensors_.Reset(), kTfLiteOk; }
  template <typename T>
  T* typed_input_tensor(int) {
    return reinterpret_cast<T*>(tensors_.input.data());
  }
  template <typename T>
  T* typed_output_tensor(int) {
    return reinterpret_cast<T*>(tensors_.output.data());
  }

 private:
  replay::Tensors tensors_;
};

}  // namespace tflite
