// Decides the inputs of the C++ benchmarks: random options, books and cubes from fixed seeds; and
// what their answers are checked against.
#pragma once

#include <cmath>
#include <cstddef>
#include <cstdint>
#include <random>
#include <vector>

#include "riskslide/book/positions.hpp"
#include "riskslide/risk/evaluate.hpp"
#include "riskslide/value/greeks.hpp"
#include "riskslide/value/revalue.hpp"

namespace bench {

using Numbers = std::vector<double>;

constexpr std::size_t checked = 50;  // accounts, or instruments, that a plain loop goes over again
constexpr double large = 1e5;        // about the P&L of an account of 50 positions

/// Whether two sums in different orders agree: to 1e-9 of `scale`, which is above 0.
inline bool near(double found, double expected, double scale) {
  return std::abs(found - expected) <= 1e-9 * scale;
}

/// Numbers between low and high; not from <random>'s distributions, which differ between libraries.
class Draw {
 public:
  explicit Draw(std::uint64_t seed) : engine_(seed) {}

  double between(double low, double high) {
    return low + (high - low) * static_cast<double>(engine_() >> 11U) * 0x1p-53;
  }
  std::int64_t below(std::size_t bound) { return static_cast<std::int64_t>(engine_() % bound); }
  Numbers column(std::size_t size, double low, double high) {
    Numbers out(size);
    for (double& x : out) x = between(low, high);
    return out;
  }

 private:
  std::mt19937_64 engine_;
};

/// W1: distinct European options and room for their Greeks.
struct Options {
  Numbers underlying, strike, years, vol, rate;
  std::vector<std::uint8_t> is_call;
  Numbers out[6];

  Options(std::size_t size, riskslide::Model model) : is_call(size) {
    Draw draw(1);
    underlying = draw.column(size, 50, 150);
    strike = draw.column(size, 50, 150);
    years = draw.column(size, 0.02, 2);
    const double unit = model == riskslide::Model::bachelier ? 100 : 1;
    vol = draw.column(size, 0.1 * unit, unit);
    rate = draw.column(size, 0, 0.05);
    for (auto& side : is_call) side = static_cast<std::uint8_t>(draw.below(2));
    for (auto& column : out) column.resize(size);
  }
  void greeks(riskslide::Model model, int threads) {
    using riskslide::Column;
    static const double none = 0;
    riskslide::greeks({.model = model,
                       .size = is_call.size(),
                       .underlying = Column::of(underlying),
                       .strike = Column::of(strike),
                       .years = Column::of(years),
                       .vol = Column::of(vol),
                       .rate = Column::of(rate),
                       .dividend_yield = Column::of(none),
                       .is_call = is_call.data()},
                      {.value = out[0].data(),
                       .delta = out[1].data(),
                       .gamma = out[2].data(),
                       .vega = out[3].data(),
                       .theta = out[4].data(),
                       .rho = out[5].data()},
                      threads);
  }
};

/// Position rows in any order: accounts, instruments and lots.
struct Unsorted {
  std::vector<std::int64_t> account, instrument, lots;

  Unsorted(std::size_t rows, std::size_t accounts, std::size_t instruments) {
    Draw draw(2);
    for (std::size_t k = 0; k < rows; ++k) {
      account.push_back(draw.below(accounts));
      instrument.push_back(draw.below(instruments));
      lots.push_back(draw.below(101) - 50);
    }
  }
  [[nodiscard]] riskslide::Rows<std::int64_t> sorted(std::size_t accounts, std::size_t instruments,
                                                     int threads) const {
    return riskslide::positions_from_columns(account, instrument, lots,
                                             static_cast<std::int64_t>(accounts),
                                             static_cast<std::int64_t>(instruments), threads);
  }
};

/// A book of `legs` positions an account, and values of every instrument in every scenario.
struct Book {
  std::size_t scenarios;
  riskslide::Rows<std::int64_t> rows;
  Numbers values, base;

  Book(std::size_t accounts, std::size_t legs, std::size_t instruments, std::size_t columns)
      : scenarios(columns),
        rows(Unsorted(accounts * legs, accounts, instruments).sorted(accounts, instruments, 0)),
        values(Draw(3).column(instruments * columns, -100, 100)),
        base(instruments) {}
  [[nodiscard]] riskslide::PositionsView positions() const {
    return {rows.offsets, rows.instrument, rows.quantity};
  }
  [[nodiscard]] riskslide::CubeView cube() const {
    return {.values = values, .base = base, .rows = base.size(), .scenarios = scenarios};
  }
  /// P&L of one account in every scenario, by a plain loop.
  [[nodiscard]] Numbers pnl(std::size_t account) const {
    Numbers out(scenarios);
    for (auto k = rows.offsets[account]; k < rows.offsets[account + 1]; ++k) {
      const auto at = static_cast<std::size_t>(k);
      const auto row = static_cast<std::size_t>(rows.instrument[at]) * scenarios;
      const auto lots = static_cast<double>(rows.quantity[at]);
      for (std::size_t s = 0; s < scenarios; ++s) out[s] += lots * values[row + s];
    }
    return out;
  }
};

}  // namespace bench
