// Decides powers, by a logarithm of two doubles and an exponential of both; see functions.hpp.
#pragma once

#include "kernel/functions.hpp"

namespace riskslide::kernel {
namespace {

// e^(x.high + x.low) for |x.low| <= ulp(x.high); 0, inf and 1 where exp_flushed(x.high) has them,
// inf also where only the low part takes the result out of range.
// Its error is measured in power.
[[maybe_unused, gnu::always_inline]] inline double exp_of_pair(Pair x) noexcept {
  constexpr double log2_e = 0x1.71547652b82fep+0;
  constexpr double round_to_int = 0x1.8p52;
  constexpr double lowest = -690.0;
  constexpr double highest = 0x1.62e42fefa39efp+9;

  const double shifted = std::fma(x.high, log2_e, round_to_int);
  const double k = shifted - round_to_int;
  const double reduced = std::fma(-k, ln2_high, x.high);  // exact
  const double r = reduced + std::fma(-k, ln2_low, x.low);

  const double sum = 1.0 + reduced;
  const double lost = (reduced - (sum - 1.0)) + std::fma(-k, ln2_low, x.low);
  const double mantissa = sum + std::fma(r * r, exp_series(r), lost);
  const std::uint64_t bits = __builtin_bit_cast(std::uint64_t, mantissa) +
                             (__builtin_bit_cast(std::uint64_t, shifted) << 52);
  const double value = __builtin_bit_cast(double, bits);
  const double room = k > 1023.5 ? 1.0 : 2.0;  // a mantissa of 1 or more does not fit 2^1024
  const double in_range = mantissa >= room ? __builtin_inf() : value;
  const double flushed = x.high < lowest ? 0.0 : in_range;
  return x.high > highest ? __builtin_inf() : flushed;
}

// ln(x) for normal positive x in two doubles, so that a product of up to 709 keeps all its digits;
// exactly 0 at 1. Its error is measured in power.
[[maybe_unused, gnu::always_inline]] inline Pair long_log(double x) noexcept {
  constexpr std::uint64_t mantissa_mask = 0x000fffffffffffff;
  constexpr std::uint64_t root_half_bits = 0x3fe6a09e667f3bcd;
  constexpr std::uint64_t bias = 0x8000000000000000;      // 2048 exponent steps
  constexpr std::uint64_t int_bits = 0x4330000000000000;  // 2^52, its low bits an integer
  constexpr double int_bias = 0x1p52 + 2048.0;
  constexpr double twelfth_high = 0x1.5555555555555p-4, twelfth_low = 0x1.5555555555555p-58;
  constexpr double eightieth_high = 0x1.999999999999ap-7, eightieth_low = -0x1.999999999999ap-61;

  // x = 2^k u, u in [sqrt(1/2), sqrt(2))
  const std::uint64_t step = __builtin_bit_cast(std::uint64_t, x) - root_half_bits + bias;
  const double k = __builtin_bit_cast(double, (step >> 52) | int_bits) - int_bias;
  const double u = __builtin_bit_cast(double, (step & mantissa_mask) + root_half_bits);

  // ln(u) = 2 atanh(z / 2), z = difference / middle; z_low is what z lacks of the quotient.
  const double difference = u - 1.0;  // exact
  const double middle = std::fma(0.5, difference, 1.0);
  const double middle_low = std::fma(0.5, difference, 1.0 - middle);
  const double inverse = 1.0 / middle;
  const double z = difference * inverse;
  const double remainder = std::fma(-z, middle_low, std::fma(-z, middle, difference));
  const double z_low = remainder * inverse;
  const double w = z * z;
  const double w_low = std::fma(z + z, z_low, std::fma(z, z, -w));

  double p = 0x1.b2e274b6db4fp-25;
  p = std::fma(p, w, 0x1.acf819a378896p-23);
  p = std::fma(p, w, 0x1.e1effc78b39bcp-21);
  p = std::fma(p, w, 0x1.1110f800d2bc3p-18);
  p = std::fma(p, w, 0x1.3b13b16b573fep-16);
  p = std::fma(p, w, 0x1.745d1745a3e04p-14);
  p = std::fma(p, w, 0x1.c71c71c71c823p-12);
  p = std::fma(p, w, 0x1.2492492492492p-9);

  // 1/12 + w (1/80 + w p), times w, times z: the leading terms carry their roundings along.
  const double second = eightieth_high * w;
  const double second_low = std::fma(
      eightieth_high, w_low, std::fma(eightieth_low, w, std::fma(eightieth_high, w, -second)));
  const double third = w * w * p;
  const double both = second + third;
  const double both_low = third - (both - second) + second_low;
  const double series = twelfth_high + both;
  const double series_low = both - (series - twelfth_high) + (both_low + twelfth_low);
  const double square = series * w;
  const double square_low =
      std::fma(series_low, w, std::fma(series, w_low, std::fma(series, w, -square)));
  const double cube = square * z;
  const double cube_low =
      std::fma(square_low, z, std::fma(square, z_low, std::fma(square, z, -cube)));

  // k ln2 + z + cube, each sum of a larger and a smaller part.
  const double exponent = k * ln2_high;
  const double leading = exponent + z;
  const double leading_low = z - (leading - exponent);
  const double sum = leading + cube;
  const double sum_low = cube - (sum - leading);
  const double low = leading_low + sum_low + (std::fma(k, ln2_low, z_low) + cube_low);
  const double high = sum + low;
  return {high, low - (high - sum)};
}

// x^y for normal positive x and finite y.  Exactly 0 where y ln(x) < -690, +inf where the result
// overflows, exactly 1 at y = 0 and at x = 1.  An x outside gives a number without meaning.
// Largest error found: 0.71 ULP over 10 million pairs (any normals, x near 1, results over the
// whole range and next to its ends).
[[maybe_unused, gnu::always_inline]] inline double power(double x, double y) noexcept {
  const Pair log = long_log(x);
  const double product = y * log.high;
  return exp_of_pair({product, std::fma(y, log.low, std::fma(y, log.high, -product))});
}

}  // namespace
}  // namespace riskslide::kernel
