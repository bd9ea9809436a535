// Decides at which nodes an exercise boundary is solved for, and at which points integrals read it.
#pragma once

#include "kernel/table.hpp"

namespace riskslide::detail {

/// Rules for the first steps of a solution, for its last ones, and for the premium.
struct ExerciseRules {
  kernel::ExerciseRule coarse, fine;
  kernel::PremiumRule premium;
};

/// Weights (nodes, premium points) of the boundary at the nodes, where it moves over a share of the
/// life alone: `stretch` is the square root of life over that time. share: (premium points).
void stretched_weights(double stretch, double* share, double* weights);

/// The same bits on every machine: computed once, by + - * / and square roots alone.
const ExerciseRules& exercise_rules();

}  // namespace riskslide::detail
