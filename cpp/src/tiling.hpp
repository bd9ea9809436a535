// Decides how columns are cut into tiles and units into tasks, and runs one over the other.
#pragma once

#include <cstddef>
#include <cstdint>
#include <span>
#include <vector>

#include "kernel/table.hpp"
#include "riskslide/value/revaluation.hpp"

namespace riskslide::detail {

constexpr std::int64_t block_rows = 1 << 18;  // positions a task streams through all its tiles

// Columns as the tree meets them, times lot and weight; they are held, row after row `stride`
// apart, or valued as they are asked for.
struct Source {
  std::span<const double> values;
  std::size_t rows;
  std::size_t columns;
  std::size_t stride;
  std::span<const double> lot;               // empty: 1
  std::span<const double> weight;            // empty: 1
  std::span<const double> factor;            // of the sums; empty: 1
  std::span<const std::int32_t> fold_set;    // empty: 0
  const Revaluation* revaluation = nullptr;  // given: what the cells are valued from
  // NOLINTNEXTLINE(readability-redundant-member-init): may be left out without a warning
  std::vector<char> held = {};  // with it: rows that are read, and so valued
};

// Boundaries of tasks: units whose positions together are about block_rows.
template <class Weight>
std::vector<std::int64_t> cut(std::int64_t units, const Weight& weight_before) {
  std::vector<std::int64_t> cuts{0};
  for (std::int64_t u = 0; u < units;) {
    std::int64_t low = u + 1, high = units;
    const std::int64_t limit = weight_before(u) + block_rows;
    while (low < high) {  // first end whose weight reaches the limit
      const std::int64_t middle = low + (high - low) / 2;
      if (weight_before(middle) < limit) {
        low = middle + 1;
      } else {
        high = middle;
      }
    }
    cuts.push_back(low);
    u = low;
  }
  return cuts;
}

// Runs every tile of `source` over every unit, task by task. Returns the first unit whose sums
// leave float64, or -1.
std::int64_t run_tiles(const Source& source, const kernel::FoldTask& task,
                       const std::vector<std::int64_t>& cuts, int threads);

}  // namespace riskslide::detail
