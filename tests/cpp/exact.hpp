// Decides what an elementary function is exactly, and how many units in the last place a computed
// one is off: by MPFR where the build found it, else by long double (64 bits on x86, 53 on some
// machines, where the figures then say little).
#pragma once

#include <cmath>
#include <limits>

#if defined(RISKSLIDE_MPFR)
#include "real.hpp"
#endif

namespace check {

inline constexpr double infinity = std::numeric_limits<double>::infinity();

#if defined(RISKSLIDE_MPFR)
using Number = Real;
inline constexpr int exact_bits = 128;
inline void prepare_exact() { Real::precision(exact_bits); }
inline const Number& root_2() {
  static const Number value = sqrt(Real(2.0));
  return value;
}
inline const Number& root_2pi() {
  static const Number value = sqrt(Real(2.0) * Real::pi());
  return value;
}
#else
using Number = long double;
inline constexpr int exact_bits = std::numeric_limits<long double>::digits;
inline void prepare_exact() {}
inline Number root_2() { return 1.4142135623730950488016887242097L; }
inline Number root_2pi() { return 2.5066282746310005024157652848110L; }
using std::erf;
using std::erfc;
using std::exp;
using std::log;
using std::pow;
#endif

namespace exact {

inline Number exponential(double x) { return exp(Number(x)); }

inline Number power(double x, double y) { return pow(Number(x), Number(y)); }

#if defined(RISKSLIDE_MPFR)
inline Number log_ratio(double a, double b) { return log(Number(a) / Number(b)); }

inline Number normal_tail(double x) { return erfc(Number(x) / root_2()) / Number(2.0); }

inline Number density(double x) { return exp(Number(-0.5) * x * x) / root_2pi(); }

inline Number mills(double x) { return normal_tail(x) / density(x); }
#else
// a - b is exact where they are close, so that nothing is lost there.
inline Number log_ratio(double a, double b) {
  const Number x = a, y = b;
  return a > 0.5 * b && a < 2 * b ? std::log1p((x - y) / y) : log(x / y);
}

// By the complementary error function near 0, by its continued fraction elsewhere, whose terms are
// all positive and lose nothing.
inline Number mills(double x) {
  const Number z = x;
  if (x < 2) return root_2pi() / 2 * exp(z * z / 2) * erfc(z / root_2());
  Number tail = z;
  for (int n = x < 6 ? 600 : 120; n > 0; --n) tail = z + static_cast<Number>(n) / tail;
  return 1 / tail;
}

// x is cut in two, so that the squares under the exponential are exact.
inline Number density(double x) {
  const auto head = static_cast<Number>(static_cast<float>(x));
  const Number rest = x - head;
  return exp(-head * head / 2) * exp(-rest * (head + x) / 2) / root_2pi();
}

inline Number normal_tail(double x) { return x < 0 ? 1 - normal_tail(-x) : mills(x) * density(x); }
#endif

}  // namespace exact

/// Size of the last place of a number; that of the smallest normal one below it.
inline double last_place(double x) {
  const int exponent = x == 0 ? -1022 : std::ilogb(x);
  return std::ldexp(1.0, (exponent < -1022 ? -1022 : exponent) - 52);
}

/// Distance to the exact value in units in the last place of that value.
inline double ulps(double found, const Number& exact) {
  const auto rounded = static_cast<double>(exact);
  if (rounded == 0 || std::isinf(rounded)) return found == rounded ? 0 : infinity;
  if (!std::isfinite(found)) return infinity;
  return std::fabs(static_cast<double>((Number(found) - exact) / Number(last_place(rounded))));
}

/// Distance of x to the point where the normal distribution is p, in units in the last place of x:
/// what the distribution misses there over its density.
inline double inverse_ulps(double p, double x) {
  if (!std::isfinite(x)) return infinity;
  if (p == 0.5 || x == 0) return p == 0.5 && x == 0 ? 0 : infinity;
  const bool upper = p > 0.5;
  if ((x > 0) != upper) return infinity;
  const double size = std::fabs(x);
  const bool central = p > 0.05 && p < 0.95;
  const Number half = Number(0.5);
  const Number reached = central ? erf(Number(size) / root_2()) * half : exact::normal_tail(size);
  const Number tail = upper ? Number(1.0) - Number(p) : Number(p);
  const Number missed = reached - (central ? half - tail : tail);
  return std::fabs(static_cast<double>(missed / exact::density(size) / Number(last_place(size))));
}

}  // namespace check
