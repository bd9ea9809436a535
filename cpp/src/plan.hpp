// Decides the order in which a book's rows meet the netting trees: runs per group, groups per unit,
// units per line.
#pragma once

#include <cstdint>
#include <memory>
#include <vector>

#include "kernel/table.hpp"
#include "riskslide/risk/evaluate.hpp"

namespace riskslide::detail {

/// Unit of every row of a tree, -1 where the row is not in it.
std::vector<std::int32_t> units_of_rows(const Tree& tree);

/// Units in order within a line, lines by account and pool.
struct Lines {
  std::vector<std::int32_t> unit;     // id of each unit
  std::vector<std::int64_t> units;    // (lines + 1)
  std::vector<std::int64_t> account;  // (lines)
  std::vector<std::int32_t> pool;
};

/// Runs lie in the order of one tree within a group, groups in order within a unit.
struct Plan {
  std::vector<kernel::Run> runs;
  std::unique_ptr<std::uint8_t[]> starts;  // (positions) 1 where a run goes on in another leaf;
                                           // set where a run of several leaves lies
  std::vector<std::int64_t> group_runs;    // (groups + 1)
  bool of_units = false;                   // the groups are all units, each in its place, else:
  std::vector<std::int32_t> group;         // id of each group
  std::vector<std::int64_t> group_unit;    // its unit's place in `Lines`

  [[nodiscard]] std::size_t groups() const { return group_runs.size() - 1; }
  [[nodiscard]] std::int64_t unit_of(std::int64_t g) const {
    return of_units ? g : group_unit[static_cast<std::size_t>(g)];
  }
};

struct Plans {
  Lines lines;
  std::vector<Plan> trees;
};

Plans make_plans(const Program& program, const PositionsView& positions, const CashView& cash,
                 int threads);

}  // namespace riskslide::detail
