// Decides the enumerations; includes nothing but integers, so that kernels can share them.
#pragma once

#include <cstdint>

namespace riskslide {

/// How one unit of an instrument is valued (one kernel body each).
enum class Payoff : std::uint8_t {
  black76 = 0,    ///< European option on a forward, lognormal
  bachelier = 1,  ///< European option on a forward, normal
  margined = 2,   ///< future or perpetual: worth its move since the last mark
  spot = 3,       ///< coin, stock or cash: worth its whole price
  american = 4,   ///< American option on a spot with a dividend yield, lognormal
};

/// Option pricing models with Greeks.
enum class Model : std::uint8_t { black76 = 0, bsm = 1, bachelier = 2, american = 3 };

/// What a price says about its vol.
enum class VolStatus : std::uint8_t {
  ok = 0,
  below = 1,         ///< the price is below the discounted intrinsic value
  above = 2,         ///< the price is above its upper bound
  undetermined = 3,  ///< the price is one of its bounds within half of its last place
  domain = 4,        ///< an input is out of its domain
};

/// What the `rate` column of a forward model holds.
enum class Discounting : std::uint8_t {
  rate = 0,      ///< continuous yearly rate, discount = exp(-rate * years)
  discount = 1,  ///< the discount factor itself
};

}  // namespace riskslide
