// Decides value and Greeks of European and American options, one option a row.
#pragma once

#include <cstddef>
#include <cstdint>
#include <span>

#include "riskslide/types.hpp"

namespace riskslide {

/// One float64 argument of a vector call: a column of N values, or one value for all rows.
struct Column {
  std::span<const double> values;

  static Column of(std::span<const double> column) { return {column}; }
  static Column of(const double& value) { return {{&value, 1}}; }
  static Column of(double&&) = delete;  // would not outlive the statement

  [[nodiscard]] bool scalar() const noexcept { return values.size() == 1; }
};

/// Inputs of N options. `underlying` is the forward (black76, bachelier) or the spot (bsm,
/// american).
struct OptionColumns {
  Model model = Model::black76;
  Discounting discounting = Discounting::rate;
  std::size_t size = 0;
  Column underlying, strike, years, vol, rate, dividend_yield;
  const std::uint8_t* is_call = nullptr;
  bool is_call_scalar = false;
};

/// Outputs of N options, one long unit each: value, delta, gamma, vega per 1.00 of vol, theta per
/// year, rho per 1.00 of rate. Of second order, all three or none: vanna, the change of delta per
/// 1.00 of vol; volga, that of vega; charm, that of delta per year as time passes. Every pointer
/// holds N doubles owned by the caller.
struct GreekColumns {
  double* value = nullptr;
  double* delta = nullptr;
  double* gamma = nullptr;
  double* vega = nullptr;
  double* theta = nullptr;
  double* rho = nullptr;
  double* vanna = nullptr;
  double* volga = nullptr;
  double* charm = nullptr;
};

/// Fills `out`. Theta and rho of the forward models move the discount and hold the forward.
/// Limits are exact: vol = 0 or years = 0 gives the discounted intrinsic, the step delta (half at
/// the money) and no gamma or vega.
/// An American option that is to be exercised now has its intrinsic value, delta 1 or -1 and no
/// other Greek; it takes a rate, has no Greeks of second order, and is refused where it would be
/// exercised between two prices (put: dividend_yield < rate < 0; call: rate < dividend_yield < 0).
/// @throws InputError naming argument and row (the first one in row order); `out` then holds no
///   meaning.
void greeks(const OptionColumns& options, const GreekColumns& out, int threads = 0);

}  // namespace riskslide
