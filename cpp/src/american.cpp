// Decides how the columns of an American option are cut and ordered; see american.hpp.
#include "american.hpp"

#include <algorithm>
#include <cmath>
#include <limits>
#include <numeric>
#include <tuple>

#include "contracts.hpp"
#include "dispatch.hpp"
#include "scalar.hpp"

namespace riskslide::detail {
namespace {

constexpr std::size_t stretch = 128;  // columns valued at a time

// Options that differ by spot, vol, life and rates, with the Greeks of European ones.
struct Stretch {
  double spot[stretch], strike[stretch], years[stretch], vol[stretch], rate[stretch];
  double yield[stretch], side[stretch], figures[6][stretch];
  std::uint8_t is_call[stretch];
  std::size_t order[stretch];
  std::size_t size = 0;

  void add(double at, double struck, const ExerciseTerms& terms) {
    spot[size] = at;
    strike[size] = struck;
    years[size] = terms.years;
    vol[size] = terms.vol;
    rate[size] = terms.rate;
    yield[size] = terms.yield;
    is_call[size] = terms.side > 0 ? 1 : 0;
    ++size;
  }

  [[nodiscard]] ExerciseTerms terms(std::size_t k) const {
    return {side[k], years[k], vol[k], rate[k], yield[k]};
  }

  // Fills figures[0] with the values; false where one is refused.
  bool run(ExerciseBoundary& boundary) {
    const auto by_rate = static_cast<int>(Discounting::rate);
    bool sound = kernels().greeks[static_cast<int>(Model::bsm)][by_rate][0](
                     {.underlying = spot,
                      .strike = strike,
                      .years = years,
                      .vol = vol,
                      .rate = rate,
                      .dividend_yield = yield,
                      .is_call = is_call,
                      .side = side,
                      .value = figures[0],
                      .delta = figures[1],
                      .gamma = figures[2],
                      .vega = figures[3],
                      .theta = figures[4],
                      .rho = figures[5],
                      .vanna = nullptr,
                      .volga = nullptr,
                      .charm = nullptr,
                      .size = static_cast<std::int64_t>(size)}) == 0;
    std::iota(order, order + size, std::size_t{0});
    std::sort(order, order + size, [this](std::size_t a, std::size_t b) {
      return std::tie(years[a], vol[a], rate[a], a) < std::tie(years[b], vol[b], rate[b], b);
    });
    for (const std::size_t k : std::span(order, size)) {
      sound = sound && add_early_exercise(terms(k), spot[k], strike[k], boundary, figures[0][k]);
    }
    return sound;
  }
};

// The option as column s of the block meets it.
void add_shocked(const AmericanContract& now, const InstrumentColumns& x, std::size_t i,
                 const ShockBlock& p, std::size_t s, Stretch& to) {
  const std::size_t at = static_cast<std::size_t>(x.factor[i] * p.padded) + s;
  const double scale = p.scale[at] + p.shift[at] / x.price[i];
  ExerciseTerms terms = now.terms;
  terms.vol = std::max(std::fma(x.vol[i], p.vol_scale[at], p.vol_shift[at]), p.vol_floor[at]);
  if (!p.horizon.empty()) {
    terms.years = std::max(terms.years - p.horizon[s], 0.0);
    terms.rate += p.rate_shift[at];
    if (!now.on_spot) terms.yield = terms.rate;
  }
  to.add(std::max(now.spot * scale, smallest), now.strike, terms);
}

}  // namespace

AmericanContract american_of(const InstrumentColumns& x, std::size_t i) {
  const bool on_spot = !x.spot.empty() && x.spot[i] != 0;
  const double spot = on_spot ? x.spot[i] : x.price[i], years = x.years[i];
  const double rate = years > 0 ? -log_of_ratio(x.discount[i], 1.0) / years : 0.0;
  const double carry = years > 0 && on_spot ? log_of_ratio(x.price[i], spot) / years : 0.0;
  return {.spot = spot,
          .strike = x.strike[i],
          .on_spot = on_spot,
          .terms = {.side = x.is_call[i] != 0 ? 1.0 : -1.0,
                    .years = years,
                    .vol = x.vol[i],
                    .rate = rate,
                    .yield = rate - carry}};
}

double american_base(const InstrumentColumns& x, std::size_t i, double unit) {
  const AmericanContract now = american_of(x, i);
  ExerciseBoundary boundary;
  Stretch one;
  one.add(now.spot, now.strike, now.terms);
  return one.run(boundary) ? one.figures[0][0] * unit : std::numeric_limits<double>::quiet_NaN();
}

bool fill_american(const InstrumentColumns& x, std::size_t i, double unit, double base,
                   const ShockBlock& p, std::span<double> row) {
  const AmericanContract now = american_of(x, i);
  ExerciseBoundary boundary;
  bool sound = base * 0.0 == 0.0;
  for (std::size_t first = 0; first < row.size(); first += stretch) {
    Stretch some;
    const std::size_t last = std::min(row.size(), first + stretch);
    for (std::size_t s = first; s < last; ++s) add_shocked(now, x, i, p, s, some);
    sound = some.run(boundary) && sound;
    for (std::size_t s = first; s < last; ++s) {
      const double conversion =
          x.fx_factor[i] < 0 ? 1.0
                             : p.floored[static_cast<std::size_t>(x.fx_factor[i] * p.padded) + s];
      row[s] = some.figures[0][s - first] * (unit * conversion) - base;
      sound = sound && row[s] * 0.0 == 0.0;
    }
  }
  return sound;
}

}  // namespace riskslide::detail
