#pragma once
#include <cstdint>
#include <cstdlib>
#include <cstring>
#include <stdexcept>
#include <utility>

#include "replay.h"

enum OrtAllocatorType { OrtArenaAllocator };
enum OrtMemType { OrtMemTypeDefault };
enum OrtLoggingLevel { ORT_LOGGING_LEVEL_WARNING };

namespace Ort {

struct Env {
  Env(OrtLoggingLevel, const char*) {
    // The real one starts its uploader here unless this is set.
    if (!std::getenv("ORT_DISABLE_TELEMETRY")) throw std::runtime_error("telemetry");
  }
  Env& DisableTelemetryEvents() { return *this; }
};
struct SessionOptions {};
struct RunOptions {
  explicit RunOptions(std::nullptr_t) {}
};
struct MemoryInfo {
  static MemoryInfo CreateCpu(OrtAllocatorType, OrtMemType) { return {}; }
};

struct Value {
  template <typename T>
  static Value CreateTensor(const MemoryInfo&, T* data, std::size_t count, const std::int64_t*,
                            std::size_t) {
    Value value;
    value.bytes.resize(count * sizeof(T));
    std::memcpy(value.bytes.data(), data, value.bytes.size());
    return value;
  }
  template <typename T>
  T* GetTensorMutableData() {
    return reinterpret_cast<T*>(bytes.data());
  }
  std::vector<char> bytes;
};

class Session {
 public:
  Session(Env&, const char*, const SessionOptions&) {}
  std::vector<Value> Run(const RunOptions&, const char* const*, const Value* input, std::size_t,
                         const char* const*, std::size_t) {
    tensors_.input = input->bytes;
    tensors_.Answer();
    std::vector<Value> outputs(1);
    outputs[0].bytes = tensors_.output;
    return outputs;
  }

 private:
  replay::Tensors tensors_;
};

}  // namespace Ort
