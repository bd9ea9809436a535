// Risk: what is valued while it is summed differs from the cube, or depends on the memory given.
#include "riskslide/value/revaluation.hpp"

#include <algorithm>
#include <cstring>

#include "book.hpp"
#include "check.hpp"
#include "riskslide/risk/tail.hpp"

namespace {

using riskslide::Payoff;
using riskslide::Revaluation;
using Numbers = std::vector<double>;

constexpr std::size_t rows = 70, factors = 3, scenarios = 301, accounts = 40;

// Contracts of every payoff, and scenarios in which everything moves.
struct World {
  std::vector<Payoff> payoff;
  std::vector<std::uint8_t> is_call, inverse;
  std::vector<std::int32_t> factor, fx_factor;
  Numbers price, strike, years, vol, discount, multiplier, fx, spot, lot, weight;
  Numbers price_scale, price_shift, vol_scale, vol_shift, vol_floor, horizon, rate_shift;
  check::Book book;

  explicit World(check::Random& random) {
    for (std::size_t k = 0; k < rows; ++k) {
      payoff.push_back(static_cast<Payoff>(random.whole(0, 3)));
      is_call.push_back(random.whole(0, 1) == 1 ? 1 : 0);
      inverse.push_back(payoff.back() != Payoff::spot && random.whole(0, 1) == 1 ? 1 : 0);
      factor.push_back(static_cast<std::int32_t>(random.whole(0, 2)));
      fx_factor.push_back(static_cast<std::int32_t>(random.whole(-1, 1)));
      spot.push_back(payoff.back() == Payoff::black76 && k % 2 == 0 ? 101.0 : 0.0);
    }
    price = random.column(rows, 50, 200), strike = random.column(rows, 50, 200);
    years = random.column(rows, 0, 2), vol = random.column(rows, 0.05, 1.5);
    discount = random.column(rows, 0.9, 1), multiplier = random.column(rows, 0.1, 10);
    fx = random.column(rows, 0.5, 2), lot = random.column(rows, 0.1, 1);
    weight = random.column(scenarios, 0.3, 1), horizon = random.column(scenarios, 0, 1);
    constexpr std::size_t cells = factors * scenarios;
    price_scale = random.column(cells, 0.5, 1.5), price_shift = Numbers(cells);
    for (std::size_t k = 2 * scenarios; k < cells; ++k) price_shift[k] = random.uniform(-1, 1);
    vol_scale = random.column(cells, 0.5, 1.5), vol_shift = random.column(cells, -0.1, 0.1);
    vol_floor = Numbers(cells, 0.01), rate_shift = random.column(cells, -0.1, 0.1);
    for (std::size_t a = 0; a < accounts; ++a) {
      std::vector<std::pair<std::int32_t, std::int64_t>> held;
      for (std::int32_t row = 0; row < static_cast<std::int32_t>(rows); ++row) {
        if (random.whole(0, 5) == 0) held.emplace_back(row, random.whole(-1000, 1000));
      }
      check::Book::append(held, book.lots);
      check::Book::append(std::vector<std::pair<std::int32_t, double>>(), book.cash);
    }
  }

  [[nodiscard]] riskslide::InstrumentColumns instruments() const {
    return {payoff, is_call, inverse,  factor,     fx_factor, price, strike,
            years,  vol,     discount, multiplier, fx,        spot};
  }
  [[nodiscard]] riskslide::ShockColumns shocks() const {
    return {factors,   scenarios, price_scale, price_shift, vol_scale,
            vol_shift, vol_floor, horizon,     rate_shift};
  }
};

bool same(const Numbers& a, const Numbers& b) {
  return a.size() == b.size() && std::memcmp(a.data(), b.data(), a.size() * sizeof(double)) == 0;
}

struct Found {
  Numbers sums = Numbers(accounts * scenarios);
  Numbers loss = Numbers(accounts), var = Numbers(accounts), es = Numbers(accounts);
  std::vector<std::int32_t> worst, members;

  template <class AnyCube>
  Found(const riskslide::PositionsView& positions, const AnyCube& cube, int threads) {
    const auto shape = riskslide::TailShape::of(scenarios, 0.95);
    worst.resize(accounts), members.resize(accounts * shape.size);
    riskslide::aggregate(positions, cube, sums, threads);
    riskslide::worst_loss(positions, cube, loss, worst, threads);
    riskslide::tail(positions, cube, shape, var, es, members, threads);
  }
};

void the_same_bits_in_any_memory() {
  check::Random random(1);
  const World world(random);
  Numbers values(rows * scenarios), base(rows);
  const std::int64_t floored =
      riskslide::revalue(world.instruments(), world.shocks(), values, base);
  Numbers scaled = values;
  for (std::size_t k = 0; k < scaled.size(); ++k) {
    scaled[k] = scaled[k] * world.lot[k / scenarios] * world.weight[k % scenarios];
  }
  const riskslide::PositionsView positions = world.book.positions();
  for (const bool by_lot : {false, true}) {
    const riskslide::CubeView cube{by_lot ? scaled : values, base, rows, scenarios};
    const Found expected(positions, cube, 1);
    for (const std::size_t memory : {std::size_t{0}, std::size_t{100'000}, std::size_t{1} << 30}) {
      const Revaluation lazy =
          by_lot ? Revaluation(world.instruments(), world.shocks(), world.lot, world.weight, memory)
                 : Revaluation(world.instruments(), world.shocks(), {}, {}, memory);
      CHECK(lazy.floored() == floored);
      CHECK(same(Numbers(lazy.base().begin(), lazy.base().end()), base));
      for (const int threads : {1, 3}) {
        const Found found(positions, lazy, threads);
        CHECK(same(found.sums, expected.sums) && same(found.loss, expected.loss));
        CHECK(same(found.var, expected.var) && same(found.es, expected.es));
        CHECK(found.worst == expected.worst && found.members == expected.members);
      }
    }
  }
}

void refusals() {
  check::Random random(2);
  World world(random);
  const auto build = [&] { Revaluation(world.instruments(), world.shocks(), world.lot); };
  world.lot.pop_back();
  CHECK_REFUSED("E_SHAPE", "lot", -1, build());
  world.lot.push_back(std::nan(""));
  CHECK_REFUSED("E_NOT_FINITE", "lot", rows - 1, build());
  world.lot.back() = 1.0;
  world.vol[3] = -1.0;
  world.payoff[3] = Payoff::black76;
  CHECK_REFUSED("E_VOL_NEGATIVE", "vol", 3, build());
  world.vol[3] = 0.5;
  world.horizon[7] = -1.0;
  CHECK_REFUSED("E_RANGE", "horizon", 7, build());
}

}  // namespace

int main() {
  the_same_bits_in_any_memory();
  refusals();
  return check::done("revaluation");
}
