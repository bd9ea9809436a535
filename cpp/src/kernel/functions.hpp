// Elementary functions in double for loops which the compiler vectorises.
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

// e^x for x in [-690, 709.78].  Exactly 0 below -690, +inf from where the result overflows,
// exactly 1 at 0; NaN without a payload stays NaN.
// Largest error found: 0.71 ULP over 26 million points (uniform, any bits, tiny, near k ln2 / 2).
[[maybe_unused]] inline double exp_flushed(double x) noexcept {
  constexpr double log2_e = 0x1.71547652b82fep+0;
  constexpr double round_to_int = 0x1.8p52;  // its low bits then hold the integer
  constexpr double lowest = -690.0;
  constexpr double highest = 0x1.62e42fefa39efp+9;  // e^highest is finite, the next is not

  // x = k ln2 + r; `reduced` is exact, r carries the low part of ln2 as well.
  const double shifted = std::fma(x, log2_e, round_to_int);
  const double k = shifted - round_to_int;
  const double reduced = std::fma(-k, ln2_high, x);
  const double r = std::fma(-k, ln2_low, reduced);

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

  // 1 + r + r^2 p, with the rounding of 1 + reduced put back.
  const double sum = 1.0 + reduced;
  const double lost = std::fma(-k, ln2_low, reduced - (sum - 1.0));
  const double mantissa = sum + std::fma(r * r, p, lost);

  // times 2^k: k into the exponent (mantissa < 1 where k is 1024, up to `highest`)
  const std::uint64_t bits = __builtin_bit_cast(std::uint64_t, mantissa) +
                             (__builtin_bit_cast(std::uint64_t, shifted) << 52);
  const double value = __builtin_bit_cast(double, bits);
  const double flushed = x < lowest ? 0.0 : value;
  return x > highest ? __builtin_inf() : flushed;
}

// ln(a / b) for normal positive a and b, with full relative accuracy for a close to b; exactly 0
// where a == b.  Anything else gives a finite number without meaning: a denormal or 0 with
// fraction bits m is read as (1 + m) 2^-1023, inf as 2^1024; no input gives NaN.
// Largest error found: 0.68 ULP over 28 million pairs (any normals, ratios near 1, 3/2 and 2^k);
// without z_low, which carries the rounding of the quotient, it is 2.0 ULP.
[[maybe_unused]] inline double log_ratio(double a, double b) noexcept {
  constexpr std::uint64_t mantissa_mask = 0x000fffffffffffff;
  constexpr std::uint64_t one_bits = 0x3ff0000000000000;   // 1.0
  constexpr std::uint64_t half_step = 0x0008000000000000;  // half of an exponent step
  constexpr std::uint64_t bias = 0x8000000000000000;       // 2048 exponent steps
  constexpr std::uint64_t int_bits = 0x4330000000000000;   // 2^52, its low bits an integer
  constexpr double int_bias = 0x1p52 + 2048.0;

  // a / b = 2^k u / v, v in [1, 2): k is the difference of the bit patterns to the nearest whole
  // exponent step, which leaves u / v in [2/3, 3/2].
  const std::uint64_t a_bits = __builtin_bit_cast(std::uint64_t, a);
  const std::uint64_t b_bits = __builtin_bit_cast(std::uint64_t, b);
  const std::uint64_t step = a_bits - b_bits + (bias + half_step);
  const double k = __builtin_bit_cast(double, (step >> 52) | int_bits) - int_bias;
  const std::uint64_t v_bits = (b_bits & mantissa_mask) | one_bits;
  const std::uint64_t u_bits = v_bits + (step & mantissa_mask) - half_step;
  const double u = __builtin_bit_cast(double, u_bits);
  const double v = __builtin_bit_cast(double, v_bits);

  // ln(u / v) = 2 atanh(z / 2), z = difference / middle; z_low is what z lacks of the quotient.
  const double difference = u - v;  // exact
  const double middle = std::fma(0.5, difference, v);
  const double middle_low = std::fma(0.5, difference, v - middle);
  const double inverse = 1.0 / middle;
  const double z = difference * inverse;
  const double remainder = std::fma(-z, middle_low, std::fma(-z, middle, difference));
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
  const double exponent = k * ln2_high;
  const double sum = exponent + z;
  const double lost = z - (sum - exponent);
  const double tail = std::fma(z * w, p, std::fma(k, ln2_low, z_low));
  return sum + (lost + tail);
}

