// Decides which limit an American option meets, and else its premium; see early_exercise.hpp.
#include "early_exercise.hpp"

#include <algorithm>
#include <cmath>

#include "checks.hpp"
#include "dispatch.hpp"
#include "riskslide/kinds.hpp"
#include "scalar.hpp"

namespace riskslide::detail {
namespace {

struct Figures {
  double value = 0.0, delta = 0.0, gamma = 0.0, vega = 0.0, theta = 0.0, rho = 0.0;
};

// Exercise at a time that is known now.
Figures exercised_at(const ExerciseTerms& x, double spot, double strike, double years) {
  const double asset = exponential_of(-(x.yield * years)), cash = exponential_of(-(x.rate * years));
  Figures f;
  f.value = x.side * (spot * asset - strike * cash);
  f.delta = x.side * asset;
  f.rho = x.side * years * strike * cash;
  return f;
}

bool known_boundary(const ExerciseTerms& terms, bool sensitive, ExerciseBoundary& boundary) {
  return terms == boundary.terms() || (!two_boundaries(terms) && boundary.solve(terms, sensitive));
}

// Theta is what the Black-Scholes equation leaves to it, as the option is held.
void add_premium(const ExerciseTerms& x, double spot, double strike, const kernel::Premium& p,
                 Figures& f) {
  const double intrinsic = std::max(x.side * (spot - strike), 0.0);
  f.value = std::max(f.value + std::max(p.value, 0.0) * strike, intrinsic);
  f.delta += p.delta;
  f.gamma += p.gamma / strike;
  f.vega += p.vega * strike;
  f.rho += p.rho * strike;
  f.theta = x.rate * f.value - (x.rate - x.yield) * spot * f.delta -
            0.5 * (x.vol * spot) * (x.vol * spot) * f.gamma;
}

bool add(const ExerciseTerms& x, double spot, double strike, bool sensitive,
         ExerciseBoundary& boundary, Figures& f) {
  if (certain(x)) {
    const CertainExercise at = certain_exercise(x, spot / strike);
    if (at.years < x.years && at.value * strike > f.value) {
      f = exercised_at(x, spot, strike, at.years);
    }
    return true;
  }
  if (never_exercised(x)) return true;
  if (!known_boundary(x, sensitive, boundary)) return false;
  const double log_spot = log_of_ratio(spot, strike);
  if (boundary.reached(log_spot)) {
    f = exercised_at(x, spot, strike, 0.0);
  } else {
    add_premium(x, spot, strike, boundary.premium(spot / strike, log_spot, sensitive), f);
  }
  return true;
}

}  // namespace

void refuse_exercise(std::int64_t i, const ExerciseTerms& terms) {
  if (certain(terms) || never_exercised(terms)) return;
  if (two_boundaries(terms)) {
    refuse("E_TWO_BOUNDARIES", "rate", i, terms.rate,
           terms.side < 0 ? "a put with dividend_yield < rate < 0 is exercised between two prices, "
                            "which is not modelled; value it as European"
                          : "a call with rate < dividend_yield < 0 is exercised between two "
                            "prices, which is not modelled; value it as European");
  }
  ExerciseBoundary boundary;
  if (!boundary.solve(terms, true)) {
    refuse("E_NO_BOUNDARY", "rate", i, terms.rate,
           "no exercise boundary was found for this row; check the units of vol, years, rate and "
           "dividend_yield");
  }
}

bool add_early_exercise(const kernel::GreeksBlock& b, ExerciseBoundary& boundary) {
  bool sound = true;
  for (std::int64_t i = 0; i < b.size; ++i) {
    const ExerciseTerms terms{b.side[i], b.years[i], b.vol[i], b.rate[i], b.dividend_yield[i]};
    Figures f{b.value[i], b.delta[i], b.gamma[i], b.vega[i], b.theta[i], b.rho[i]};
    sound = add(terms, b.underlying[i], b.strike[i], true, boundary, f) && sound;
    b.value[i] = f.value;
    b.delta[i] = f.delta;
    b.gamma[i] = f.gamma;
    b.vega[i] = f.vega;
    b.theta[i] = f.theta;
    b.rho[i] = f.rho;
    const double sum = (f.value + f.delta) + (f.gamma + f.vega) + (f.theta + f.rho);
    sound = sound && sum * 0.0 == 0.0;
  }
  return sound;
}

bool american_block(const kernel::GreeksBlock& block, ExerciseBoundary& boundary) {
  const auto by_rate = static_cast<int>(Discounting::rate);
  const auto european = kernels().greeks[static_cast<int>(Model::bsm)][by_rate][0];
  return european(block) == 0 && add_early_exercise(block, boundary);
}

bool add_early_exercise(const ExerciseTerms& terms, double spot, double strike,
                        ExerciseBoundary& boundary, double& value) {
  Figures f;
  f.value = value;
  const bool sound = add(terms, spot, strike, false, boundary, f);
  value = f.value;
  return sound;
}

}  // namespace riskslide::detail
