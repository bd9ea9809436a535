// Decides the vol at which an American option is worth a price, one option a row.
#pragma once

#include <cstddef>
#include <cstdint>
#include <span>

#include "riskslide/types.hpp"
#include "riskslide/value/greeks.hpp"

namespace riskslide {

/// What was found for a row.
enum class VolStatus : std::uint8_t {
  found = 0,
  below = 1,      ///< the price is below what the option is worth without vol
  above = 2,      ///< the price is not below the underlying (call) or the strike, discounted or not
  no_vega = 3,    ///< the price is the lower bound to the last digits: any small vol gives it
  not_valid = 4,  ///< another input is out of its domain, or the option has two boundaries
};

/// Inputs of N options on a spot.
struct AmericanPrices {
  std::size_t size = 0;
  Column price, spot, strike, years, rate, dividend_yield;
  const std::uint8_t* is_call = nullptr;
  bool is_call_scalar = false;
};

/// vol (N) such that the American value is the price, to the last digits that the value's own
/// accuracy lets it have; 0 where the status is not `found`.
/// @throws InputError where the columns do not have one length.
void american_implied_vol(const AmericanPrices& prices, std::span<double> vol,
                          std::span<VolStatus> status, int threads = 0);

}  // namespace riskslide
