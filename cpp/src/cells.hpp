// What one instrument is worth in a block of columns, for whoever asks for rows or for tiles.
#pragma once

#include <cstddef>
#include <cstdint>
#include <span>
#include <vector>

#include "kernel/table.hpp"
#include "riskslide/value/revalue.hpp"
#include "shocks.hpp"

namespace riskslide::detail {

// One thread's columns of the instrument at hand.
struct Workspace {
  std::vector<double> scale, log_scale, move, conversion;
  std::vector<double> root_years, discount, growth, log_growth;  // empty until an option ages

  explicit Workspace(std::int64_t padded)
      : scale(static_cast<std::size_t>(padded)),
        log_scale(scale.size()),
        move(scale.size()),
        conversion(scale.size()) {}
};

// The constants of instrument i.
kernel::Contract contract_of(const InstrumentColumns& x, std::size_t i);

// The value where nothing moves, by the kernel that values scenarios, so that a zero shock changes
// nothing; 0 for what is marked to market.
double base_of(const InstrumentColumns& x, std::size_t i, const kernel::Contract& contract);

// Values minus `base` of instrument i in every column of the block; false if one of them, or the
// base, is not finite.
bool fill_row(const InstrumentColumns& x, std::size_t i, const kernel::Contract& contract,
              double base, const ShockBlock& block, Workspace& workspace, std::span<double> row);

// Refuses instrument `row`, the first whose value leaves float64.
[[noreturn]] void refuse_value(const InstrumentColumns& x, std::int64_t row);

}  // namespace riskslide::detail
