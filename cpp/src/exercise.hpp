// Decides when an American option is exercised, and what that adds to the European one.
#pragma once

#include "kernel/table.hpp"

namespace riskslide::detail {

/// What decides an exercise boundary, in units of the strike; side: 1 of a call, -1 of a put.
struct ExerciseTerms {
  double side, years, vol, rate, yield;

  bool operator==(const ExerciseTerms&) const = default;
};

/// Whether waiting costs nothing at any price, so that the option is worth a European one. What
/// would be earned within 2^-60 of the strike counts as nothing.
bool never_exercised(const ExerciseTerms& x);

/// Whether the option is held below one price and above another as well: a put with yield < rate <
/// 0, a call with rate < yield < 0.
bool two_boundaries(const ExerciseTerms& x);

/// Whether the best time to exercise is as good as known now: the option has no vol to speak of, or
/// no life, or its vol is lost beside the drift within a small part of its life.
bool certain(const ExerciseTerms& x);

/// That time, and what exercise is then worth now, in units of the strike. The time of expiry is
/// left to the European option.
struct CertainExercise {
  double years, value;
};
CertainExercise certain_exercise(const ExerciseTerms& x, double spot);

/// The boundary of one option, good for every spot: by Newton's method on all nodes.
class ExerciseBoundary {
 public:
  ExerciseBoundary() = default;
  ExerciseBoundary(const ExerciseBoundary&) = delete;
  ExerciseBoundary& operator=(const ExerciseBoundary&) = delete;

  /// `sensitive`: also how vol and rate move it, which `premium<true>` wants. Exercise must be
  /// possible at one boundary. False where no solution was found.
  bool solve(const ExerciseTerms& terms, bool sensitive);

  [[nodiscard]] const ExerciseTerms& terms() const { return terms_; }

  /// Whether the option is exercised now, at a spot in units of the strike.
  [[nodiscard]] bool reached(double log_spot) const;

  /// What exercise before expiry adds, in units of the strike; value alone unless `sensitive`.
  [[nodiscard]] kernel::Premium premium(double spot, double log_spot, bool sensitive) const;

 private:
  // One step; `moved` is how far the boundary went, relative to its distance from the strike.
  bool improve(bool sensitive, double& moved);
  kernel::PremiumRule premium_rule();
  // Newton's steps by the current rule until the boundary moves by less than `settled`.
  bool settle(double settled);
  // The rule that is fine enough, once the coarse one has settled.
  [[nodiscard]] int needed_rule() const;
  // Goes on by a finer rule, from what the coarse one has.
  void refine(int rule);

  ExerciseTerms terms_{};
  kernel::ExerciseTask task_{};
  int rule_ = 0;  // of exercise_rules()
  using Size = kernel::FineExercise;
  alignas(64) double excess_[Size::columns];
  alignas(64) double inverse_shape_[Size::columns];
  alignas(64) double shape_[Size::nodes * Size::points];
  alignas(64) double by_vol_[Size::columns];
  alignas(64) double by_rate_[Size::columns];
  alignas(64) double system_[Size::nodes * Size::columns];
  alignas(64) double share_[kernel::premium_points];  // with weights_, where the boundary settles
  alignas(64) double weights_[Size::nodes * kernel::premium_points];
  alignas(64) kernel::PremiumProfile profile_;
};

}  // namespace riskslide::detail
