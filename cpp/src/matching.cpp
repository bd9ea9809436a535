// Decides how the matching that requires least is found and proven: spreads are searched until none
// is missing from the relaxation, then whole groups, then spreads that could still be part of
// a better matching.
#include "riskslide/risk/matching.hpp"

#include <algorithm>
#include <cmath>
#include <set>
#include <string>

#include "checks.hpp"
#include "cover.hpp"
#include "spreads.hpp"

namespace riskslide {
namespace {

constexpr std::int64_t node_rows = 2500;        // so many rows, squared, halve the nodes
constexpr std::size_t kept_a_row = 6;           // best spreads of a row that are added at a time
constexpr std::size_t most_columns = 1u << 18;  // beyond, the proof is given up
constexpr double near_enough = 1e-3;  // of the bound: where a matching is looked for first

using Key = std::array<std::int32_t, group_size + 1>;

Key key_of(const Group& group) {
  Key key{};
  std::copy(group.row.begin(), group.row.end(), key.begin());
  key.back() = group.size;
  for (auto k = static_cast<std::size_t>(group.size); k < group_size; ++k) key[k] = -1;
  return key;
}

class Columns {
 public:
  Columns(const Holding& held, std::span<const Group> others) : held_(held) {
    for (std::size_t row = 0; row < held.rows(); ++row) {
      all.push_back({{static_cast<std::int32_t>(row)}, 1, held.alone[row]});
    }
    for (const Group& group : others) add(group);
    for (std::size_t a = 0; a < held.rows(); ++a) {
      for (std::size_t b = a + 1; b < held.rows(); ++b) {
        if (held.option[a] && held.option[b]) pair(a, b);
      }
    }
  }

  /// Unless it is there or splits.
  void add(const Group& group) {
    if (splits(group) || !keys_.insert(key_of(group)).second) return;
    all.push_back(group);
  }

  /// Whether its contracts require no more alone or in two parts.
  bool splits(const Group& group) const {
    const int all_of_it = (1 << group.size) - 1;
    double alone = 0.0;
    for (std::int32_t k = 0; k < group.size; ++k) {
      alone += held_.alone[static_cast<std::size_t>(group.row[static_cast<std::size_t>(k)])];
    }
    if (group.requirement >= alone) return true;
    for (int part = 1; part < all_of_it; ++part) {
      if (part_of(group, part) + part_of(group, all_of_it - part) <= group.requirement) return true;
    }
    return false;
  }

  std::vector<Group> all;

 private:
  void pair(std::size_t a, std::size_t b) {
    const Group group = group_of({static_cast<std::int32_t>(a), static_cast<std::int32_t>(b)}, 2);
    if (std::isfinite(group.requirement)) add(group);
  }

  // Of options alone: a short straddle or strangle, a spread, else no group at all.
  Group group_of(const std::array<std::int32_t, group_size>& rows, std::int32_t size) const {
    Group group{rows, size, std::numeric_limits<double>::infinity()};
    std::int64_t last_short = std::numeric_limits<std::int64_t>::min();
    std::int64_t first_long = std::numeric_limits<std::int64_t>::max();
    std::int32_t shorts = 0;
    for (std::int32_t k = 0; k < size; ++k) {
      const auto row = static_cast<std::size_t>(rows[static_cast<std::size_t>(k)]);
      if (!held_.option[row]) return group;
      shorts += held_.is_short[row];
      if (held_.is_short[row]) last_short = std::max(last_short, held_.expiry[row]);
      if (!held_.is_short[row]) first_long = std::min(first_long, held_.expiry[row]);
    }
    const auto a = static_cast<std::size_t>(rows[0]), b = static_cast<std::size_t>(rows[1]);
    if (size == 1) group.requirement = held_.alone[a];
    if (size == 2 && shorts == 2 && held_.is_call[a] != held_.is_call[b]) {
      group.requirement =
          std::max(held_.alone[a] + held_.price[b], held_.alone[b] + held_.price[a]);
    }
    if (shorts > 0 && shorts < size && last_short <= first_long) {
      group.requirement = spread_requirement(held_, {rows.data(), static_cast<std::size_t>(size)});
    }
    return group;
  }

  double part_of(const Group& group, int mask) const {
    std::array<std::int32_t, group_size> rows{};
    std::int32_t size = 0;
    for (std::int32_t k = 0; k < group.size; ++k) {
      if (mask >> k & 1)
        rows[static_cast<std::size_t>(size++)] = group.row[static_cast<std::size_t>(k)];
    }
    return size == 1 ? held_.alone[static_cast<std::size_t>(rows[0])]
                     : group_of(rows, size).requirement;
  }

  const Holding& held_;
  std::set<Key> keys_;
};

// The spreads that save most, so many for each of their rows.
class Best {
 public:
  explicit Best(std::size_t rows) : of_(rows) {}

  void take(const Group& group, double saved) {
    for (std::int32_t k = 0; k < group.size; ++k) {
      auto& list = of_[static_cast<std::size_t>(group.row[static_cast<std::size_t>(k)])];
      if (list.size() == kept_a_row && saved >= list.back().first) continue;
      const auto at = std::upper_bound(list.begin(), list.end(), saved,
                                       [](double x, const auto& y) { return x < y.first; });
      list.insert(at, {saved, group});
      if (list.size() > kept_a_row) list.pop_back();
    }
  }

  /// How many were new.
  std::size_t hand_over(Columns& columns) const {
    const std::size_t before = columns.all.size();
    for (const auto& list : of_) {
      for (const auto& [saved, group] : list) columns.add(group);
    }
    return columns.all.size() - before;
  }

