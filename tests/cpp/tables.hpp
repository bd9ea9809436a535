// Decides which kernels a test runs: all that this processor can, the baseline first.
#pragma once

#include <vector>

#include "kernel/table.hpp"

namespace check {

inline std::vector<const riskslide::kernel::Table*> tables() {
  std::vector<const riskslide::kernel::Table*> found{&riskslide::kernel::baseline};
#if defined(RISKSLIDE_X86_KERNELS)
  if (__builtin_cpu_supports("avx2") && __builtin_cpu_supports("fma")) {
    found.push_back(&riskslide::kernel::x86_64_v3);
  }
  if (__builtin_cpu_supports("avx512f") && __builtin_cpu_supports("avx512bw") &&
      __builtin_cpu_supports("avx512cd") && __builtin_cpu_supports("avx512dq") &&
      __builtin_cpu_supports("avx512vl")) {
    found.push_back(&riskslide::kernel::x86_64_v4);
  }
#endif
  return found;
}

}  // namespace check
