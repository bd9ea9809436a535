// Decides how tails are selected: rows in blocks of bounded memory, then one selection a row.
#include "riskslide/risk/tail.hpp"

#include <algorithm>
#include <cmath>
#include <memory>
#include <vector>

#include "checks.hpp"
#include "threads.hpp"

namespace riskslide {
namespace {

constexpr std::size_t block_cells = std::size_t{1} << 25;  // P&L held at a time: 256 MiB

// The P&L at the edge: the size-th smallest, `work` holding that and all smaller ones, in any
// order. A short tail is kept in a heap, since most columns lie above its edge and cost a
// comparison.
double edge_of(std::span<const double> pnl, std::size_t size, std::vector<double>& work) {
  if (size * 8 > pnl.size()) {
    work.assign(pnl.begin(), pnl.end());
    const auto edge = work.begin() + static_cast<std::ptrdiff_t>(size) - 1;
    std::nth_element(work.begin(), edge, work.end());
    work.resize(size);
    return work.back();
  }
  work.assign(pnl.begin(), pnl.begin() + static_cast<std::ptrdiff_t>(size));
  std::make_heap(work.begin(), work.end());
  for (const double x : pnl.subspan(size)) {
    if (x >= work.front()) continue;
    std::pop_heap(work.begin(), work.end());
    work.back() = x;
    std::push_heap(work.begin(), work.end());
  }
  return work.front();
}

// Losses of one row in the order of its columns: the tail's edge, its members, its mean.
void select(std::span<const double> pnl, const TailShape& shape, std::vector<double>& work,
            double& value_at_risk, double& expected_shortfall, std::int32_t* scenario) {
  const std::int32_t* const members = scenario;
  const double threshold = edge_of(pnl, shape.size, work);
  // Members at the edge itself.
  auto equal = shape.size - static_cast<std::size_t>(std::count_if(
                                work.begin(), work.end(), [&](double x) { return x < threshold; }));
  double sum = 0.0;
  bool partial = true;  // the first at the edge counts with its share alone
  for (std::size_t s = 0; s < pnl.size(); ++s) {
    const bool inside = pnl[s] < threshold;
    if (!inside && (pnl[s] != threshold || equal == 0)) continue;
    *scenario++ = static_cast<std::int32_t>(s);
    if (inside) {
      sum -= pnl[s];
      continue;
    }
    --equal;
    sum -= partial ? shape.share * pnl[s] : pnl[s];
    partial = false;
  }
  value_at_risk = 0.0 - threshold;
  if (!std::isfinite(sum)) {  // the mean of losses that are finite is: each its share over the edge
    double mean = value_at_risk;
    for (std::size_t k = 0; k < shape.size; ++k) {
      mean += (threshold - pnl[static_cast<std::size_t>(members[k])]) / shape.mass;
    }
    expected_shortfall = mean;
    return;
  }
  expected_shortfall = std::max(sum / shape.mass, value_at_risk);  // the mean of equals may round
}

// Tails of all rows, `cells` P&L held at a time.
template <class AnyCube>
void tail_by_blocks(const PositionsView& positions, const AnyCube& cube, std::size_t instruments,
                    std::size_t width, std::size_t cells, const TailShape& shape,
                    std::span<double> value_at_risk, std::span<double> expected_shortfall,
                    std::span<std::int32_t> scenario, int threads) {
  const std::size_t rows = positions.accounts();
  detail::need_size("shape", shape.scenarios, width);
  detail::need_size("value_at_risk", value_at_risk.size(), rows);
  detail::need_size("expected_shortfall", expected_shortfall.size(), rows);
  detail::need_size("scenario", scenario.size(), rows * shape.size);
  check_rows(positions.offsets, positions.instrument, positions.quantity.size(), instruments);
  const std::size_t block =
      std::clamp<std::size_t>(cells / width, 1, std::max<std::size_t>(rows, 1));
  const auto pnl = std::make_unique_for_overwrite<double[]>(std::min(block, rows) * width);
  std::vector<std::int64_t> offsets;
  for (std::size_t first = 0; first < rows; first += block) {
    const std::size_t count = std::min(block, rows - first);
    const auto begin = static_cast<std::size_t>(positions.offsets[first]);
    const auto end = static_cast<std::size_t>(positions.offsets[first + count]);
    offsets.assign(positions.offsets.begin() + static_cast<std::ptrdiff_t>(first),
                   positions.offsets.begin() + static_cast<std::ptrdiff_t>(first + count + 1));
    for (std::int64_t& offset : offsets) offset -= static_cast<std::int64_t>(begin);
    const PositionsView part{offsets, positions.instrument.subspan(begin, end - begin),
                             positions.quantity.subspan(begin, end - begin)};
    try {
      aggregate(part, cube, {pnl.get(), count * width}, threads);
    } catch (const InputError& error) {  // an account of the block is one of all accounts
      if (error.argument() != "account") throw;
      const std::int64_t row = error.row() + static_cast<std::int64_t>(first);
      throw InputError(error.code(), error.argument(), row, error.value(), error.fix());
    }
    const std::size_t step = detail::task_length(count, 64);
    detail::parallel_for(static_cast<std::int64_t>((count + step - 1) / step), threads,
                         [&](std::int64_t piece) {
                           std::vector<double> work;
                           const auto from = static_cast<std::size_t>(piece) * step;
                           for (std::size_t k = from; k < std::min(count, from + step); ++k) {
                             const std::size_t row = first + k;
                             select({pnl.get() + k * width, width}, shape, work, value_at_risk[row],
                                    expected_shortfall[row], scenario.data() + row * shape.size);
                           }
                         });
  }
}

}  // namespace

TailShape TailShape::of(std::size_t scenarios, double level) {
  if (!(level > 0.0 && level < 1.0)) {
    detail::refuse("E_RANGE", "level", -1, level, "must be above 0 and below 1");
  }
  if (scenarios == 0) detail::refuse("E_SHAPE", "scenarios", -1, 0.0, "must be one or more");
  const auto n = static_cast<double>(scenarios);
  const double below = std::min(std::nearbyint(n * level * 1e9) / 1e9, n * level + 1e-9);
  // A tail of less than the rounding of n * level is the worst loss itself.
  if (!(below < n)) return {.scenarios = scenarios, .size = 1, .share = 1.0, .mass = 1.0};
  const double rank = std::clamp(std::ceil(below), 1.0, n);
  return {.scenarios = scenarios,
          .size = scenarios - static_cast<std::size_t>(rank) + 1,
          .share = rank - below,
          .mass = n - below};
}

void tail(const PositionsView& positions, const CubeView& cube, const TailShape& shape,
          std::span<double> value_at_risk, std::span<double> expected_shortfall,
          std::span<std::int32_t> scenario, int threads) {
  tail_by_blocks(positions, cube, cube.rows, cube.scenarios, block_cells, shape, value_at_risk,
                 expected_shortfall, scenario, threads);
}

void tail(const PositionsView& positions, const Revaluation& cube, const TailShape& shape,
          std::span<double> value_at_risk, std::span<double> expected_shortfall,
          std::span<std::int32_t> scenario, int threads) {
  tail_by_blocks(positions, cube, cube.rows(), cube.scenarios(),
                 cube.memory() / (2 * sizeof(double)), shape, value_at_risk, expected_shortfall,
                 scenario, threads);
}

}  // namespace riskslide