// ln(x) for normal positive x; see log_ratio for the rest.
// Largest error found: 0.68 ULP over 10 million points.
[[maybe_unused]] inline double log_positive(double x) noexcept { return log_ratio(x, 1.0); }

// Numerator and denominator of mills, for a caller who has another division to merge with: both
// positive and below 2^37 for x in [0, 40].  The even and the odd powers are summed apart: the
// chains are shorter and 5.7 ULP is the largest error found, where one Horner chain each gave 8.6.
[[maybe_unused]] inline double mills_numerator(double x) noexcept {
  const double x2 = x * x;
  double even = 0x1.7aaf4eae6b2a5p-14;
  even = std::fma(even, x2, 0x1.4894696cec1c3p-7);
  even = std::fma(even, x2, 0x1.eece6d429a46fp-3);
  even = std::fma(even, x2, 0x1.7aaaebcf849c5p+0);
  even = std::fma(even, x2, 0x1.40d931ff62706p+0);
  double odd = 0x1.bef1043e4944ep-19;
  odd = std::fma(odd, x2, 0x1.3994e19275bcap-10);
  odd = std::fma(odd, x2, 0x1.dca9ae7467f17p-5);
  odd = std::fma(odd, x2, 0x1.6fa4fd14c76d7p-1);
  odd = std::fma(odd, x2, 0x1.ef863a24d228p+0);
  return std::fma(odd, x, even);
}

[[maybe_unused]] inline double mills_denominator(double x) noexcept {
  const double x2 = x * x;
  double even = 0x1.bef1043e4faf4p-19;
  even = std::fma(even, x2, 0x1.3a745a1588cdep-10);
  even = std::fma(even, x2, 0x1.e6685e384efe2p-5);
  even = std::fma(even, x2, 0x1.8c3a6944c5ff3p-1);
  even = std::fma(even, x2, 0x1.4648bedcc4bdap+1);
  even = std::fma(even, x2, 1.0);
  double odd = 0x1.7aaf4eae4175ap-14;
  odd = std::fma(odd, x2, 0x1.4b89c80399042p-7);
  odd = std::fma(odd, x2, 0x1.017c832932295p-2);
  odd = std::fma(odd, x2, 0x1.b39d4c17bda4p+0);
  odd = std::fma(odd, x2, 0x1.2bd0988f41e7cp+1);
  return std::fma(odd, x, even);
}

// Mills ratio N(-x) / phi(x) of the standard normal distribution for x in [0, 40].
// Largest error found: 5.7 ULP over 22 million points (4.1 on [0, 1]; about 0.9 root mean square),
// from the rounding of the two sums: the coefficients in double give 9.6e-17 relative.  mills(0) is
// correctly rounded.  Beyond 40 it is 3.4e-12 off at worst, and NaN where the denominator overflows
// (x above 1e31).
[[maybe_unused]] inline double mills(double x) noexcept {
  return mills_numerator(x) / mills_denominator(x);
}

// A number as the sum of a double and what that double lacks.
struct Parts {
  double high, low;
};

