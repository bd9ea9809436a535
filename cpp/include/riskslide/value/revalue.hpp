// Decides what one unit of every instrument gains or loses in every scenario, and its cash delta.
#pragma once

#include <cstddef>
#include <cstdint>
#include <span>

#include "riskslide/types.hpp"

namespace riskslide {

/// N instruments at one instant, as columns of length N. `price` is the price that the payoff is
/// written on: the forward of an option, the mark of a future, the spot of a coin.
/// `fx` turns one unit of the settlement currency into the reporting currency, now.
struct InstrumentColumns {
  std::span<const Payoff> payoff;
  std::span<const std::uint8_t> is_call;    ///< options only
  std::span<const std::uint8_t> inverse;    ///< 1: settled in coin at the scenario's own price
  std::span<const std::int32_t> factor;     ///< row of the shocks that moves price and vol
  std::span<const std::int32_t> fx_factor;  ///< row of the shocks that moves fx; -1 = constant
  std::span<const double> price;
  std::span<const double> strike;
  std::span<const double> years;
  std::span<const double> vol;
  std::span<const double> discount;
  std::span<const double> multiplier;  ///< units of the underlying per contract unit
  std::span<const double> fx;
  /// Lognormal options only: the spot that `price` is the forward of, where the spot is what is
  /// held as time passes or rates move; 0: the forward is held. Empty: 0 throughout. An American
  /// option is exercised at its spot, whose dividend yield the forward tells; at its price, as of a
  /// future, where that is 0.
  // NOLINTNEXTLINE(readability-redundant-member-init): may be left out without a warning
  std::span<const double> spot = {};

  [[nodiscard]] std::size_t size() const noexcept { return payoff.size(); }
};

/// Shocks of R risk factors in S scenarios, row-major (R, S):
/// price' = price * price_scale + price_shift; vol' = max(vol * vol_scale + vol_shift, vol_floor).
/// An option has years' = max(years - horizon, 0) left, and its rate is held but for its shift:
/// discount' = discount^(years' / years) * exp(-rate_shift * years'). One that expires within the
/// horizon is worth its intrinsic value at price', held as cash. A forward over a held `spot` moves
/// on: price' is multiplied by (spot / price)^((years - years') / years) * exp(rate_shift *
/// years').
struct ShockColumns {
  std::size_t factors = 0;
  std::size_t scenarios = 0;
  std::span<const double> price_scale;
  std::span<const double> price_shift;
  std::span<const double> vol_scale;
  std::span<const double> vol_shift;
  std::span<const double> vol_floor;
  // NOLINTNEXTLINE(readability-redundant-member-init): may be left out without a warning
  std::span<const double> horizon = {};  ///< (S) years that pass, >= 0; empty: none do
  // NOLINTNEXTLINE(readability-redundant-member-init): may be left out without a warning
  std::span<const double> rate_shift = {};  ///< (R, S) per 1.00, continuous; empty: rates stand
};

/// values (N, S): value of one unit in the scenario minus `base`, in the reporting currency.
/// base (N): value of one unit now; 0 for futures and perpetuals, which are marked to market.
/// @returns how many (instrument, scenario) cells drove a lognormal forward to zero or below and
///   were valued at the limit (call 0, put strike * discount).
/// @throws InputError naming column and row.
std::int64_t revalue(const InstrumentColumns& instruments, const ShockColumns& shocks,
                     std::span<double> values, std::span<double> base, int threads = 0);

/// delta (N): delta of one unit times the price that it is written on, in the reporting currency;
/// with inverse set, the delta in coin, not adjusted for the premium, times fx. Of `spot` the
/// value: an expired contract, which is cash, has none, so that its row must be set to 0.
/// `multiplier` is the contract's own; `factor` and `fx_factor` are not read and may be empty.
/// @throws InputError naming column and row.
void cash_delta(const InstrumentColumns& instruments, std::span<double> delta, int threads = 0);

}  // namespace riskslide
