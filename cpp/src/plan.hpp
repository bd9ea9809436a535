// Decides the order in which a book's rows meet the netting tree: runs per unit, units per line.
#pragma once

#include <cstdint>
#include <vector>

#include "kernel/table.hpp"
#include "riskslide/risk/evaluate.hpp"

namespace riskslide::detail {

/// Runs lie in tree order within a unit, units in order within a line, lines by account and pool.
struct Plan {
  std::vector<kernel::Run> runs;
  std::vector<std::uint8_t> starts;        // (positions) 1 where a run goes on in another leaf
  std::vector<std::int64_t> unit_runs;     // (units + 1)
  std::vector<std::int32_t> unit;          // id of each unit
  std::vector<std::int64_t> line_units;    // (lines + 1)
  std::vector<std::int64_t> line_account;  // (lines)
  std::vector<std::int32_t> line_pool;
};

Plan make_plan(const Program& program, const PositionsView& positions, const CashView& cash,
               int threads);

}  // namespace riskslide::detail
