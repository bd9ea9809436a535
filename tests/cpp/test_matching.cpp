// Risk: a matching that leaves a contract out, is not the best, or says it is proven when it is
// not.
#include <memory>

#include "check.hpp"
#include "riskslide/risk/matching.hpp"

using namespace riskslide;

namespace {

// Rows of options of one size; longs require nothing alone.
struct Book {
  std::vector<double> strike, price, alone;
  std::vector<std::int64_t> expiry, quantity;
  std::vector<char> call, shorted;

  void add(bool is_call, double at, std::int64_t contracts, double naked, std::int64_t day = 1) {
    call.push_back(is_call);
    shorted.push_back(contracts < 0);
    strike.push_back(at);
    price.push_back(1.0);
    alone.push_back(contracts < 0 ? naked : 0.0);
    expiry.push_back(day);
    quantity.push_back(contracts < 0 ? -contracts : contracts);
  }

  Matching matched() const {
    const std::size_t n = strike.size();
    const auto flags = std::make_unique<bool[]>(3 * n);
    for (std::size_t k = 0; k < n; ++k) {
      flags[k] = true;
      flags[n + k] = call[k];
      flags[2 * n + k] = shorted[k];
    }
    const Holding held{{flags.get(), n},
                       {flags.get() + n, n},
                       {flags.get() + 2 * n, n},
                       strike,
                       price,
                       alone,
                       expiry,
                       quantity};
    const Matching found = match(held, {});
    std::vector<std::int64_t> left = quantity;
    double total = 0.0;
    for (std::size_t k = 0; k < found.groups.size(); ++k) {
      const Group& group = found.groups[k];
      total += static_cast<double>(found.count[k]) * group.requirement;
      for (std::int32_t j = 0; j < group.size; ++j) {
        left[static_cast<std::size_t>(group.row[static_cast<std::size_t>(j)])] -= found.count[k];
      }
    }
    for (const std::int64_t rest : left) CHECK(rest == 0);
    CHECK(std::abs(total - found.total) < 1e-9);
    CHECK(found.bound <= found.total + 1e-6);
    return found;
  }
};

void a_butterfly_is_one_group() {
  Book book;
  book.add(true, 545.0, 3, 0.0);
  book.add(true, 550.0, -6, 100.0);
  book.add(true, 565.0, 3, 0.0);
  const Matching found = book.matched();
  CHECK(found.proven);
  CHECK(std::abs(found.total - 30.0) < 1e-9);
}

void a_short_that_expires_later_is_naked() {
  Book book;
  book.add(true, 100.0, 1, 0.0, 1);
  book.add(true, 100.0, -1, 20.0, 2);
  CHECK(std::abs(book.matched().total - 20.0) < 1e-9);
}

void a_strangle_pays_one_side() {
  Book book;
  book.add(true, 110.0, -2, 20.0);
  book.add(false, 90.0, -3, 15.0);
  CHECK(std::abs(book.matched().total - (2 * 21.0 + 15.0)) < 1e-9);
}

void nothing_held_needs_nothing() {
  const Matching found = Book().matched();
  CHECK(found.proven && found.groups.empty() && found.total == 0.0);
}

void bad_columns_are_refused_by_name() {
  Book book;
  book.add(true, 100.0, 1, 0.0);
  book.quantity[0] = 0;
  CHECK_REFUSED("E_DOMAIN", "quantity", 0, static_cast<void>(book.matched()));
}

}  // namespace

int main() {
  a_butterfly_is_one_group();
  a_short_that_expires_later_is_naked();
  a_strangle_pays_one_side();
  nothing_held_needs_nothing();
  bad_columns_are_refused_by_name();
  return check::done("matching");
}
