// Decides the tail of every row's P&L: value at risk, expected shortfall, and the scenarios behind.
#pragma once

#include <cstddef>
#include <cstdint>
#include <span>

#include "riskslide/risk/evaluate.hpp"

namespace riskslide {

/// With n scenarios, level a and losses ascending L(1) .. L(n): the rank k = ceil(n a), where n a
/// is rounded to nine decimals first, and what of L(k) lies in the tail.
struct TailShape {
  std::size_t scenarios = 0;  ///< n
  std::size_t size = 0;       ///< n - k + 1: L(k) and all above
  double share = 0.0;         ///< k - n a: how much of L(k) the shortfall counts
  double mass = 0.0;          ///< n - n a

  /// @throws InputError E_RANGE unless 0 < level < 1, E_SHAPE without scenarios.
  static TailShape of(std::size_t scenarios, double level);
};

/// value_at_risk (rows): L(k), a loss; expected_shortfall (rows): (sum of L(i), i > k, + share
/// L(k)) / mass, never below it. scenario (rows, size) row-major: the columns of the tail,
/// ascending; of equal losses at its edge the lowest columns belong to it. Sums run in the order of
/// the columns.
/// @throws InputError for shapes that do not fit, E_OVERFLOW (row) for sums that leave float64.
void tail(const PositionsView& positions, const CubeView& cube, const TailShape& shape,
          std::span<double> value_at_risk, std::span<double> expected_shortfall,
          std::span<std::int32_t> scenario, int threads = 0);
/// The same bits without the cube, which is valued once for every block of rows: half of the
/// revaluation's memory holds P&L of so many rows in all scenarios.
void tail(const PositionsView& positions, const Revaluation& cube, const TailShape& shape,
          std::span<double> value_at_risk, std::span<double> expected_shortfall,
          std::span<std::int32_t> scenario, int threads = 0);

}  // namespace riskslide
