// What a block of columns shocks, laid out once a risk factor for all instruments that follow it.
#pragma once

#include <cstddef>
#include <cstdint>
#include <span>
#include <vector>

#include "riskslide/value/revalue.hpp"

namespace riskslide::detail {

// Refuses shocks that no instrument could meet: shapes, NaN, vols and horizons below zero.
void check_shocks(const ShockColumns& shocks);

// What all columns together do to each factor.
struct Reach {
  std::vector<std::int64_t> floored;  // columns whose scale is below the smallest normal number
  std::vector<char> shifts;           // whether a column shifts the price

  explicit Reach(const ShockColumns& shocks);
};

// Refuses factors that do not exist and coins that lose their price: a currency may only be scaled,
// and neither it nor the price behind a coin-settled instrument may reach zero.
void check_factors(const InstrumentColumns& x, const ShockColumns& shocks, const Reach& reach);

// Cells in which a lognormal forward is valued at its limit, zero.
std::int64_t floored_cells(const InstrumentColumns& x, const ShockColumns& shocks,
                           const Reach& reach, int threads);

// Columns [first, first + count) of every factor, row by row, padded to whole lanes.
struct ShockBlock {
  std::int64_t factors, count, padded;
  std::vector<double> scale, shift, vol_scale, vol_shift, vol_floor, ones;
  std::vector<double> floored, log_scale;   // scale with prices below zero at the limit; its log
  std::vector<double> horizon, rate_shift;  // one row for all factors; empty where none is given
  std::vector<double> largest;              // scale of a factor
  std::vector<char> shifts;                 // whether a factor's price is shifted at all
  std::vector<char> ages;                   // whether time passes, or the rate of a factor moves

  ShockBlock(const ShockColumns& shocks, std::size_t first, std::size_t width);

  // Floors `row` at zero and takes its logarithm.
  void limit(double* row, double* logarithm) const;

 private:
  [[nodiscard]] std::vector<double> pad(std::span<const double> rows, std::size_t first,
                                        std::size_t scenarios, double filler) const;
};

}  // namespace riskslide::detail
