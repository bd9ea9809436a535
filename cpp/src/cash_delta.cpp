// Decides the cash delta of every instrument, from the Greeks of its model; see value/revalue.hpp.
#include <algorithm>
#include <atomic>
#include <cmath>
#include <utility>

#include "american.hpp"
#include "checks.hpp"
#include "contracts.hpp"
#include "dispatch.hpp"
#include "riskslide/value/greeks.hpp"
#include "riskslide/value/revalue.hpp"
#include "threads.hpp"

namespace riskslide {
namespace {

// Some options of one model, side by side, and what their Greeks' kernel gives.
struct Gathered {
  static constexpr std::size_t most = 256;
  std::size_t row[most];
  double price[most], strike[most], years[most], vol[most], discount[most], side[most];
  std::uint8_t is_call[most];
  double delta[most], other[5][most];
  std::size_t size = 0;

  void add(const InstrumentColumns& x, std::size_t i) {
    row[size] = i;
    price[size] = x.price[i];
    strike[size] = x.strike[i];
    years[size] = x.years[i];
    vol[size] = x.vol[i];
    discount[size] = x.discount[i];
    is_call[size] = x.is_call[i];
    ++size;
  }
  void run(Model model) {
    const auto by_discount = static_cast<int>(Discounting::discount);
    detail::kernels().greeks[static_cast<int>(model)][by_discount][0](
        {.underlying = price,
         .strike = strike,
         .years = years,
         .vol = vol,
         .rate = discount,
         .dividend_yield = nullptr,
         .is_call = is_call,
         .side = side,
         .value = other[0],
         .delta = delta,
         .gamma = other[1],
         .vega = other[2],
         .theta = other[3],
         .rho = other[4],
         .vanna = nullptr,
         .volga = nullptr,
         .charm = nullptr,
         .size = static_cast<std::int64_t>(size)});
  }
};

// Delta of American option i by its price: of the spot, at which its forward moves along.
double american_delta(const InstrumentColumns& x, std::size_t i) {
  const detail::AmericanContract now = detail::american_of(x, i);
  const Column rate = Column::of(now.terms.rate), yield = Column::of(now.terms.yield);
  double figures[6];
  greeks({.model = Model::american,
          .discounting = Discounting::rate,
          .size = 1,
          .underlying = Column::of(now.spot),
          .strike = Column::of(now.strike),
          .years = Column::of(now.terms.years),
          .vol = Column::of(now.terms.vol),
          .rate = rate,
          .dividend_yield = yield,
          .is_call = &x.is_call[i],
          .is_call_scalar = true},
         {.value = figures,
          .delta = figures + 1,
          .gamma = figures + 2,
          .vega = figures + 3,
          .theta = figures + 4,
          .rho = figures + 5,
          .vanna = nullptr,
          .volga = nullptr,
          .charm = nullptr},
         1);
  return figures[1] * (now.spot / x.price[i]);
}

// Delta of one unit by the price that it is written on, without multiplier and fx, of rows
// [first, last): those of options by their model's kernel, 1 of the rest.
void fill_deltas(const InstrumentColumns& x, std::size_t first, std::size_t last, double* delta) {
  std::fill_n(delta, last - first, 1.0);
  for (const auto& [payoff, model] : {std::pair{Payoff::black76, Model::black76},
                                      std::pair{Payoff::bachelier, Model::bachelier}}) {
    Gathered options;
    for (std::size_t i = first; i < last; ++i) {
      if (x.payoff[i] == payoff) options.add(x, i);
    }
    if (options.size == 0) continue;
    options.run(model);
    for (std::size_t k = 0; k < options.size; ++k) delta[options.row[k] - first] = options.delta[k];
  }
  for (std::size_t i = first; i < last; ++i) {
    if (x.payoff[i] == Payoff::american) delta[i - first] = american_delta(x, i);
  }
}

}  // namespace

void cash_delta(const InstrumentColumns& instruments, std::span<double> delta, int threads) {
  const std::size_t n = instruments.size();
  detail::check_contracts(instruments);
  detail::need_size("delta", delta.size(), n);
  const std::size_t block = Gathered::most;
  const auto blocks = static_cast<std::int64_t>((n + block - 1) / block);
  std::atomic<std::int64_t> refused{static_cast<std::int64_t>(n)};
  detail::parallel_for(blocks, threads, [&](std::int64_t b) {
    const std::size_t first = static_cast<std::size_t>(b) * block;
    const std::size_t last = std::min(n, first + block);
    fill_deltas(instruments, first, last, delta.data() + first);
    for (std::size_t i = first; i < last; ++i) {
      delta[i] = delta[i] * detail::unit_of(instruments, i) * instruments.price[i];
      if (!std::isfinite(delta[i])) detail::lower(refused, static_cast<std::int64_t>(i));
    }
  });
  const auto bad = refused.load();
  if (bad < static_cast<std::int64_t>(n)) {
    detail::refuse("E_OVERFLOW", "price", bad, instruments.price[static_cast<std::size_t>(bad)],
                   "this instrument's delta leaves the range of float64; check the units of price "
                   "and multiplier");
  }
}

}  // namespace riskslide
