// Decides how an exercise boundary is found; see exercise.hpp and kernel/exercise.inc.
#include "exercise.hpp"

#include <algorithm>
#include <cmath>

#include "dispatch.hpp"
#include "exercise_rules.hpp"
#include "scalar.hpp"

namespace riskslide::detail {
namespace {

constexpr double negligible = 0x1p-60;

// What exercise earns and what it costs, a year and per unit: the strike's interest and the
// dividends of a put, the other way round of a call.
double earned(const ExerciseTerms& x) { return x.side < 0 ? x.rate : x.yield; }
double forgone(const ExerciseTerms& x) { return x.side < 0 ? x.yield : x.rate; }

// Distance of the logarithm of the boundary to the strike where life has no end.
double perpetual(const ExerciseTerms& x) {
  constexpr double farthest = 1e3;
  const double variance = x.vol * x.vol, earns = earned(x);
  const double drift = earns - forgone(x) - 0.5 * variance;
  const double root = std::sqrt(drift * drift + 2.0 * earns * variance);
  // minus the negative power of the spot that solves the equation of Black and Scholes
  const double power = drift > 0 ? (drift + root) / variance : 2.0 * earns / (root - drift);
  return power > 1e-300 ? std::min(farthest, log_of_ratio(1.0 + 1.0 / power, 1.0)) : farthest;
}

// Years before expiry from which on the boundary is the perpetual one to double precision: beyond
// it a life without end weighs e^-40 or less at the boundary.
double settling_years(const ExerciseTerms& x) {
  const double drift = (earned(x) - forgone(x)) / x.vol - 0.5 * x.vol;
  return 40.0 / (earned(x) + 0.5 * drift * drift);
}

}  // namespace

bool never_exercised(const ExerciseTerms& x) {
  if (earned(x) <= 0 && forgone(x) >= earned(x)) return true;
  return (std::max(earned(x), 0.0) + std::max(-forgone(x), 0.0)) * x.years < negligible;
}

bool certain(const ExerciseTerms& x) {
  constexpr double least_deviation = 1e-8, least_share = 1e-10;
  const double variance = x.vol * x.vol;
  return x.vol * std::sqrt(x.years) < least_deviation ||
         (variance < least_share * std::fabs(x.rate - x.yield) && settling_years(x) < x.years);
}

bool two_boundaries(const ExerciseTerms& x) { return earned(x) < 0 && forgone(x) < earned(x); }

CertainExercise certain_exercise(const ExerciseTerms& x, double spot) {
  const auto value = [&](double years) {
    return x.side * (spot * exponential_of(-(x.yield * years)) - exponential_of(-(x.rate * years)));
  };
  CertainExercise best{x.years, value(x.years)};
  const auto consider = [&](double years) {
    if (const double found = value(years); found > best.value) best = {years, found};
  };
  // where the interest on the strike is what the dividends are
  const double interest = x.rate / (x.yield * spot), carry = x.rate - x.yield;
  if (std::isnormal(interest) && interest > 0 && carry != 0) {
    const double years = log_of_ratio(interest, 1.0) / carry;
    if (years > 0 && years < x.years) consider(years);
  }
  consider(0.0);
  return best;
}

bool ExerciseBoundary::improve(bool sensitive, double& moved) {
  const std::int64_t nodes = task_.rule->nodes, columns = task_.rule->columns;
  kernels().exercise_system[rule_][sensitive ? 1 : 0](task_);
  kernels().solve_exercise(system_, nodes, columns);
  moved = 0.0;
  for (std::int64_t i = 0; i < nodes; ++i) {
    const double* solved = system_ + i * columns + nodes;
    const double now = excess_[i], wanted = now - solved[0];
    // a step too far, or none at all, is cut
    const double next = wanted > now / 3.0 ? std::min(wanted, 3.0 * now) : now / 3.0;
    moved = std::max(moved, std::fabs(next - now) / (task_.start + now));
    excess_[i] = next;
    if (!sensitive) continue;
    by_vol_[i] = -solved[1];
    by_rate_[i] = -solved[2];
  }
  return std::isfinite(moved);
}

bool ExerciseBoundary::settle(double settled) {
  constexpr int most_steps = 40;
  double moved = 1.0;
  for (int step = 0; step < most_steps && !(moved < settled); ++step) {
    if (!improve(false, moved)) return false;
  }
  return moved < settled;
}

int ExerciseBoundary::needed_rule() const {
  // With these at most 3e-9 of the strike from the fine rule over 5,000 random options.
  constexpr double resolved = 5e-5, most_drift = 1.0, little_income = 0.03;
  const kernel::ExerciseRule& rule = *task_.rule;
  const std::int64_t nodes = rule.nodes;
  double last[2] = {0.0, 0.0};
  for (std::int64_t j = 0; j < nodes; ++j) {
    const double shaped = excess_[j] * inverse_shape_[j];
    last[0] += rule.tail[j] * shaped;
    last[1] += rule.tail[nodes + j] * shaped;
  }
  // what the series of the boundary leaves out, at the last node
  const double left_out = (std::fabs(last[0]) + std::fabs(last[1])) / inverse_shape_[nodes - 1];
  const double drift = std::fabs(task_.carry) * task_.inverse_vol * task_.root_life;
  if (!(left_out < resolved) || !(drift < most_drift)) return 2;
  const double income =
      (std::fabs(task_.rate) + std::fabs(task_.yield)) * task_.root_life * task_.root_life;
  return task_.start > 0 || income < little_income ? 0 : 1;
}

void ExerciseBoundary::refine(int rule) {
  const ExerciseRules& rules = exercise_rules();
  rule_ = rule;
  if (rule == 2) kernels().refine_exercise(task_, rules.size[rule]);
  task_.rule = &rules.size[rule];
  kernels().shape_exercise(task_);
}

bool ExerciseBoundary::solve(const ExerciseTerms& terms, bool sensitive) {
  const ExerciseRules& rules = exercise_rules();
  const double earns = earned(terms), costs = forgone(terms);
  rule_ = 0;
  terms_ = {};  // until it is solved
  const double start = costs > earns && earns > 0 ? log_of_ratio(costs / earns, 1.0) : 0.0;
  task_ = {.rule = &rules.size[0],
           .side = terms.side,
           .vol = terms.vol,
           .rate = terms.rate,
           .yield = terms.yield,
           .root_life = std::sqrt(terms.years),
           .root_years = std::sqrt(std::min(terms.years, settling_years(terms))),
           .inverse_vol = 1.0 / terms.vol,
           .drift = (terms.rate - terms.yield) / terms.vol + 0.5 * terms.vol,
           .carry = terms.rate - terms.yield,
           .coupon = earns,
           .level = std::max(perpetual(terms) - start, 1e-30),
           .start = start,
           .start_by_rate = start > 0 ? terms.side / terms.rate : 0.0,
           .excess = excess_,
           .inverse_shape = inverse_shape_,
           .shape = shape_,
           .system = system_};
  kernels().guess_exercise(task_);
  kernels().shape_exercise(task_);
  // What the coarse rule has no solution for, the fine one starts anew.
  // A step squares what is left, so that the last one needs less before it.
  const double settled = sensitive ? 2e-4 : 1e-5;
  if (!settle(settled)) {
    rule_ = 2;
    task_.rule = &rules.size[2];
    kernels().guess_exercise(task_);
    kernels().shape_exercise(task_);
  } else if (const int needed = needed_rule(); needed != 0) {
    refine(needed);
  }
  if (rule_ == 2 && !settle(settled)) return false;
  std::fill_n(by_vol_, Size::columns, 0.0);
  std::fill_n(by_rate_, Size::columns, 0.0);
  double last = 0.0;
  if ((sensitive || rule_ == 1) && !improve(sensitive, last)) return false;
  kernels().profile_premium(task_, premium_rule(), by_vol_, by_rate_, profile_);
  terms_ = terms;
  return true;
}

kernel::PremiumRule ExerciseBoundary::premium_rule() {
  kernel::PremiumRule rule = exercise_rules().premium[rule_];
  if (task_.root_years < task_.root_life) {
    stretched_weights(task_.root_life / task_.root_years, task_.rule->nodes, share_, weights_);
    rule.share = share_;
    rule.interpolate = weights_;
  }
  return rule;
}

bool ExerciseBoundary::reached(double log_spot) const {
  return task_.side * log_spot >= task_.start + excess_[task_.rule->nodes - 1];
}

kernel::Premium ExerciseBoundary::premium(double spot, double log_spot, bool sensitive) const {
  kernel::Premium out{};
  kernels().premium[sensitive ? 1 : 0](task_, profile_, spot, log_spot, out);
  return out;
}

}  // namespace riskslide::detail