 private:
  std::vector<std::vector<std::pair<double, Group>>> of_;
};

// Adds columns until no spread is missing.
void complete(const Holding& held, Columns& columns, detail::Relaxation& lead, double tolerance) {
  for (;;) {
    lead.solve();
    std::size_t added = 0;
    for (const auto way : {detail::Search::LEADING, detail::Search::ALL}) {
      Best best(held.rows());
      detail::find_spreads(held, lead.charges(), -tolerance, way,
                           [&](const Group& group, double saved) {
                             if (!columns.splits(group)) best.take(group, saved);
                           });
      added = best.hand_over(columns);
      if (added) break;
    }
    if (!added) return;
  }
}

void check(const Holding& held, std::span<const Group> others);

// Searches the columns whose reduced cost is at most `gap`: no matching that is so much dearer than
// the bound holds another.
bool search_within(const Holding& held, const Columns& columns, const detail::Relaxation& lead,
                   double gap, double tolerance, std::int64_t most, Matching& found) {
  std::vector<Group> near;
  for (std::size_t k = 0; k < columns.all.size(); ++k) {
    if (k < held.rows() || lead.reduced(k) <= gap) near.push_back(columns.all[k]);
  }
  detail::Relaxation part(near, held.quantity);
  part.solve();
  Matching better;
  better.total = found.total;
  better.nodes = found.nodes;
  const bool through = detail::search(near, held.quantity, part, tolerance, most, better);
  found.nodes = better.nodes;
  if (better.count.empty()) return through;
  found = {{}, {}, better.total, found.bound, better.nodes, false};
  for (std::size_t k = 0; k < near.size(); ++k) {
    if (better.count[k] == 0) continue;
    found.groups.push_back(near[k]);
    found.count.push_back(better.count[k]);
  }
  return through;
}

}  // namespace

Matching match(const Holding& held, std::span<const Group> others, std::int64_t most) {
  check(held, others);
  Matching found;
  found.proven = held.rows() == 0;
  if (found.proven) return found;
  double size = 0.0;
  for (std::size_t row = 0; row < held.rows(); ++row) {
    const double amount = static_cast<double>(held.quantity[row]) * held.alone[row];
    found.total += amount;
    size += std::abs(amount);
  }
  const double tolerance = std::max(1e-6, 1e-12 * size);
  found.total += 2.0 * tolerance;  // of every contract alone, which the search finds again
  Columns columns(held, others);
  detail::Relaxation lead(columns.all, held.quantity);
  complete(held, columns, lead, 1e-3 * tolerance);
  found.bound = lead.value();
  // A node of many rows takes the longer: the budget is one of time, told by counts.
  const auto rows = static_cast<std::int64_t>(held.rows());
  most = 1 + most / (1 + rows * rows / node_rows);
  double gap = std::max(tolerance, near_enough * std::abs(found.bound));
  bool through = search_within(held, columns, lead, gap, tolerance, most, found);
  const double left = found.total - found.bound;
  if (through && left > tolerance) {
    const std::size_t before = columns.all.size();
    detail::find_spreads(held, lead.charges(), left, detail::Search::ALL,
                         [&](const Group& group, double) {
                           if (columns.all.size() < most_columns) columns.add(group);
                         });
    if (left > gap || columns.all.size() > before) {
      through = search_within(held, columns, lead, left, tolerance, most, found);
    }
    through = through && columns.all.size() < most_columns;
  }
  found.proven = through || found.total <= found.bound + tolerance;
  return found;
}

namespace {

void check(const Holding& held, std::span<const Group> others) {
  const std::size_t rows = held.rows();
  detail::need_size("option", held.option.size(), rows);
  detail::need_size("is_call", held.is_call.size(), rows);
  detail::need_size("is_short", held.is_short.size(), rows);
  detail::need_size("strike", held.strike.size(), rows);
  detail::need_size("price", held.price.size(), rows);
  detail::need_size("expiry", held.expiry.size(), rows);
  detail::need_size("quantity", held.quantity.size(), rows);
  for (std::size_t row = 0; row < rows; ++row) {
    const auto at = static_cast<std::int64_t>(row);
    for (const auto& [name, values] :
         {std::pair{"strike", held.strike}, {"price", held.price}, {"alone", held.alone}}) {
      if (!std::isfinite(values[row])) {
        throw InputError("E_NOT_FINITE", name, at, values[row], "must be a finite number");
      }
    }
    if (held.quantity[row] < 1 || held.quantity[row] > std::int64_t{1} << 40) {
      throw InputError("E_DOMAIN", "quantity", at, static_cast<double>(held.quantity[row]),
                       "must be from 1 to 2**40 contracts");
    }
  }
  for (std::size_t k = 0; k < others.size(); ++k) {
    const Group& group = others[k];
    const auto at = static_cast<std::int64_t>(k);
    if (group.size < 1 || group.size > static_cast<std::int32_t>(group_size)) {
      throw InputError("E_DOMAIN", "others", at, group.size, "must be of one to four contracts");
    }
    if (!std::isfinite(group.requirement)) {
      throw InputError("E_NOT_FINITE", "others", at, group.requirement, "must be finite");
    }
    for (std::int32_t j = 0; j < group.size; ++j) {
      const std::int32_t row = group.row[static_cast<std::size_t>(j)];
      if (row < 0 || static_cast<std::size_t>(row) >= rows) {
        throw InputError("E_INDEX", "others", at, row, "must be a row that is held");
      }
    }
  }
}

}  // namespace
}  // namespace riskslide
