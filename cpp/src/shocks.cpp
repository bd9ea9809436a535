// Decides which shocks are refused, and lays the others out for the kernels; see shocks.hpp.
#include "shocks.hpp"

#include <algorithm>
#include <atomic>
#include <utility>

#include "checks.hpp"
#include "contracts.hpp"
#include "dispatch.hpp"
#include "threads.hpp"

namespace riskslide::detail {
namespace {

using kernel::lanes;
constexpr double floored_log = -1e6;  // stands for the logarithm of a price of zero

bool any(const double* row, std::int64_t size) {
  return std::any_of(row, row + size, [](double x) { return x != 0; });
}

void need_positive(const char* code, const char* name, std::span<const double> column) {
  for (std::size_t k = 0; k < column.size(); ++k) {
    if (column[k] < 0) {
      refuse(code, name, static_cast<std::int64_t>(k), column[k], "must be >= 0");
    }
  }
}

}  // namespace

void check_shocks(const ShockColumns& s) {
  const std::size_t cells = s.factors * s.scenarios;
  for (const auto& [name, column] : {std::pair{"price_scale", s.price_scale},
                                     {"price_shift", s.price_shift},
                                     {"vol_scale", s.vol_scale},
                                     {"vol_shift", s.vol_shift},
                                     {"vol_floor", s.vol_floor}}) {
    need_size(name, column.size(), cells);
    need_finite(name, column);
  }
  need_size("horizon", s.horizon.size(), s.horizon.empty() ? 0 : s.scenarios);
  need_finite("horizon", s.horizon);
  need_size("rate_shift", s.rate_shift.size(), s.rate_shift.empty() ? 0 : cells);
  need_finite("rate_shift", s.rate_shift);
  need_positive("E_VOL_NEGATIVE", "vol_scale", s.vol_scale);
  need_positive("E_VOL_NEGATIVE", "vol_floor", s.vol_floor);
  need_positive("E_RANGE", "horizon", s.horizon);
}

Reach::Reach(const ShockColumns& s) {
  for (std::size_t f = 0; f < s.factors; ++f) {
    const double* scale = s.price_scale.data() + f * s.scenarios;
    floored.push_back(
        std::count_if(scale, scale + s.scenarios, [](double x) { return !(x >= smallest); }));
    const auto size = static_cast<std::int64_t>(s.scenarios);
    shifts.push_back(any(s.price_shift.data() + f * s.scenarios, size) ? 1 : 0);
  }
}

void check_factors(const InstrumentColumns& x, const ShockColumns& s, const Reach& reach) {
  need_size("factor", x.factor.size(), x.size());
  need_size("fx_factor", x.fx_factor.size(), x.size());
  const auto count = static_cast<std::int64_t>(s.factors);
  for (std::size_t i = 0; i < x.size(); ++i) {
    const auto row = static_cast<std::int64_t>(i);
    if (x.factor[i] < 0 || x.factor[i] >= count) {
      refuse("E_INDEX", "factor", row, x.factor[i],
             "must be the index of a risk factor of the scenarios");
    }
    if (x.fx_factor[i] < -1 || x.fx_factor[i] >= count) {
      refuse("E_INDEX", "fx_factor", row, x.fx_factor[i],
             "must be -1 or the index of a risk factor of the scenarios");
    }
  }
  for (std::size_t i = 0; i < x.size(); ++i) {
    const auto row = static_cast<std::int64_t>(i);
    if (x.fx_factor[i] >= 0) {
      const auto f = static_cast<std::size_t>(x.fx_factor[i]);
      if (reach.floored[f] > 0 || reach.shifts[f] != 0) {
        refuse("E_FX", "fx_factor", row, static_cast<double>(f),
               "scenarios may only scale a settlement currency, by a factor > 0");
      }
    }
    const auto f = static_cast<std::size_t>(x.factor[i]);
    if (x.inverse[i] == 0 || (reach.floored[f] == 0 && reach.shifts[f] == 0)) continue;
    for (std::size_t k = f * s.scenarios; k < (f + 1) * s.scenarios; ++k) {
      const double scale = s.price_scale[k] + s.price_shift[k] / x.price[i];
      if (scale >= smallest) continue;
      refuse("E_DOMAIN_FORWARD", "price_scale", row, scale,
             "a scenario drives this price to zero or below, where a coin-settled "
             "instrument has no value; narrow the range");
    }
  }
}

std::int64_t floored_cells(const InstrumentColumns& x, const ShockColumns& s, const Reach& reach,
                           int threads) {
  constexpr std::size_t block = 256;
  std::atomic<std::int64_t> total{0};
  parallel_for(static_cast<std::int64_t>((x.size() + block - 1) / block), threads,
               [&](std::int64_t b) {
                 std::int64_t found = 0;
                 const std::size_t first = static_cast<std::size_t>(b) * block;
                 for (std::size_t i = first; i < std::min(x.size(), first + block); ++i) {
                   if (!is_lognormal(x.payoff[i])) continue;
                   const auto f = static_cast<std::size_t>(x.factor[i]);
                   if (reach.shifts[f] == 0) {
                     found += reach.floored[f];
                     continue;
                   }
                   for (std::size_t k = f * s.scenarios; k < (f + 1) * s.scenarios; ++k) {
                     const double scale = s.price_scale[k] + s.price_shift[k] / x.price[i];
                     found += scale >= smallest ? 0 : 1;
                   }
                 }
                 total += found;
               });
  return total.load();
}

ShockBlock::ShockBlock(const ShockColumns& s, std::size_t first, std::size_t width)
    : factors(static_cast<std::int64_t>(s.factors)),
      count(static_cast<std::int64_t>(width)),
      padded((count + lanes - 1) / lanes * lanes),
      scale(pad(s.price_scale, first, s.scenarios, 1.0)),
      shift(pad(s.price_shift, first, s.scenarios, 0.0)),
      vol_scale(pad(s.vol_scale, first, s.scenarios, 1.0)),
      vol_shift(pad(s.vol_shift, first, s.scenarios, 0.0)),
      vol_floor(pad(s.vol_floor, first, s.scenarios, 0.0)),
      ones(static_cast<std::size_t>(padded), 1.0),
      floored(scale),
      log_scale(scale.size()) {
  bool passes = false;
  if (!s.horizon.empty() || !s.rate_shift.empty()) {
    horizon.assign(static_cast<std::size_t>(padded), 0.0);
    if (!s.horizon.empty()) std::copy_n(s.horizon.data() + first, count, horizon.data());
    rate_shift = s.rate_shift.empty() ? std::vector<double>(scale.size(), 0.0)
                                      : pad(s.rate_shift, first, s.scenarios, 0.0);
    passes = any(horizon.data(), padded);
  }
  for (std::int64_t f = 0; f < factors; ++f) {
    const std::int64_t at = f * padded;
    limit(floored.data() + at, log_scale.data() + at);
    const double* row = floored.data() + at;
    largest.push_back(padded == 0 ? 0.0 : *std::max_element(row, row + padded));
    shifts.push_back(any(shift.data() + at, padded) ? 1 : 0);
    const bool moves = !rate_shift.empty() && any(rate_shift.data() + at, padded);
    ages.push_back(passes || moves ? 1 : 0);
  }
}

void ShockBlock::limit(double* row, double* logarithm) const {
  for (std::int64_t s = 0; s < padded; ++s) logarithm[s] = row[s] >= smallest ? row[s] : 1.0;
  kernels().log_ratio(logarithm, ones.data(), logarithm, padded);
  for (std::int64_t s = 0; s < padded; ++s) {
    if (row[s] >= smallest) continue;
    row[s] = 0.0;
    logarithm[s] = floored_log;
  }
}

std::vector<double> ShockBlock::pad(std::span<const double> rows, std::size_t first,
                                    std::size_t scenarios, double filler) const {
  std::vector<double> out(static_cast<std::size_t>(factors * padded), filler);
  for (std::int64_t f = 0; f < factors; ++f) {
    const double* from = rows.data() + static_cast<std::size_t>(f) * scenarios + first;
    std::copy_n(from, count, out.data() + f * padded);
  }
  return out;
}

}  // namespace riskslide::detail
