// Risk: a shortfall is a value at risk by another name, or its tail holds other scenarios than it
// says.
#include <algorithm>
#include <cmath>
#include <limits>
#include <numeric>

#include "book.hpp"
#include "check.hpp"
#include "riskslide/risk/tail.hpp"

namespace {

using check::Book;
using riskslide::TailShape;

struct Found {
  std::vector<double> var, es;
  std::vector<std::int32_t> scenario;
};

Found tail_of(const Book& book, const check::Cube& cube, double level, int threads = 1) {
  const TailShape shape = TailShape::of(cube.scenarios, level);
  const std::size_t rows = book.positions().accounts();
  Found f{std::vector<double>(rows), std::vector<double>(rows),
          std::vector<std::int32_t>(rows * shape.size)};
  riskslide::tail(book.positions(), cube.view(), shape, f.var, f.es, f.scenario, threads);
  return f;
}

void shapes() {
  const TailShape whole = TailShape::of(100, 0.95);  // 95 exactly, though 100 * 0.95 is not
  CHECK(whole.size == 6 && whole.share == 0.0);
  CHECK_NEAR(whole.mass, 5.0, 1e-9);
  const TailShape part = TailShape::of(10, 0.75);
  CHECK(part.size == 3 && part.share == 0.5 && part.mass == 2.5);
  const TailShape one = TailShape::of(1, 0.975);
  CHECK(one.size == 1);
  CHECK_REFUSED("E_RANGE", "level", -1, TailShape::of(10, 1.0));
  CHECK_REFUSED("E_RANGE", "level", -1, TailShape::of(10, 0.0));
  CHECK_REFUSED("E_RANGE", "level", -1,
                TailShape::of(10, std::numeric_limits<double>::quiet_NaN()));
  CHECK_REFUSED("E_SHAPE", "scenarios", -1, TailShape::of(0, 0.5));
}

void by_hand() {
  const check::Cube cube{{-1, -2, -3, -4, -5, -6, -7, -8, -9, -10}, {0}, 10};
  const Found found = tail_of(Book().account({{0, 1}}).account({{0, -1}}).account({}), cube, 0.75);
  CHECK((found.var == std::vector<double>{8, -3, 0}));
  CHECK_NEAR(found.es[0], (9 + 10 + 0.5 * 8) / 2.5, 1e-15);
  CHECK_NEAR(found.es[1], -(1 + 2 + 0.5 * 3) / 2.5, 1e-15);
  CHECK(found.es[2] == 0 && !std::signbit(found.var[2]));
  CHECK((found.scenario == std::vector<std::int32_t>{7, 8, 9, 0, 1, 2, 0, 1, 2}));
  const check::Cube ties{{-5, -5, 1, -5, -5, 2, -7, -5}, {0}, 8};  // edge at 5: lowest columns
  const Found tied = tail_of(Book().account({{0, 1}}), ties, 0.5);
  CHECK((tied.scenario == std::vector<std::int32_t>{0, 1, 3, 4, 6}));
  CHECK(tied.var[0] == 5);
  CHECK_NEAR(tied.es[0], (7 + 3 * 5) / 4.0, 1e-15);
}

// Any size and level: sorted losses say the same, and the members are those of the tail.
void against_sorting() {
  check::Random random(9);
  for (const std::size_t scenarios : {1UL, 2UL, 7UL, 16UL, 250UL, 513UL}) {
    for (const double level : {0.01, 0.5, 0.9, 0.95, 0.975, 0.99, 0.999}) {
      constexpr std::size_t rows = 5, accounts = 130;
      check::Cube cube{random.column(rows * scenarios, -1, 1), std::vector<double>(rows),
                       scenarios};
      for (double& x : cube.values) x = std::round(x * 4) / 4;  // ties
      Book book;
      for (std::size_t a = 0; a < accounts; ++a) {
        book.account({{static_cast<std::int32_t>(a % rows), random.whole(-3, 3)}});
      }
      const Found found = tail_of(book, cube, level, 1), other = tail_of(book, cube, level, 3);
      CHECK(found.var == other.var && found.es == other.es && found.scenario == other.scenario);
      const TailShape shape = TailShape::of(scenarios, level);
      for (std::size_t a = 0; a < accounts; ++a) {
        std::vector<double> loss(scenarios);
        const auto q = static_cast<double>(book.lots.quantity[a]);
        for (std::size_t s = 0; s < scenarios; ++s) {
          loss[s] = 0.0 - q * cube.values[a % rows * scenarios + s];
        }
        std::vector<double> sorted = loss;
        std::sort(sorted.begin(), sorted.end());
        const std::size_t k = scenarios - shape.size;
        const double above =
            std::accumulate(sorted.begin() + static_cast<std::ptrdiff_t>(k) + 1, sorted.end(), 0.0);
        CHECK(found.var[a] == sorted[k]);
        CHECK_NEAR(found.es[a], (above + shape.share * sorted[k]) / shape.mass, 1e-9);
        CHECK(found.es[a] >= found.var[a]);
        const auto* members = found.scenario.data() + a * shape.size;
        std::vector<double> inside;
        for (std::size_t m = 0; m < shape.size; ++m) {
          if (m > 0) CHECK(members[m] > members[m - 1]);
          inside.push_back(loss[static_cast<std::size_t>(members[m])]);
        }
        std::sort(inside.begin(), inside.end());
        CHECK(std::equal(inside.begin(), inside.end(),
                         sorted.begin() + static_cast<std::ptrdiff_t>(k)));
      }
    }
  }
}

void refusals() {
  const check::Cube cube{{1, 2}, {0}, 2};
  const Book book = Book().account({{0, 1}});
  std::vector<double> one(1), two(2);
  std::vector<std::int32_t> members(2);
  const TailShape shape = TailShape::of(2, 0.5);
  CHECK_REFUSED("E_SHAPE", "value_at_risk", -1,
                riskslide::tail(book.positions(), cube.view(), shape, two, one, members));
  CHECK_REFUSED(
      "E_SHAPE", "shape", -1,
      riskslide::tail(book.positions(), cube.view(), TailShape::of(3, 0.5), one, one, members));
  CHECK_REFUSED("E_INDEX", "instrument", 0, tail_of(Book().account({{1, 1}}), cube, 0.5));
  const double most = std::numeric_limits<double>::max();
  CHECK_REFUSED("E_OVERFLOW", "account", 1,
                tail_of(Book().account({{0, 1}}).account({{0, 2}}), {{most, 1}, {0}, 2}, 0.5));
}

}  // namespace

int main() {
  shapes();
  by_hand();
  against_sorting();
  refusals();
  return check::done("tail");
}
