// Decides how groups are chosen so that they hold every contract once: the relaxation in parts of
// contracts, and the search for whole ones.
#pragma once

#include <limits>

#include "riskslide/risk/matching.hpp"

namespace riskslide::detail {

/// Least sum of requirements in parts of contracts, by the simplex method. Column k < rows is row k
/// alone, which is where it begins, and no such column is ever limited. Right-hand sides are drawn
/// apart a little, so that it does not cycle; figures are of those that were given.
class Relaxation {
 public:
  Relaxation(const std::vector<Group>& columns, std::span<const std::int64_t> quantity);

  /// Goes on to the optimum over the columns that there are now.
  void solve();
  /// What so many of a column hold is no longer to be held; or at most so many are taken.
  void take_off(std::size_t column, std::int64_t times);
  void limit(std::size_t column, std::int64_t most);
  /// The optimum again after these; false if there is none.
  bool regain();

  /// What a contract of each row is charged at the optimum, then each limit.
  std::span<const double> charges() const { return charge_; }
  double reduced(std::size_t column) const;
  double value() const;
  /// How often each column is taken (columns).
  std::vector<double> amounts() const;

 private:
  template <class Visit>
  void entries(std::size_t column, const Visit& visit) const;
  void scan();
  std::size_t leaving() const;
  void place(std::size_t column);
  void enter(std::int64_t variable, double reduced, std::size_t row);
  double along(std::size_t column, const double* row) const;

  const std::vector<Group>* columns_;
  std::size_t rows_, size_;  // size: rows and limits
  std::vector<double> right_, drawn_;
  std::vector<std::size_t> limited_;    // column of each limit
  std::vector<std::int32_t> limit_of_;  // by column, -1 for none
  std::vector<std::int64_t> basis_;     // column of each basic variable; -1 - k: slack of limit k
  std::vector<double> inverse_, value_, charge_, direction_;
  std::vector<std::pair<double, std::size_t>> listed_;  // columns that may enter
};

/// The cheapest whole matching over these columns that is cheaper than `found.total`, which stays
/// if there is none; false if `most` nodes in all did not suffice. lead: the relaxation of it all.
bool search(const std::vector<Group>& columns, std::span<const std::int64_t> quantity,
            const Relaxation& lead, double tolerance, std::int64_t most, Matching& found);

}  // namespace riskslide::detail
