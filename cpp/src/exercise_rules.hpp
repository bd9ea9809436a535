// Decides at which nodes an exercise boundary is solved for, and at which points integrals read it.
#pragma once

#include <cstdint>

#include "kernel/table.hpp"

namespace riskslide::detail {

/// Rules from coarse to fine, each with that of the premium of a boundary at its nodes.
struct ExerciseRules {
  kernel::ExerciseRule size[3];  // of kernel::CoarseExercise, MiddleExercise, FineExercise
  kernel::PremiumRule premium[3];
};

/// Weights (nodes, premium points) of the boundary at the nodes, where it moves over a share of the
/// life alone: `stretch` is the square root of life over that time. share: (premium points).
void stretched_weights(double stretch, std::int64_t nodes, double* share, double* weights);

/// The same bits on every machine: computed once, by + - * / and square roots alone.
const ExerciseRules& exercise_rules();

}  // namespace riskslide::detail
