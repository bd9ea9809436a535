// Decides how a test reports: every failed claim with its place and figures, then one exit code.
#pragma once

#include <cstdint>
#include <cstdio>
#include <random>
#include <string>
#include <vector>

#include "riskslide/types.hpp"

namespace check {

inline int claims = 0;
inline int failures = 0;

inline void that(bool holds, const char* claim, const char* file, int line,
                 const char* figures = "") {
  ++claims;
  if (holds) return;
  if (++failures <= 20) {
    std::printf("%s:%d: not so: %s %s\n", file, line, claim, figures);
  }
}

inline void near(double found, double wanted, double tolerance, const char* claim, const char* file,
                 int line) {
  const double error = found > wanted ? found - wanted : wanted - found;
  char figures[128];
  std::snprintf(figures, sizeof figures, "(%.17g, wanted %.17g within %g)", found, wanted,
                tolerance);
  that(found == wanted || error <= tolerance, claim, file, line, figures);
}

/// True if `act` throws InputError of this code, argument and row.
template <class Act>
void refused(const char* code, const char* argument, std::int64_t row, Act act, const char* claim,
             const char* file, int line) {
  try {
    act();
  } catch (const riskslide::InputError& error) {
    const std::string figures = error.code() + " " + error.what();
    that(error.code() == code && error.argument() == argument && error.row() == row, claim, file,
         line, figures.c_str());
    return;
  }
  that(false, claim, file, line, "(nothing was refused)");
}

/// Random numbers that are the same on every machine: the standard's distributions are not.
class Random {
 public:
  explicit Random(std::uint64_t seed) : engine_(seed) {}

  std::uint64_t bits() { return engine_(); }
  double uniform(double from, double to) {
    return from + (to - from) * (static_cast<double>(engine_() >> 11) * 0x1p-53);
  }
  std::int64_t whole(std::int64_t from, std::int64_t to) {
    return from + static_cast<std::int64_t>(engine_() % static_cast<std::uint64_t>(to - from + 1));
  }
  std::vector<double> column(std::size_t size, double from, double to) {
    std::vector<double> out(size);
    for (double& x : out) x = uniform(from, to);
    return out;
  }

 private:
  std::mt19937_64 engine_;
};

/// What `main` returns: 0 if every claim held.
inline int done(const char* name) {
  std::printf("%s: %d claims, %d failed\n", name, claims, failures);
  return failures == 0 ? 0 : 1;
}

}  // namespace check

#define CHECK(claim) check::that((claim), #claim, __FILE__, __LINE__)
#define CHECK_NEAR(found, wanted, tolerance) \
  check::near((found), (wanted), (tolerance), #found " = " #wanted, __FILE__, __LINE__)
#define CHECK_SAME(found, wanted) CHECK_NEAR(found, wanted, 0.0)
#define CHECK_REFUSED(code, argument, row, act) \
  check::refused(                               \
      code, argument, row, [&] { act; }, "refused: " code " " argument, __FILE__, __LINE__)
