// Decides how QuantLib values the options of W1; apart, since its headers take long to compile.
#pragma once

#include "workloads.hpp"

namespace bench {

/// Fills options.out by BlackCalculator, the rows dealt out to threads started for the call. It has
/// no rho that holds the forward, so rho is -years times the value.
void quantlib_greeks(Options& options, int threads);

}  // namespace bench
