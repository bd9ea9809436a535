// The first part of W2 in C++: 10,000 options in 93 scenarios, and a book of every payoff.
#include <benchmark/benchmark.h>

#include <cmath>

#include "workloads.hpp"

namespace {

constexpr std::size_t rows = 10'000, moves = 31;
constexpr double vols[] = {0.72, 1.0, 1.45};
constexpr std::size_t scenarios = moves * std::size(vols);

struct Inputs {
  std::vector<riskslide::Payoff> payoff;
  std::vector<std::uint8_t> is_call, inverse;
  std::vector<std::int32_t> factor, fx_factor;
  bench::Numbers price, strike, years, vol, discount, multiplier, fx;
  bench::Numbers price_scale, vol_scale, none;

  explicit Inputs(bool mixed)
      : payoff(rows, riskslide::Payoff::black76),
        inverse(rows),
        factor(rows),
        fx_factor(rows, -1),
        price(rows, 100),
        discount(rows, 0.99),
        multiplier(rows, 1),
        fx(rows, 1),
        none(scenarios) {
    bench::Draw draw(4);
    strike = draw.column(rows, 50, 150);
    years = draw.column(rows, 0.02, 2);
    vol = draw.column(rows, 0.3, 1.2);
    for (std::size_t k = 0; k < rows; ++k) {
      is_call.push_back(static_cast<std::uint8_t>(draw.below(2)));
      if (mixed) payoff[k] = static_cast<riskslide::Payoff>(k % 4);
      if (mixed) inverse[k] = static_cast<std::uint8_t>(k % 8 < 3);
    }
    for (std::size_t m = 0; m < moves; ++m) {
      for (const double scale : vols) {
        price_scale.push_back(0.84 + 0.32 * static_cast<double>(m) / (moves - 1));
        vol_scale.push_back(scale);
      }
    }
  }
  void run(bench::Numbers& values, bench::Numbers& base, int threads) const {
    riskslide::revalue({.payoff = payoff,
                        .is_call = is_call,
                        .inverse = inverse,
                        .factor = factor,
                        .fx_factor = fx_factor,
                        .price = price,
                        .strike = strike,
                        .years = years,
                        .vol = vol,
                        .discount = discount,
                        .multiplier = multiplier,
                        .fx = fx},
                       {.factors = 1,
                        .scenarios = scenarios,
                        .price_scale = price_scale,
                        .price_shift = none,
                        .vol_scale = vol_scale,
                        .vol_shift = none,
                        .vol_floor = none},
                       values, base, threads);
  }
};

double normal(double x) { return 0.5 * std::erfc(-x / std::sqrt(2.0)); }

// One unit of row k by the textbook, its price and vol multiplied.
double worth(const Inputs& x, std::size_t k, double price_scale, double vol_scale) {
  using riskslide::Payoff;
  const double price = x.price[k] * price_scale, strike = x.strike[k];
  const double deviation = x.vol[k] * vol_scale * std::sqrt(x.years[k]);
  const double side = x.is_call[k] != 0 ? 1.0 : -1.0;
  double value = price;
  if (x.payoff[k] == Payoff::black76) {
    const double d = std::log(price / strike) / deviation + 0.5 * deviation;
    value = price * normal(side * d) - strike * normal(side * (d - deviation));
    value *= side * x.discount[k];
  } else if (x.payoff[k] == Payoff::bachelier) {
    const double d = (price - strike) / deviation;
    const double density = std::exp(-0.5 * d * d) / std::sqrt(2.0 * std::acos(-1.0));
    value = side * (price - strike) * normal(side * d) + deviation * density;
    value *= x.discount[k];
  } else if (x.payoff[k] == Payoff::margined) {
    value = price - x.price[k];
    if (x.inverse[k] != 0) value /= x.price[k];  // 1 / p0 - 1 / p coins
  }
  return value * x.multiplier[k] * x.fx[k] / (x.inverse[k] != 0 ? price : 1.0);
}

// Whether the first instruments gain what the textbook says.
bool are_worth(const Inputs& inputs, const bench::Numbers& values) {
  for (std::size_t k = 0; k < bench::checked; ++k) {
    const double now = worth(inputs, k, 1.0, 1.0);
    for (std::size_t s = 0; s < scenarios; ++s) {
      const double then = worth(inputs, k, inputs.price_scale[s], inputs.vol_scale[s]);
      const double scale = inputs.inverse[k] != 0 ? 1.0 : 100.0;
      if (!bench::near(values[k * scenarios + s], then - now, scale)) return false;
    }
  }
  return true;
}

void revalue(benchmark::State& state, bool mixed) {
  const Inputs inputs(mixed);
  bench::Numbers values(rows * scenarios), base(rows);
  for (auto _ : state) {
    inputs.run(values, base, static_cast<int>(state.range(0)));
    benchmark::ClobberMemory();
  }
  if (!are_worth(inputs, values)) state.SkipWithError("wrong values");
  state.SetItemsProcessed(state.iterations() * static_cast<std::int64_t>(values.size()));
}

void sizes(benchmark::internal::Benchmark* of) {
  of->Arg(1)->Arg(2)->ArgName("threads")->UseRealTime()->MeasureProcessCPUTime()->Unit(
      benchmark::kMillisecond);
}

BENCHMARK_CAPTURE(revalue, options, false)->Apply(sizes);
BENCHMARK_CAPTURE(revalue, every_payoff, true)->Apply(sizes);

}  // namespace

BENCHMARK_MAIN();
