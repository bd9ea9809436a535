// Decides how whole groups are found: where the relaxation takes a group in parts, once with one
// more of it and once without.
#include <algorithm>
#include <cmath>

#include "cover.hpp"

namespace riskslide::detail {
namespace {

constexpr double whole = 1e-6;  // parts of a group below it are none

struct Part {
  std::vector<std::int64_t> left;   // contracts of each row that nothing is set aside with
  std::vector<std::int64_t> aside;  // by column
  double cost = 0.0;                // of what is set aside
};

class Search {
 public:
  Search(const std::vector<Group>& columns, double tolerance, std::int64_t most, Matching& found)
      : columns_(columns), tolerance_(tolerance), most_(most), found_(found) {}

  // Goes down to one whole matching: at every step takes what lacks least to be whole.
  void dive(Part part, Relaxation lead) {
    for (;;) {
      const std::vector<double> amounts = lead.amounts();
      take_whole(part, amounts);
      std::vector<std::pair<double, std::size_t>> parts;
      for (std::size_t k = part.left.size(); k < columns_.size(); ++k) {
        const double share = amounts[k] - std::floor(amounts[k] + whole);
        if (columns_[k].size > 1 && share > whole) parts.emplace_back(-share, k);
      }
      std::sort(parts.begin(), parts.end());
      std::vector<std::size_t> taken;
      for (const auto& [share, k] : parts) {
        if (4 * taken.size() > parts.size()) break;
        const auto times = static_cast<std::int64_t>(std::floor(amounts[k])) + 1;
        if (!set_aside(part, k, times)) continue;
        taken.push_back(k);
        lead.take_off(k, times);
      }
      if (taken.empty() || !lead.regain()) return;
    }
  }

  // Whether the part was searched through.
  bool visit(const Part& part, const Relaxation& lead) {
    if (++found_.nodes > most_) return false;
    if (part.cost + lead.value() >= found_.total - tolerance_) return true;
    const std::vector<double> amounts = lead.amounts();
    const std::size_t column = most_in_parts(amounts);
    take_whole(part, amounts);
    if (column == columns_.size()) return true;
    const auto low = static_cast<std::int64_t>(std::floor(amounts[column]));
    return more(part, lead, column, low + 1) && at_most(part, lead, column, low);
  }

 private:
  // The whole groups of the relaxation, and every contract that is left alone.
  void take_whole(const Part& part, std::span<const double> amounts) {
    std::vector<std::int64_t> left = part.left, count = part.aside;
    double total = part.cost;
    for (std::size_t k = left.size(); k < columns_.size(); ++k) {
      const auto times = static_cast<std::int64_t>(std::floor(amounts[k] + whole));
      if (times == 0) continue;
      count[k] += times;
      total += static_cast<double>(times) * columns_[k].requirement;
      for (const std::size_t row : rows_of(k)) left[row] -= times;
    }
    for (std::size_t row = 0; row < left.size(); ++row) {
      count[row] += left[row];
      total += static_cast<double>(left[row]) * columns_[row].requirement;
    }
    if (total >= found_.total) return;
    found_.total = total;
    found_.count = std::move(count);
  }

  std::size_t most_in_parts(std::span<const double> amounts) const {
    std::size_t best = columns_.size();
    double largest = whole;
    for (std::size_t k = 0; k < columns_.size(); ++k) {
      if (columns_[k].size == 1) continue;  // whole where all others are
      const double part = std::abs(amounts[k] - std::round(amounts[k]));
      if (part > largest) {
        largest = part;
        best = k;
      }
    }
    return best;
  }

  bool more(const Part& part, const Relaxation& lead, std::size_t column, std::int64_t times) {
    Part next = part;
    if (!set_aside(next, column, times)) return true;
    Relaxation changed = lead;
    changed.take_off(column, times);
    return !changed.regain() || visit(next, changed);
  }

  // False, and nothing is, where not so many contracts are left.
  bool set_aside(Part& part, std::size_t column, std::int64_t times) const {
    std::vector<std::int64_t> left = part.left;
    for (const std::size_t row : rows_of(column)) {
      left[row] -= times;
      if (left[row] < 0) return false;
    }
    part.left = std::move(left);
    part.aside[column] += times;
    part.cost += static_cast<double>(times) * columns_[column].requirement;
    return true;
  }

  bool at_most(const Part& part, const Relaxation& lead, std::size_t column, std::int64_t times) {
    Relaxation changed = lead;
    changed.limit(column, times);
    return !changed.regain() || visit(part, changed);
  }

  std::vector<std::size_t> rows_of(std::size_t column) const {
    const Group& group = columns_[column];
    return {group.row.begin(), group.row.begin() + group.size};
  }

  const std::vector<Group>& columns_;
  double tolerance_;
  std::int64_t most_;
  Matching& found_;
};

}  // namespace

bool search(const std::vector<Group>& columns, std::span<const std::int64_t> quantity,
            const Relaxation& lead, double tolerance, std::int64_t most, Matching& found) {
  const std::vector<std::int64_t> none(columns.size(), 0);
  const Part all{{quantity.begin(), quantity.end()}, none, 0.0};
  Search search(columns, tolerance, most, found);
  search.dive(all, lead);
  return search.visit(all, lead);
}

}  // namespace riskslide::detail
