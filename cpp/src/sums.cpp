// Decides sums and worst losses of positions over a cube as it is, without a tree; see
// evaluate.hpp.
#include <algorithm>

#include "checks.hpp"
#include "riskslide/risk/evaluate.hpp"
#include "screen.hpp"
#include "tiling.hpp"

namespace riskslide {
namespace {

detail::Source source_of(const PositionsView& positions, const CubeView& cube) {
  detail::need_size("values", cube.values.size(), cube.rows * cube.scenarios);
  check_rows(positions.offsets, positions.instrument, positions.quantity.size(), cube.rows);
  return {.values = cube.values,
          .rows = cube.rows,
          .columns = cube.scenarios,
          .stride = cube.scenarios,
          .lot = {},
          .weight = {},
          .factor = {},
          .fold_set = {}};
}

detail::Source source_of(const PositionsView& positions, const Revaluation& cube) {
  check_rows(positions.offsets, positions.instrument, positions.quantity.size(), cube.rows());
  detail::Source source{.values = {},
                        .rows = cube.rows(),
                        .columns = cube.scenarios(),
                        .stride = 0,
                        .lot = cube.lot(),
                        .weight = cube.weight(),
                        .factor = {},
                        .fold_set = {},
                        .revaluation = &cube};
  source.held.assign(cube.rows(), 0);
  for (const std::int32_t row : positions.instrument)
    source.held[static_cast<std::size_t>(row)] = 1;
  return source;
}

// Positions against the cube as it is: no tree, one unit a row.
void run_plain(const PositionsView& positions, const detail::Source& source, kernel::FoldTask task,
               int threads) {
  task.position_row = positions.instrument.data();
  task.lots = positions.quantity.data();
  task.keeps = ~std::uint64_t{0};
  task.unit_offsets = positions.offsets.data();
  const auto cuts = detail::cut(
      static_cast<std::int64_t>(positions.accounts()),
      [&](std::int64_t row) { return positions.offsets[static_cast<std::size_t>(row)]; });
  const std::int64_t unsound = detail::run_tiles(source, task, cuts, threads);
  if (unsound >= 0) detail::refuse_sum(unsound);
}

template <class AnyCube>
void sum_rows(const PositionsView& positions, const AnyCube& cube, std::size_t scenarios,
              std::span<double> out, int threads) {
  detail::need_size("out", out.size(), positions.accounts() * scenarios);
  kernel::FoldTask task{};
  task.out = out.data();
  task.out_stride = static_cast<std::int64_t>(scenarios);
  run_plain(positions, source_of(positions, cube), task, threads);
}

// Whether single precision told which columns to sum; only cells that are held can be.
bool screened(const PositionsView& positions, const CubeView& cube, std::span<double> least,
              std::span<std::int32_t> scenario, int threads) {
  return detail::screen_worst(positions, cube, least, scenario, threads);
}
bool screened(const PositionsView&, const Revaluation&, std::span<double>, std::span<std::int32_t>,
              int) {
  return false;
}

template <class AnyCube>
void find_worst(const PositionsView& positions, const AnyCube& cube, std::span<double> loss,
                std::span<std::int32_t> scenario, int threads) {
  detail::need_size("loss", loss.size(), positions.accounts());
  detail::need_size("scenario", scenario.size(), positions.accounts());
  const detail::Source source = source_of(positions, cube);
  if (!screened(positions, cube, loss, scenario, threads)) {
    std::fill(loss.begin(), loss.end(), 0.0);
    std::fill(scenario.begin(), scenario.end(), 0);
    kernel::FoldTask task{};
    task.worst = loss.data();
    task.scenario = scenario.data();
    task.stride = 1;
    run_plain(positions, source, task, threads);
  }
  for (double& x : loss) x = 0.0 - x;
}

}  // namespace

void aggregate(const PositionsView& positions, const CubeView& cube, std::span<double> out,
               int threads) {
  sum_rows(positions, cube, cube.scenarios, out, threads);
}

void aggregate(const PositionsView& positions, const Revaluation& cube, std::span<double> out,
               int threads) {
  sum_rows(positions, cube, cube.scenarios(), out, threads);
}

void worst_loss(const PositionsView& positions, const CubeView& cube, std::span<double> loss,
                std::span<std::int32_t> scenario, int threads) {
  find_worst(positions, cube, loss, scenario, threads);
}

void worst_loss(const PositionsView& positions, const Revaluation& cube, std::span<double> loss,
                std::span<std::int32_t> scenario, int threads) {
  find_worst(positions, cube, loss, scenario, threads);
}

}  // namespace riskslide
