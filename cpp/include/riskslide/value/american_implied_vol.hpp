// Decides the vol at which an American option is worth a price, one option a row.
#pragma once

#include <cstddef>
#include <cstdint>
#include <span>

#include "riskslide/types.hpp"
#include "riskslide/value/greeks.hpp"

namespace riskslide {

/// Inputs of N options on a spot.
struct AmericanPrices {
  std::size_t size = 0;
  Column price, spot, strike, years, rate, dividend_yield;
  const std::uint8_t* is_call = nullptr;
  bool is_call_scalar = false;
};

/// vol (N) such that the American value is the price, to the last digits that the value's own
/// accuracy lets it have; 0 where the status is not `ok`: `below` what the option is worth without
/// vol, `above` where the price is not below the underlying (call) or the strike, `undetermined`
/// where it is the lower bound to the last digits, `domain` also where the option has two
/// boundaries.
/// @throws InputError where the columns do not have one length.
void american_implied_vol(const AmericanPrices& prices, std::span<double> vol,
                          std::span<VolStatus> status, int threads = 0);

}  // namespace riskslide
