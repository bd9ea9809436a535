// Decides the standard normal distribution: Mills ratio, tail, inverse; see functions.hpp.
#pragma once

#include "kernel/power.hpp"

namespace riskslide::kernel {
namespace {

// Numerator and denominator of mills, for a caller who has another division to merge with: both
// positive and below 2^37 for x in [0, 40].  The even and the odd powers are summed apart: the
// chains are shorter and 5.7 ULP is the largest error found, where one Horner chain each gave 8.6.
[[maybe_unused, gnu::always_inline]] inline double mills_numerator(double x) noexcept {
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

[[maybe_unused, gnu::always_inline]] inline double mills_denominator(double x) noexcept {
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
[[maybe_unused, gnu::always_inline]] inline double mills(double x) noexcept {
  return mills_numerator(x) / mills_denominator(x);
}

// N(-x) of the standard normal distribution, exactly 1/2 at 0.  Exactly 0 from where the density
// is flushed, x > 37.148 (x^2 / 2 > 690), and exactly 1 below about -8.3.
// Largest error found: 7.4 ULP over 10 million points (any x, all bits, 0 to the flush), nearly all
// of it the error of mills.
[[maybe_unused, gnu::always_inline]] inline double normal_tail(double x) noexcept {
  const double size = x < 0.0 ? -x : x;
  const double square = x * x;
  const double square_low = std::fma(x, x, -square);
  const double density = inv_sqrt_2pi * exp_of_pair({-0.5 * square, -0.5 * square_low});
  const double tail = density * mills(size < 40.0 ? size : 40.0);
  const double half = x == 0.0 ? 0.5 : tail;
  return x < 0.0 ? 1.0 - half : half;
}

// x where N(x) = p, for p from the smallest normal number (-37.5) to 1 - 2^-53 (8.2, where doubles
// below 1 end).  Exactly 0 at p = 1/2, -inf at 0 and +inf at 1; accurate relative to x everywhere,
// also next to 1/2.  A p outside gives a number without meaning.
// Largest error found: 2.2 ULP over 10 million points (uniform, any bits, next to 1/2, to 1 and to
// the ends of its two ranges).
[[maybe_unused, gnu::always_inline]] inline double normal_inverse(double p) noexcept {
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
