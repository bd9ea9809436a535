// Decides the vol that a European option's price implies, one option a row.
#pragma once

#include <cstddef>
#include <cstdint>
#include <span>

#include "riskslide/types.hpp"
#include "riskslide/value/greeks.hpp"

namespace riskslide {

/// Prices of N options: `options.vol` is not read.
struct QuoteColumns {
  Column price;
  OptionColumns options;
};

/// Fills `vol` and `status` (N each): where a row has no vol, it holds 0 and `status` says why.
/// A price has one strictly between its bounds: the discounted intrinsic value and, of a call, the
/// discounted forward, of a put, the discounted strike; Bachelier's has no upper bound. A price
/// that is a bound within half of its last place is `undetermined`; under bsm also one within 2^-60
/// of spot and strike of its intrinsic value, which two rounded exponentials leave open. `domain`
/// is everything that `greeks` refuses, years of 0 and a vol that is no normal number; of a
/// lognormal model, a discounted forward or strike below 2^-960 or not finite, or a rate times
/// years beyond 690; of Bachelier, a discount beyond 2^+-300.
/// @throws InputError if a column has another length than the options.
void implied_vol(const QuoteColumns& quotes, std::span<double> vol, std::span<VolStatus> status,
                 int threads = 0);

/// The same, where every row must have a vol.
/// @throws InputError naming argument, row and bounds of the first that has none; `vol` then holds
///   no meaning.
void implied_vol(const QuoteColumns& quotes, std::span<double> vol, int threads = 0);

}  // namespace riskslide
