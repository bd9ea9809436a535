// Risk: a position is lost, doubled, wrapped around or depends on the order in which it came in.
#include <algorithm>
#include <limits>
#include <map>
#include <numeric>
#include <utility>

#include "check.hpp"
#include "riskslide/book/positions.hpp"

namespace {

using riskslide::cash_from_columns;
using riskslide::positions_from_columns;
using Int64s = std::vector<std::int64_t>;
using Rows = riskslide::Rows<std::int64_t>;

constexpr auto most = std::numeric_limits<std::int64_t>::max();
constexpr auto least = std::numeric_limits<std::int64_t>::min();

bool same(const auto& a, const auto& b) {
  return a.offsets == b.offsets && a.instrument == b.instrument && a.quantity == b.quantity;
}

void sorted_and_summed() {
  const Int64s account{2, 0, 2, 2, 0, 2}, instrument{3, 1, 0, 3, 1, 3}, lots{5, 7, -1, -2, -7, 4};
  const Rows rows = positions_from_columns(account, instrument, lots, 4, 4);
  CHECK((rows.offsets == Int64s{0, 1, 1, 3, 3}));
  CHECK((rows.instrument == std::vector<std::int32_t>{1, 0, 3}));
  CHECK((rows.quantity == Int64s{0, -1, 7}));  // a sum of zero stays as a zero
  const Rows none = positions_from_columns({}, {}, {}, 2, 0);
  CHECK((none.offsets == Int64s{0, 0, 0}) && none.instrument.empty());
  CHECK((positions_from_columns({}, {}, {}, 0, 0).offsets == Int64s{0}));

  const std::vector<double> amount{3.0, 1.0, -2.0};
  const auto cash =
      cash_from_columns(Int64s{1, 1, 1}, Int64s{0, 0, 0}, amount, 2, 1);  // kept apart, ordered
  CHECK((cash.quantity == std::vector<double>{-2.0, 1.0, 3.0}));
  CHECK((cash.offsets == Int64s{0, 0, 3}));
}

void order_does_not_matter() {
  check::Random random(1);
  constexpr std::size_t size = 5000;
  Int64s account(size), instrument(size), lots(size);
  std::vector<double> amount(size);
  std::map<std::pair<std::int64_t, std::int64_t>, std::int64_t> sums;
  for (std::size_t k = 0; k < size; ++k) {
    account[k] = random.whole(0, 699);
    instrument[k] = random.whole(0, 9);
    lots[k] = random.whole(-1000, 1000);
    amount[k] = random.uniform(-1, 1);
    sums[{account[k], instrument[k]}] += lots[k];
  }
  const Rows rows = positions_from_columns(account, instrument, lots, 700, 10, 1);
  const auto cash = cash_from_columns(account, instrument, amount, 700, 10, 1);
  CHECK(rows.instrument.size() == sums.size());
  for (std::size_t a = 0; a + 1 < rows.offsets.size(); ++a) {
    for (auto k = static_cast<std::size_t>(rows.offsets[a]);
         k < static_cast<std::size_t>(rows.offsets[a + 1]); ++k) {
      CHECK((rows.quantity[k] == sums[{static_cast<std::int64_t>(a), rows.instrument[k]}]));
    }
  }
  std::vector<std::size_t> order(size);
  std::iota(order.begin(), order.end(), std::size_t{0});
  for (int shuffle = 0; shuffle < 5; ++shuffle) {
    for (std::size_t k = size; k-- > 1;) {
      std::swap(order[k], order[static_cast<std::size_t>(random.whole(0, static_cast<int>(k)))]);
    }
    Int64s a(size), i(size), q(size);
    std::vector<double> x(size);
    for (std::size_t k = 0; k < size; ++k) {
      a[k] = account[order[k]];
      i[k] = instrument[order[k]];
      q[k] = lots[order[k]];
      x[k] = amount[order[k]];
    }
    CHECK(same(positions_from_columns(a, i, q, 700, 10, 1 + shuffle), rows));
    CHECK(same(cash_from_columns(a, i, x, 700, 10, 1 + shuffle), cash));
  }
}

void sums_that_leave_int64() {
  const Int64s zeros{0, 0, 0};
  const auto sum = [&](const Int64s& lots) {
    return positions_from_columns(zeros, zeros, lots, 1, 1).quantity.front();
  };
  CHECK(sum({most, -1, 1}) == most);
  CHECK(sum({most, least, 0}) == -1);
  // A sum that fits is found whatever leaves int64 on the way.
  CHECK(sum({least, 1, -1}) == least);
  CHECK(sum({most, 1, -1}) == most);
  CHECK(sum({1, -1, most}) == most);
  CHECK_REFUSED("E_OVERFLOW", "account", 0, sum({most, 1, 0}));
  CHECK_REFUSED("E_OVERFLOW", "account", 0, sum({least, -1, 0}));
  CHECK_REFUSED("E_OVERFLOW", "account", 3,
                positions_from_columns(Int64s{9, 3, 9, 3}, Int64s{0, 0, 0, 0},
                                       Int64s{most, most, most, most}, 10, 1, 3));
}

void refusals() {
  const Int64s zero{0}, one{1}, minus{-1}, two{0, 0};
  CHECK_REFUSED("E_INDEX", "account", 0, positions_from_columns(one, zero, one, 1, 1));
  CHECK_REFUSED("E_INDEX", "account", 0, positions_from_columns(minus, zero, one, 1, 1));
  CHECK_REFUSED("E_INDEX", "instrument", 0, positions_from_columns(zero, one, one, 1, 1));
  CHECK_REFUSED("E_SHAPE", "instrument", -1, positions_from_columns(zero, two, one, 1, 1));
  CHECK_REFUSED("E_SHAPE", "quantity", -1, positions_from_columns(zero, zero, two, 1, 1));
  CHECK_REFUSED("E_SHAPE", "instruments", -1,
                positions_from_columns(zero, zero, one, 1, std::int64_t{1} << 31));
  const std::vector<double> bad{1.0, std::numeric_limits<double>::infinity()};
  CHECK_REFUSED("E_NOT_FINITE", "amount", 1, cash_from_columns(two, two, bad, 1, 1));

  const Int64s offsets{0, 2, 1, 2};
  const std::vector<std::int32_t> instruments{0, 5};
  CHECK_REFUSED("E_SHAPE", "offsets", 2, riskslide::check_rows(offsets, instruments, 2, 6));
  CHECK_REFUSED("E_SHAPE", "offsets", -1, riskslide::check_rows({}, instruments, 2, 6));
  CHECK_REFUSED("E_SHAPE", "lots", -1, riskslide::check_rows(Int64s{0, 2}, instruments, 1, 6));
  CHECK_REFUSED("E_INDEX", "instrument", 1, riskslide::check_rows(Int64s{0, 2}, instruments, 2, 5));
}

}  // namespace

int main() {
  sorted_and_summed();
  order_does_not_matter();
  sums_that_leave_int64();
  refusals();
  return check::done("positions");
}
