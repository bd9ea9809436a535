// Decides arithmetic and two functions of numbers held as the sum of two doubles (Pair), for what
// loses digits in one: about 100 bits in the operations, 60 or more in the functions.
#pragma once

#include "kernel/functions.hpp"

namespace riskslide::kernel {
namespace {

[[maybe_unused, gnu::always_inline]] inline Pair normalised(double high, double low) noexcept {
  const double sum = high + low;  // |low| <= |high|
  return {sum, low - (sum - high)};
}

[[maybe_unused, gnu::always_inline]] inline Pair negative(Pair a) noexcept {
  return {-a.high, -a.low};
}

[[maybe_unused, gnu::always_inline]] inline Pair sum_of(Pair a, Pair b) noexcept {
  const Pair high = exact_sum(a.high, b.high);
  return normalised(high.high, high.low + (a.low + b.low));
}

[[maybe_unused, gnu::always_inline]] inline Pair product_of(double a, double b) noexcept {
  const double high = a * b;
  return {high, std::fma(a, b, -high)};
}

[[maybe_unused, gnu::always_inline]] inline Pair product_of(Pair a, Pair b) noexcept {
  const Pair high = product_of(a.high, b.high);
  return normalised(high.high, high.low + std::fma(a.high, b.low, a.low * b.high));
}

/// a / b; `inverse` is 1 / b within a few ULP.
[[maybe_unused, gnu::always_inline]] inline Pair quotient_of(Pair a, Pair b,
                                                             double inverse) noexcept {
  const double high = a.high * inverse;
  const double rest = std::fma(-high, b.high, a.high) + std::fma(-high, b.low, a.low);
  return normalised(high, rest * inverse);
}

[[maybe_unused, gnu::always_inline]] inline Pair chosen(bool first, Pair a, Pair b) noexcept {
  return {first ? a.high : b.high, first ? a.low : b.low};
}

// e^(x.high + x.low) for x.high within +-690, by the series of the exponential to r^15; its leading
// terms 1 + r + r^2 / 2 carry their roundings along.
// Largest error found: EXP_ERROR.
[[maybe_unused, gnu::always_inline]] inline Pair exp_pair(Pair x) noexcept {
  constexpr double log2_e = 0x1.71547652b82fep+0;
  constexpr double round_to_int = 0x1.8p52;
  constexpr std::uint64_t one_bits = 0x3ff0000000000000;
  const double shifted = std::fma(x.high, log2_e, round_to_int);
  const double k = shifted - round_to_int;
  const Pair r = exact_sum(std::fma(-k, ln2_high, x.high), std::fma(-k, ln2_low, x.low));

  double tail = 1.0 / 1307674368000.0;
  tail = std::fma(tail, r.high, 1.0 / 87178291200.0);
  tail = std::fma(tail, r.high, 1.0 / 6227020800.0);
  tail = std::fma(tail, r.high, 1.0 / 479001600.0);
  tail = std::fma(tail, r.high, 1.0 / 39916800.0);
  tail = std::fma(tail, r.high, 1.0 / 3628800.0);
  tail = std::fma(tail, r.high, 1.0 / 362880.0);
  tail = std::fma(tail, r.high, 1.0 / 40320.0);
  tail = std::fma(tail, r.high, 1.0 / 5040.0);
  tail = std::fma(tail, r.high, 1.0 / 720.0);
  tail = std::fma(tail, r.high, 1.0 / 120.0);
  tail = std::fma(tail, r.high, 1.0 / 24.0);
  tail = std::fma(tail, r.high, 1.0 / 6.0);
  const Pair square = product_of(r, r);
  const Pair second = sum_of(r, {0.5 * square.high, 0.5 * square.low});
  const Pair mantissa = sum_of({1.0, 0.0}, sum_of(second, {square.high * r.high * tail, 0.0}));

  // k is within 996: the power of two is a normal number.
  const double power =
      __builtin_bit_cast(double, one_bits + (__builtin_bit_cast(std::uint64_t, shifted) << 52));
  return {mantissa.high * power, mantissa.low * power};
}

// (x + 5) N(-x) / phi(x) as a polynomial of w = (x - 3) / (x + 5); tools/fit_functions.py.
constexpr int mills_pairs = 12, mills_singles = 20;
constexpr Pair mills_leading[mills_pairs] = {
    {0x1.37e684ee8e185p+1, 0x1.59d50e29789cap-55},
    {-0x1.8a7d04b41fa01p+1, 0x1.c5f661f450eeap-55},
    {0x1.93459bdad10d4p+1, 0x1.4104ced6b9519p-54},
    {-0x1.4b41156626ba3p+1, -0x1.2137fc29cf926p-55},
    {0x1.aa8a4d305ed6dp+0, 0x1.b97d631d7b356p-55},
    {-0x1.94733735aaba9p-1, 0x1.32194ab3497bep-59},
    {0x1.d403cf5ec73fep-3, -0x1.1eac12455c225p-58},
    {-0x1.a76cc5a5e9632p-10, -0x1.4c6966f72547ep-64},
    {-0x1.f2ac10a813257p-6, 0x1.34ab72058ad32p-69},
    {0x1.263977ae55178p-7, -0x1.4cfc6e687b5b1p-62},
    {0x1.6d5f1627edd3fp-9, -0x1.507e7c064aa59p-63},
    {-0x1.0447d9bdcd7b9p-9, -0x1.661be09f8c0e9p-63},
};
constexpr double mills_trailing[mills_singles] = {
    -0x1.0d8d4b3a13daap-12, 0x1.97997252bb32ep-12,  0x1.402deeb49c49dp-15, -0x1.4812cf1909543p-14,
    -0x1.85f7bc9fd2e3fp-17, 0x1.0c1cc0a7898b7p-16,  0x1.2777ea9d949d1p-18, -0x1.969d6719a53a2p-19,
    -0x1.a29c5c5886bd8p-20, 0x1.c2de48d840f3fp-22,  0x1.027147748e94ep-21, 0x1.91fbe15d5a0b5p-27,
    -0x1.0990c06d4e6bfp-23, -0x1.342a2a23d0977p-25, 0x1.a52a3167a2717p-26, 0x1.f8aaade9ec97bp-27,
    -0x1.bf52c7d80faa6p-29, -0x1.d1044ccdf4cf1p-29, 0x1.c9c7a49d39a99p-33, 0x1.98dc4e63bb5a1p-32,
};

// The trailing terms, whose rounding is below 2^-64 of the whole.
[[maybe_unused, gnu::always_inline]] inline double mills_tail(double w) noexcept {
  double p = mills_trailing[mills_singles - 1];
#pragma GCC unroll 32
  for (int k = mills_singles - 2; k >= 0; --k) p = std::fma(p, w, mills_trailing[k]);
  return p;
}

// The Mills ratio for x in [-0.75, 72], about as exact as `mills` but also below 0 and above 40.
[[maybe_unused, gnu::always_inline]] inline double mills_wide(double x) noexcept {
  const double inverse = 1.0 / (x + 5.0);
  const double w = (x - 3.0) * inverse;
  double p = mills_tail(w);
#pragma GCC unroll 32
  for (int k = mills_pairs - 1; k >= 0; --k) p = std::fma(p, w, mills_leading[k].high);
  return p * inverse;
}

// The Mills ratio in two doubles for x in [-0.75, 72].
// Largest error found: MILLS_ERROR.
[[maybe_unused, gnu::always_inline]] inline Pair mills_pair(Pair x) noexcept {
  const Pair below = sum_of({5.0, 0.0}, x);
  const double inverse = 1.0 / below.high;
  const Pair w = quotient_of(sum_of({-3.0, 0.0}, x), below, inverse);
  Pair p{mills_tail(w.high), 0.0};
#pragma GCC unroll 32
  for (int k = mills_pairs - 1; k >= 0; --k) p = sum_of(mills_leading[k], product_of(p, w));
  return quotient_of(p, below, inverse);
}

}  // namespace
}  // namespace riskslide::kernel
