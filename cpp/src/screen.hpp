// Decides the worst column of every account by sums in single precision first; see screen.cpp.
#pragma once

#include <cstdint>
#include <span>

#include "riskslide/risk/evaluate.hpp"

namespace riskslide::detail {

/// Fills the most negative sum of every account (0 where none is below it) and its column, the
/// lowest on ties: to the bit what the sums in double precision give. The cube is held once more
/// in half the bytes. False where it has too few or too many columns, or a value or a sum
/// that is too large; nothing is filled then.
bool screen_worst(const PositionsView& positions, const CubeView& cube, std::span<double> least,
                  std::span<std::int32_t> scenario, int threads);

}  // namespace riskslide::detail
