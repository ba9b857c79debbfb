// Stands for a runtime: what a program hands over is kept in received.bin, and the answers come
// from answers.bin, which the test wrote. So the program's own work is seen.
#pragma once
#include <cstdio>
#include <cstdlib>
#include <vector>

namespace replay {

inline std::size_t Bytes(const char* name) { return std::strtoul(std::getenv(name), nullptr, 10); }

class Tensors {
 public:
  Tensors() : input(Bytes("INPUT_BYTES")), output(Bytes("OUTPUT_BYTES")) {}

  bool Answer() {
    std::FILE* received = std::fopen("received.bin", "ab");
    std::fwrite(input.data(), 1, input.size(), received);
    std::fclose(received);
    std::FILE* answers = std::fopen("answers.bin", "rb");
    std::fseek(answers, static_cast<long>(output.size() * count_++), SEEK_SET);
    const bool complete = std::fread(output.data(), 1, output.size(), answers) == output.size();
    std::fclose(answers);
    return complete;
  }

  void Reset() {
    std::FILE* resets = std::fopen("resets.bin", "ab");
    std::fputc('r', resets);
    std::fclose(resets);
  }

  std::vector<char> input, output;

 private:
  std::size_t count_ = 0;
};

}  // namespace replay
