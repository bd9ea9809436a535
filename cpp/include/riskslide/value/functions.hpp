// Decides elementary functions of columns, by the kernels' own code: the same bits on every
// machine, which a math library does not promise. Inputs and `out` have one length; they must not
// overlap.
#pragma once

#include <span>

namespace riskslide {

/// out = e^exponent. Exactly 0 below -690, infinite above 709.78, NaN for NaN.
void exponential(std::span<const double> exponent, std::span<double> out);

/// out = ln(a / b) of positive a and b; exactly 0 where they are equal.
/// @throws InputError naming argument and row.
void log_ratio(std::span<const double> a, std::span<const double> b, std::span<double> out);

/// out = x^y of positive x. Exactly 0 below e^-690, infinite where it overflows, exactly 1 at y = 0
/// and at x = 1.
/// @throws InputError naming argument and row.
void power(std::span<const double> x, std::span<const double> y, std::span<double> out);

/// out = N(-x), the probability that a standard normal variable exceeds x. Exactly 1/2 at 0 and
/// exactly 0 above 37.148, where it falls below 3e-302.
/// @throws InputError naming argument and row.
void normal_tail(std::span<const double> x, std::span<double> out);

/// out = x with N(x) = p, for p >= 2.3e-308 (x = -37.5) and < 1 (the last double before it gives
/// 8.2). Exactly 0 at 1/2; accurate relative to x also beside 1/2.
/// @throws InputError naming argument and row.
void normal_inverse(std::span<const double> p, std::span<double> out);

}  // namespace riskslide
