// What every reader of InstrumentColumns agrees on: which rows are good, and what a unit counts.
#pragma once

#include <cstddef>
#include <limits>

#include "riskslide/value/revalue.hpp"

namespace riskslide::detail {

constexpr double smallest = std::numeric_limits<double>::min();

inline bool is_lognormal(Payoff payoff) {
  return payoff == Payoff::black76 || payoff == Payoff::american;
}

inline bool is_option(Payoff payoff) {
  return is_lognormal(payoff) || payoff == Payoff::bachelier;
}

// Refuses a row that has no value by itself; reads every column but those that name risk factors.
void check_contracts(const InstrumentColumns& x);

// Settlement units that one unit of the model's value, or of the move of a margined price, counts.
double unit_of(const InstrumentColumns& x, std::size_t i);

}  // namespace riskslide::detail
