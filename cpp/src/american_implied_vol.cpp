// Decides how the vol of an American price is searched; see value/american_implied_vol.hpp.
#include "riskslide/value/american_implied_vol.hpp"

#include <algorithm>
#include <cmath>
#include <limits>

#include "checks.hpp"
#include "early_exercise.hpp"
#include "scalar.hpp"
#include "threads.hpp"

namespace riskslide {
namespace {

constexpr double smallest = std::numeric_limits<double>::min();
constexpr double epsilon = std::numeric_limits<double>::epsilon();

struct Quote {
  double price, spot, strike, side;
  detail::ExerciseTerms terms;
};

struct Found {
  double vol;
  VolStatus status;
};

struct Point {
  double value, vega;
};

// NaN where the option has no value at this vol.
Point worth(const Quote& q, double vol, detail::ExerciseBoundary& boundary) {
  const double side = q.side;
  double figures[6];
  const std::uint8_t is_call = side > 0 ? 1 : 0;
  double lane = side;
  const detail::ExerciseTerms& x = q.terms;
  const kernel::GreeksBlock block{.underlying = &q.spot,
                                  .strike = &q.strike,
                                  .years = &x.years,
                                  .vol = &vol,
                                  .rate = &x.rate,
                                  .dividend_yield = &x.yield,
                                  .is_call = &is_call,
                                  .side = &lane,
                                  .value = figures,
                                  .delta = figures + 1,
                                  .gamma = figures + 2,
                                  .vega = figures + 3,
                                  .theta = figures + 4,
                                  .rho = figures + 5,
                                  .vanna = nullptr,
                                  .volga = nullptr,
                                  .charm = nullptr,
                                  .size = 1};
  if (!detail::american_block(block, boundary)) return {std::nan(""), 0.0};
  return {figures[0], figures[3]};
}

bool valid(const Quote& q) {
  const double sum = q.price + q.spot + q.strike + q.terms.years + q.terms.rate + q.terms.yield;
  return std::isfinite(sum) && q.spot >= smallest && q.strike >= smallest && q.terms.years >= 0;
}

// What no vol, however large, exceeds.
double upper_bound(const Quote& q) {
  const double rate = q.terms.rate, yield = q.terms.yield, years = q.terms.years;
  const double most = q.side > 0 ? q.spot : q.strike;
  return most * detail::exponential_of(std::max(-(q.side > 0 ? yield : rate) * years, 0.0));
}

// A vol whose value is the price or more: doubled from below. NaN where there is none.
double bracket(const Quote& q, double from, detail::ExerciseBoundary& boundary) {
  double vol = from;
  while (vol < 1e4) {
    const double value = worth(q, vol, boundary).value;
    if (std::isnan(value)) break;
    if (value >= q.price) return vol;
    vol *= 2.0;
  }
  return std::nan("");
}

// Newton's method on the logarithm of the time value, or on the value, kept within a bracket that
// shrinks with every step.
Found search(const Quote& q, double floor, detail::ExerciseBoundary& boundary) {
  constexpr int most_steps = 100;
  const double root = std::sqrt(q.terms.years), target = q.price - floor;
  double low = 0.0, high = bracket(q, 0.1 / root, boundary);
  if (std::isnan(high)) return {0.0, VolStatus::above};
  double vol = 0.7 * high;
  for (int step = 0; step < most_steps; ++step) {
    const Point at = worth(q, vol, boundary);
    if (std::isnan(at.value)) return {0.0, VolStatus::domain};
    const double over = at.value - q.price, extra = at.value - floor;
    (over < 0 ? low : high) = vol;
    // where the time value is far off, its logarithm is the straighter of the two
    const bool far = extra > 0 && (extra < 0.5 * target || extra > 2.0 * target);
    const double by = far ? detail::log_of_ratio(extra, target) * extra : over;
    const double step_size = by / at.vega, resolved = 2.0 * epsilon * vol;
    if (std::fabs(step_size) <= resolved || high - low <= resolved) break;
    const double next = vol - step_size;
    vol = next > low && next < high ? next : 0.5 * (low + high);
  }
  return {vol, VolStatus::ok};
}

Found implied(const Quote& q, detail::ExerciseBoundary& boundary) {
  if (!valid(q)) return {0.0, VolStatus::domain};
  if (detail::two_boundaries(q.terms)) return {0.0, VolStatus::domain};
  const double floor = worth(q, 0.0, boundary).value;
  if (std::isnan(floor)) return {0.0, VolStatus::domain};
  const double rounding = 4.0 * epsilon * std::max(q.spot, q.strike);
  if (q.price < floor - rounding || q.price < 0) return {0.0, VolStatus::below};
  if (q.price <= floor + rounding) return {0.0, VolStatus::undetermined};
  if (q.terms.years == 0 || q.price >= upper_bound(q)) return {0.0, VolStatus::above};
  return search(q, floor, boundary);
}

void check_sizes(const AmericanPrices& p) {
  const auto need = [&p](const char* argument, const Column& column) {
    if (!column.scalar()) detail::need_size(argument, column.values.size(), p.size);
  };
  need("price", p.price);
  need("spot", p.spot);
  need("strike", p.strike);
  need("years", p.years);
  need("rate", p.rate);
  need("dividend_yield", p.dividend_yield);
  if (p.is_call == nullptr && p.size > 0) detail::refuse("E_SHAPE", "is_call", -1, 0, "is missing");
}

}  // namespace

void american_implied_vol(const AmericanPrices& p, std::span<double> vol,
                          std::span<VolStatus> status, int threads) {
  check_sizes(p);
  detail::need_size("vol", vol.size(), p.size);
  detail::need_size("status", status.size(), p.size);
  constexpr std::size_t block = 16;
  detail::parallel_for(
      static_cast<std::int64_t>((p.size + block - 1) / block), threads, [&](std::int64_t b) {
        detail::ExerciseBoundary boundary;
        const std::size_t first = static_cast<std::size_t>(b) * block;
        for (std::size_t i = first; i < std::min(p.size, first + block); ++i) {
          const auto at = [i](const Column& c) { return c.values[c.scalar() ? 0 : i]; };
          const double side = p.is_call[p.is_call_scalar ? 0 : i] != 0 ? 1.0 : -1.0;
          const Quote quote{at(p.price),
                            at(p.spot),
                            at(p.strike),
                            side,
                            {side, at(p.years), 0.0, at(p.rate), at(p.dividend_yield)}};
          const Found found = implied(quote, boundary);
          vol[i] = found.vol;
          status[i] = found.status;
        }
      });
}

}  // namespace riskslide
