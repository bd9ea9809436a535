// Decides which contracts of one underlying are margined together, so that least is required.
#pragma once

#include <array>
#include <cstddef>
#include <cstdint>
#include <span>
#include <vector>

namespace riskslide {

/// Most contracts of a spread.
inline constexpr std::size_t group_size = 4;

/// What one account holds on one underlying, a row for each contract; `option` is false for stock.
/// Amounts are of one contract: strike in money; price: what an option is worth, alone: what the
/// row requires by itself, by the rules of naked and long options or of stock. quantity: contracts,
/// >= 1; expiry: any numbers that ascend with time.
struct Holding {
  std::span<const bool> option, is_call, is_short;
  std::span<const double> strike, price, alone;
  std::span<const std::int64_t> expiry, quantity;

  std::size_t rows() const noexcept { return alone.size(); }
};

/// Contracts margined together: `size` rows, ascending, one that is held several times repeated.
struct Group {
  std::array<std::int32_t, group_size> row{};
  std::int32_t size = 0;
  double requirement = 0.0;
};

/// groups: those of the matching, `count` of each; total: what they require; bound: no matching
/// requires less (both to 1e-9 of it); nodes: how many parts the search had. The matching is the
/// optimum if `proven`: within a millionth, or 1e-12 of the amounts where that is more.
struct Matching {
  std::vector<Group> groups;
  std::vector<std::int64_t> count;
  double total = 0.0;
  double bound = 0.0;
  std::int64_t nodes = 0;
  bool proven = false;
};

/// The largest loss at expiry of a spread over zero and all strikes, >= 0; infinite if calls are
/// short on balance. rows: of options, whose longs expire on or after its shorts.
double spread_requirement(const Holding& held, std::span<const std::int32_t> rows);

/// The matching that requires least: every contract in one group, which is a row alone, a short
/// call with a short put, a spread of up to four contracts, or one of `others`, whose requirements
/// are given. `most` bounds the nodes of the search.
/// @throws InputError for shapes that do not fit, E_NOT_FINITE, E_INDEX, E_DOMAIN.
Matching match(const Holding& held, std::span<const Group> others, std::int64_t most = 2000);

}  // namespace riskslide
