// What an American option is worth in columns, and what decides its early exercise now.
#pragma once

#include <cstddef>
#include <span>

#include "early_exercise.hpp"
#include "riskslide/value/revalue.hpp"
#include "shocks.hpp"

namespace riskslide::detail {

/// What an American option is exercised at, and its terms now: the spot where it is given, else the
/// price, which is then of a future, whose dividend yield is the rate.
struct AmericanContract {
  double spot, strike;
  bool on_spot;
  ExerciseTerms terms;
};

AmericanContract american_of(const InstrumentColumns& x, std::size_t i);

/// The value of one unit now, as a column that shocks nothing gives it; NaN where it is refused.
double american_base(const InstrumentColumns& x, std::size_t i, double unit);

/// Values minus `base` of instrument i in every column of the block; false if one is refused or not
/// finite. Columns of equal vol, life and rates share their exercise boundary.
bool fill_american(const InstrumentColumns& x, std::size_t i, double unit, double base,
                   const ShockBlock& p, std::span<double> row);

}  // namespace riskslide::detail
