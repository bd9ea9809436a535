// Decides exponential and logarithms in double, for loops which the compiler vectorises.
//
// Each is branch-free, calls nothing but std::fma and writes every fused multiply-add out, so with
// -ffp-contract=off all the instruction sets give the same bits.  They have
// internal linkage, so that the linker never merges code built for different instruction sets.
//
// tools/fit_functions.py prints every table here.  The errors stated are the largest found over the
// points named, in units in the last place of the exact value: measurements, not bounds.
// tests/cpp/test_functions.cpp repeats them against MPFR with any number of points.
#pragma once

#include <cmath>
#include <cstdint>

namespace riskslide::kernel {
namespace {

constexpr double inv_sqrt_2pi = 0x1.9884533d43651p-2;
constexpr double ln2_high = 0x1.62e42fefa3p-1;  // k * ln2_high is exact for |k| < 2^12
constexpr double ln2_low = 0x1.3de6af278ece6p-42;

// (e^r - 1 - r) / r^2 for |r| <= ln(2) / 2.
[[maybe_unused, gnu::always_inline]] inline double exp_series(double r) noexcept {
  double p = 0x1.ad7f6bf63e5b4p-26;
  p = std::fma(p, r, 0x1.28ad72d2ab7bdp-22);
  p = std::fma(p, r, 0x1.71df255414fdp-19);
  p = std::fma(p, r, 0x1.a0199a0c6052p-16);
  p = std::fma(p, r, 0x1.a01a012a56eaep-13);
  p = std::fma(p, r, 0x1.6c16c1842a146p-10);
  p = std::fma(p, r, 0x1.1111111127be7p-7);
  p = std::fma(p, r, 0x1.555555555087cp-5);
  p = std::fma(p, r, 0x1.55555555554fap-3);
  p = std::fma(p, r, 0x1.000000000000ap-1);
  return p;
}

// e^x for x in [-690, 709.78].  Exactly 0 below -690, +inf from where the result overflows,
// exactly 1 at 0; NaN without a payload stays NaN.
// Largest error found: 0.71 ULP over 26 million points (uniform, any bits, tiny, near k ln2 / 2).
[[maybe_unused, gnu::always_inline]] inline double exp_flushed(double x) noexcept {
  constexpr double log2_e = 0x1.71547652b82fep+0;
  constexpr double round_to_int = 0x1.8p52;  // its low bits then hold the integer
  constexpr double lowest = -690.0;
  constexpr double highest = 0x1.62e42fefa39efp+9;  // e^highest is finite, the next is not

  // x = k ln2 + r; `reduced` is exact, r carries the low part of ln2 as well.
  const double shifted = std::fma(x, log2_e, round_to_int);
  const double k = shifted - round_to_int;
  const double reduced = std::fma(-k, ln2_high, x);
  const double r = std::fma(-k, ln2_low, reduced);

  // 1 + r + r^2 p, with the rounding of 1 + reduced put back.
  const double sum = 1.0 + reduced;
  const double lost = std::fma(-k, ln2_low, reduced - (sum - 1.0));
  const double mantissa = sum + std::fma(r * r, exp_series(r), lost);

  // times 2^k: k into the exponent (mantissa < 1 where k is 1024, up to `highest`)
  const std::uint64_t bits = __builtin_bit_cast(std::uint64_t, mantissa) +
                             (__builtin_bit_cast(std::uint64_t, shifted) << 52);
  const double value = __builtin_bit_cast(double, bits);
  const double flushed = x < lowest ? 0.0 : value;
  return x > highest ? __builtin_inf() : flushed;
}

// A number as the unevaluated sum of two: `low` is below a unit in the last place of `high`.
struct Pair {
  double high, low;
};

// The exact sum of a and b (Knuth's two-sum).
[[maybe_unused, gnu::always_inline]] inline Pair exact_sum(double a, double b) noexcept {
  const double high = a + b;
  const double back = high - a;
  return {high, (a - (high - back)) + (b - back)};
}

// a / b = 2^k u / v with u / v in [2/3, 3/2]: what log_ratio needs of its arguments.
struct Ratio {
  double k, difference;       // u - v, exact
  double middle, middle_low;  // (u + v) / 2
};

// For normal positive a and b; see log_ratio for anything else.
[[maybe_unused, gnu::always_inline]] inline Ratio reduced_ratio(double a, double b) noexcept {
  constexpr std::uint64_t mantissa_mask = 0x000fffffffffffff;
  constexpr std::uint64_t one_bits = 0x3ff0000000000000;   // 1.0
  constexpr std::uint64_t half_step = 0x0008000000000000;  // half of an exponent step
  constexpr std::uint64_t bias = 0x8000000000000000;       // 2048 exponent steps
  constexpr std::uint64_t int_bits = 0x4330000000000000;   // 2^52, its low bits an integer
  constexpr double int_bias = 0x1p52 + 2048.0;

  // v in [1, 2): k is the difference of the bit patterns to the nearest whole exponent step.
  const std::uint64_t a_bits = __builtin_bit_cast(std::uint64_t, a);
  const std::uint64_t b_bits = __builtin_bit_cast(std::uint64_t, b);
  const std::uint64_t step = a_bits - b_bits + (bias + half_step);
  const double k = __builtin_bit_cast(double, (step >> 52) | int_bits) - int_bias;
  const std::uint64_t v_bits = (b_bits & mantissa_mask) | one_bits;
  const std::uint64_t u_bits = v_bits + (step & mantissa_mask) - half_step;
  const double u = __builtin_bit_cast(double, u_bits);
  const double v = __builtin_bit_cast(double, v_bits);
  const double difference = u - v;
  const double middle = std::fma(0.5, difference, v);
  return {k, difference, middle, std::fma(0.5, difference, v - middle)};
}

// The logarithm of a ratio as a pair; `inverse` is 1 / r.middle, within a few ULP.
// high is log_ratio, low what it lacks: together about 2^-60 of the logarithm.
[[maybe_unused, gnu::always_inline]] inline Pair log_pair(const Ratio& r, double inverse) noexcept {
  // ln(u / v) = 2 atanh(z / 2), z = difference / middle; z_low is what z lacks of the quotient.
  const double z = r.difference * inverse;
  const double remainder = std::fma(-z, r.middle_low, std::fma(-z, r.middle, r.difference));
  const double z_low = remainder * inverse;

  const double w = z * z;
  double p = 0x1.3ab8c0d8d6092p-18;
  p = std::fma(p, w, 0x1.385393815df61p-16);
  p = std::fma(p, w, 0x1.7474d8af6152fp-14);
  p = std::fma(p, w, 0x1.c71c01a7cad2p-12);
  p = std::fma(p, w, 0x1.249249b1afdfbp-9);
  p = std::fma(p, w, 0x1.99999998f1753p-7);
  p = std::fma(p, w, 0x1.5555555555773p-4);

  // k ln2 + z + z w p, with the rounding of the leading sum put back.
  const double exponent = r.k * ln2_high;
  const double sum = exponent + z;
  const double lost = z - (sum - exponent);
  const double tail = lost + std::fma(z * w, p, std::fma(r.k, ln2_low, z_low));
  const double high = sum + tail;
  return {high, tail - (high - sum)};
}

// ln(a / b) for normal positive a and b, with full relative accuracy for a close to b; exactly 0
// where a == b.  Anything else gives a finite number without meaning: a denormal or 0 with
// fraction bits m is read as (1 + m) 2^-1023, inf as 2^1024; no input gives NaN.
// Largest error found: 0.68 ULP over 18 million pairs (any normals, ratios near 1, 3/2 and 2^k);
// without z_low, which carries the rounding of the quotient, it is 2.0 ULP.
[[maybe_unused, gnu::always_inline]] inline double log_ratio(double a, double b) noexcept {
  const Ratio r = reduced_ratio(a, b);
  return log_pair(r, 1.0 / r.middle).high;
}

}  // namespace
}  // namespace riskslide::kernel
