// Decides which kernel table this process uses; see runtime.hpp for how to force one.
#include "dispatch.hpp"

#include <cstdlib>
#include <string>

#include "riskslide/runtime.hpp"
#include "riskslide/types.hpp"

namespace riskslide {
namespace {

struct Choice {
  const kernel::Table* table;
  bool runs_here;
};

#if defined(RISKSLIDE_X86_KERNELS)
#if defined(__clang__)  // older ones do not know the levels by name
bool runs_v3() {
  return __builtin_cpu_supports("avx2") != 0 && __builtin_cpu_supports("fma") != 0 &&
         __builtin_cpu_supports("bmi") != 0 && __builtin_cpu_supports("bmi2") != 0;
}
bool runs_v4() {
  return runs_v3() && __builtin_cpu_supports("avx512f") != 0 &&
         __builtin_cpu_supports("avx512bw") != 0 && __builtin_cpu_supports("avx512cd") != 0 &&
         __builtin_cpu_supports("avx512dq") != 0 && __builtin_cpu_supports("avx512vl") != 0;
}
#else
bool runs_v3() { return __builtin_cpu_supports("x86-64-v3") != 0; }
bool runs_v4() { return __builtin_cpu_supports("x86-64-v4") != 0; }
#endif
#endif

// From the most capable to the least.
const Choice* choices(int& count) {
#if defined(RISKSLIDE_X86_KERNELS)
  static const Choice list[] = {
      {&kernel::x86_64_v4, runs_v4()},
      {&kernel::x86_64_v3, runs_v3()},
      {&kernel::baseline, true},
  };
  count = 3;
#else
  static const Choice list[] = {{&kernel::baseline, true}};
  count = 1;
#endif
  return list;
}

const kernel::Table& choose() {
  int count = 0;
  const Choice* list = choices(count);
  const char* forced = std::getenv("RISKSLIDE_ISA");
  std::string known;
  for (int i = 0; i < count; ++i) {
    const bool named =
        forced == nullptr || *forced == '\0' || list[i].table->name == std::string(forced);
    if (named && list[i].runs_here) return *list[i].table;
    if (list[i].runs_here) known += (known.empty() ? "" : ", ") + std::string(list[i].table->name);
  }
  throw InputError("E_ISA", "RISKSLIDE_ISA",
                   "is '" + std::string(forced) + "'; this processor runs " + known);
}

}  // namespace

const kernel::Table& detail::kernels() {
  static const kernel::Table& chosen = choose();
  return chosen;
}

std::string instruction_set() { return detail::kernels().name; }

std::string compiler() {
#if defined(__clang__)
  return "clang " __clang_version__;
#elif defined(__GNUC__)
  return "gcc " __VERSION__;
#elif defined(_MSC_VER)
  return "msvc " + std::to_string(_MSC_VER);
#else
  return "unknown";
#endif
}

}  // namespace riskslide
