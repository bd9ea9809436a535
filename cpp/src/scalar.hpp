// Elementary functions of one number, by the kernels' own code: the same bits on every machine.
#pragma once

#include "dispatch.hpp"

namespace riskslide::detail {

inline double log_of_ratio(double a, double b) {
  double out = 0.0;
  kernels().log_ratio(&a, &b, &out, 1);
  return out;
}

inline double exponential_of(double x) {
  double out = 0.0;
  kernels().exponential(&x, &out, 1);
  return out;
}

}  // namespace riskslide::detail
