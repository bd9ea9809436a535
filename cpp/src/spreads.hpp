// Decides which spreads require less than their contracts are charged elsewhere.
#pragma once

#include <functional>

#include "riskslide/risk/matching.hpp"

namespace riskslide::detail {

/// Told of a spread and of what it saves: its requirement less the charges of its contracts, < 0.
using Sink = std::function<void(const Group&, double)>;

/// LEADING: of each strike and latest expiry the contract of the largest charge alone: fast, and
/// what it finds is right, but it may miss spreads. ALL: every spread.
enum class Search { LEADING, ALL };

/// Tells of spreads whose requirement less `charge` (rows) of their contracts is below `limit`.
void find_spreads(const Holding& held, std::span<const double> charge, double limit, Search search,
                  const Sink& sink);

}  // namespace riskslide::detail