// e^(x.high + x.low) for |x.low| <= ulp(x.high); 0, inf and 1 where exp_flushed(x.high) has them,
// inf also where only the low part takes the result out of range.
// Its error is measured in power.
[[maybe_unused]] inline double exp_of_parts(Parts x) noexcept {
  constexpr double log2_e = 0x1.71547652b82fep+0;
  constexpr double round_to_int = 0x1.8p52;
  constexpr double lowest = -690.0;
  constexpr double highest = 0x1.62e42fefa39efp+9;

  const double shifted = std::fma(x.high, log2_e, round_to_int);
  const double k = shifted - round_to_int;
  const double reduced = std::fma(-k, ln2_high, x.high);  // exact
  const double r = reduced + std::fma(-k, ln2_low, x.low);

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

  const double sum = 1.0 + reduced;
  const double lost = (reduced - (sum - 1.0)) + std::fma(-k, ln2_low, x.low);
  const double mantissa = sum + std::fma(r * r, p, lost);
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
[[maybe_unused]] inline Parts log_parts(double x) noexcept {
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
[[maybe_unused]] inline double power(double x, double y) noexcept {
  const Parts log = log_parts(x);
  const double product = y * log.high;
  return exp_of_parts({product, std::fma(y, log.low, std::fma(y, log.high, -product))});
}

// N(-x) of the standard normal distribution, exactly 1/2 at 0.  Exactly 0 from where the density
// is flushed, x > 37.148 (x^2 / 2 > 690), and exactly 1 below about -8.3.
// Largest error found: 7.4 ULP over 10 million points (any x, all bits, 0 to the flush), nearly all
// of it the error of mills.
[[maybe_unused]] inline double normal_tail(double x) noexcept {
  const double size = x < 0.0 ? -x : x;
  const double square = x * x;
  const double square_low = std::fma(x, x, -square);
  const double density = inv_sqrt_2pi * exp_of_parts({-0.5 * square, -0.5 * square_low});
  const double tail = density * mills(size < 40.0 ? size : 40.0);
  const double half = x == 0.0 ? 0.5 : tail;
  return x < 0.0 ? 1.0 - half : half;
}

// x where N(x) = p, for p from the smallest normal number (-37.5) to 1 - 2^-53 (8.2, where doubles
// below 1 end).  Exactly 0 at p = 1/2, -inf at 0 and +inf at 1; accurate relative to x everywhere,
// also next to 1/2.  A p outside gives a number without meaning.
// Largest error found: 2.2 ULP over 10 million points (uniform, any bits, next to 1/2, to 1 and to
// the ends of its two ranges).
[[maybe_unused]] inline double normal_inverse(double p) noexcept {
  constexpr double smallest = 0x1p-1022;
  constexpr double root_2_high = 0x1.6a09e667f3bcdp+0, root_2_low = -0x1.bdd3413b26456p-54;
  constexpr double root_2pi_high = 0x1.40d931ff62706p+1, root_2pi_low = -0x1.a6a0d6f814637p-53;
  constexpr double edge = 0.425;

  // q = p - 1/2; q_low, what its rounding loses, is not 0 only below p = 1/4.
  const double q = p - 0.5;
  const double q_low = p - (q + 0.5);
  const double distance = q < 0.0 ? -q : q;
  const double distance_low = q < 0.0 ? -q_low : q_low;
  const bool central = distance <= edge;

  // near 1/2: x = q (sqrt(2 pi) + w R(edge^2 - w))
  const double w = q * q;
  const double s = std::fma(-q, q, 0.180625);
  double near_top = 0x1.1e08993db22e1p+9;
  near_top = std::fma(near_top, s, 0x1.1eb2300ec7d05p+15);
  near_top = std::fma(near_top, s, 0x1.50b58cc2a7636p+16);
  near_top = std::fma(near_top, s, 0x1.e6025a1e47cebp+15);
  near_top = std::fma(near_top, s, 0x1.2a994d88e6cfbp+14);
  near_top = std::fma(near_top, s, 0x1.5c616aed752b4p+11);
  near_top = std::fma(near_top, s, 0x1.7c54e3c6fa83bp+7);
  near_top = std::fma(near_top, s, 0x1.37fc2a497deabp+2);
  double near_bottom = 0x1.3776136238cf5p+14;
  near_bottom = std::fma(near_bottom, s, 0x1.091976439e27bp+16);
  near_bottom = std::fma(near_bottom, s, 0x1.109a1270a813ap+16);
  near_bottom = std::fma(near_bottom, s, 0x1.e59178f6aeb3dp+14);
  near_bottom = std::fma(near_bottom, s, 0x1.ae58aac8dbc0bp+12);
  near_bottom = std::fma(near_bottom, s, 0x1.8bc3fb6da78b2p+9);
  near_bottom = std::fma(near_bottom, s, 0x1.6846c76ee506p+5);
  near_bottom = std::fma(near_bottom, s, 1.0);

  // tails: x = sqrt(2) r - R(r - 1.6)
  const double given = q < 0.0 ? p : 1.0 - p;  // exact
  const double tail = given >= smallest ? given : smallest;
  const double square = log_ratio(1.0, tail);
  const double r = std::sqrt(square);
  const double r_low = std::fma(-r, r, square) / (r + r);  // what sqrt rounds off
  const double t = r - 1.6;
  double far_top = 0x1.9077eaf0e0b79p-42;
  far_top = std::fma(far_top, t, 0x1.2fdf6c50be0cep-29);
  far_top = std::fma(far_top, t, 0x1.2489b9877c283p-21);
  far_top = std::fma(far_top, t, 0x1.3f43ac79f82cbp-15);
  far_top = std::fma(far_top, t, 0x1.1c34c1bc12312p-10);
  far_top = std::fma(far_top, t, 0x1.eba943ecb13e3p-7);
  far_top = std::fma(far_top, t, 0x1.cc19ba3a87b2ep-4);
  far_top = std::fma(far_top, t, 0x1.ef3ed46177c95p-2);
  far_top = std::fma(far_top, t, 0x1.331d31e8fd4cp+0);
  far_top = std::fma(far_top, t, 0x1.93841e50c9101p+0);
  far_top = std::fma(far_top, t, 0x1.adb954c2ae753p-1);
  double far_bottom = 0x1.af42d8b958483p-32;
  far_bottom = std::fma(far_bottom, t, 0x1.09d14a11f1a2cp-23);
  far_bottom = std::fma(far_bottom, t, 0x1.60f922e0213d6p-17);
  far_bottom = std::fma(far_bottom, t, 0x1.7baf26550ed9ep-12);
  far_bottom = std::fma(far_bottom, t, 0x1.90330cb2311bcp-8);
  far_bottom = std::fma(far_bottom, t, 0x1.d0150595ee32ep-5);
  far_bottom = std::fma(far_bottom, t, 0x1.3e2e9d0551924p-2);
  far_bottom = std::fma(far_bottom, t, 0x1.09875f89af00cp+0);
  far_bottom = std::fma(far_bottom, t, 0x1.07ead7c540a1ep+1);
  far_bottom = std::fma(far_bottom, t, 0x1.1d2743e1d6ec9p+1);
  far_bottom = std::fma(far_bottom, t, 1.0);

  const double ratio = (central ? near_top : far_top) / (central ? near_bottom : far_bottom);
  const double bend = w * ratio;
  // dx / dq = sqrt(2 pi) e^(x x / 2), which sqrt(2 pi) + 4 w R meets within 15 % where needed
  const double centre = std::fma(distance, bend, distance_low * std::fma(4.0, bend, root_2pi_high));
  const double main = central ? distance : r;
  const double high = central ? root_2pi_high : root_2_high;
  const double low = central ? root_2pi_low : root_2_low;
  const double rest = central ? centre : std::fma(root_2_high, r_low, -ratio);
  const double product = main * high;
  const double lost = std::fma(main, low, std::fma(main, high, -product));
  const double inside = product + (rest + lost);
  const double size = given > 0.0 ? inside : __builtin_inf();
  return q < 0.0 ? -size : size;
}

}  // namespace
}  // namespace riskslide::kernel
