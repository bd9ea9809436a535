// Decides value and Greeks of American options, from those of the European ones beside them.
#pragma once

#include <cstdint>

#include "exercise.hpp"

namespace riskslide::detail {

/// Refuses row i where its boundaries are two, or were not found.
void refuse_exercise(std::int64_t i, const ExerciseTerms& terms);

/// Adds to the Greeks of a block of European options on a spot, in place, what early exercise is
/// worth. `boundary` is scratch memory. False where a row is to be refused.
bool add_early_exercise(const kernel::GreeksBlock& block, ExerciseBoundary& boundary);

/// Value and Greeks of a block of American options. False where a row is to be refused.
bool american_block(const kernel::GreeksBlock& block, ExerciseBoundary& boundary);

/// What `add_early_exercise` adds, of values alone: `value` holds that of the European option.
/// Prices as they are quoted.
bool add_early_exercise(const ExerciseTerms& terms, double spot, double strike,
                        ExerciseBoundary& boundary, double& value);

}  // namespace riskslide::detail
