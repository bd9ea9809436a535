// Decides which kernel and which resolved shocks each instrument meets; see value/revalue.hpp.
#include "riskslide/value/revalue.hpp"

#include <algorithm>
#include <atomic>
#include <cmath>
#include <cstring>
#include <utility>
#include <vector>

#include "checks.hpp"
#include "contracts.hpp"
#include "dispatch.hpp"
#include "threads.hpp"

namespace riskslide {
namespace {

using detail::is_option, detail::smallest, detail::unit_of;
using kernel::lanes;
constexpr std::int64_t stretch = 512;  // columns valued at a time, a multiple of lanes
constexpr double floored_log = -1e6;   // stands for the logarithm of a price of zero

void check_factors(const InstrumentColumns& x, std::size_t factors) {
  detail::need_size("factor", x.factor.size(), x.size());
  detail::need_size("fx_factor", x.fx_factor.size(), x.size());
  const auto count = static_cast<std::int64_t>(factors);
  for (std::size_t i = 0; i < x.size(); ++i) {
    const auto row = static_cast<std::int64_t>(i);
    if (x.factor[i] < 0 || x.factor[i] >= count) {
      detail::refuse("E_INDEX", "factor", row, x.factor[i],
                     "must be the index of a risk factor of the scenarios");
    }
    if (x.fx_factor[i] < -1 || x.fx_factor[i] >= count) {
      detail::refuse("E_INDEX", "fx_factor", row, x.fx_factor[i],
                     "must be -1 or the index of a risk factor of the scenarios");
    }
  }
}

void check_shocks(const ShockColumns& s) {
  for (const auto& [name, column] : {std::pair{"price_scale", s.price_scale},
                                     {"price_shift", s.price_shift},
                                     {"vol_scale", s.vol_scale},
                                     {"vol_shift", s.vol_shift},
                                     {"vol_floor", s.vol_floor}}) {
    detail::need_size(name, column.size(), s.factors * s.scenarios);
    detail::need_finite(name, column);
  }
  for (std::size_t k = 0; k < s.vol_scale.size(); ++k) {
    const auto row = static_cast<std::int64_t>(k);
    if (s.vol_scale[k] < 0) {
      detail::refuse("E_VOL_NEGATIVE", "vol_scale", row, s.vol_scale[k], "must be >= 0");
    }
    if (s.vol_floor[k] < 0) {
      detail::refuse("E_VOL_NEGATIVE", "vol_floor", row, s.vol_floor[k], "must be >= 0");
    }
  }
}

// The factor rows that every instrument of a factor shares, padded to whole lanes.
struct Prepared {
  std::int64_t factors, scenarios, padded;
  std::vector<double> scale, shift, vol_scale, vol_shift, vol_floor, ones;
  std::vector<double> floored, log_scale;  // scale with prices below zero at the limit; its log
  std::vector<std::int64_t> reached;       // scenarios of a factor that reach the limit
  std::vector<char> shifts;                // whether a factor has a shift at all

  explicit Prepared(const ShockColumns& s)
      : factors(static_cast<std::int64_t>(s.factors)),
        scenarios(static_cast<std::int64_t>(s.scenarios)),
        padded((scenarios + lanes - 1) / lanes * lanes),
        scale(pad(s.price_scale, 1.0)),
        shift(pad(s.price_shift, 0.0)),
        vol_scale(pad(s.vol_scale, 1.0)),
        vol_shift(pad(s.vol_shift, 0.0)),
        vol_floor(pad(s.vol_floor, 0.0)),
        ones(static_cast<std::size_t>(padded), 1.0),
        floored(scale),
        log_scale(scale.size()) {
    for (std::int64_t f = 0; f < factors; ++f) {
      const std::int64_t at = f * padded;
      reached.push_back(limit(floored.data() + at, log_scale.data() + at));
      const double* row = shift.data() + at;
      shifts.push_back(std::any_of(row, row + padded, [](double x) { return x != 0; }) ? 1 : 0);
    }
  }

  // Floors `row` at zero, takes its logarithm, and counts the scenarios that were floored.
  std::int64_t limit(double* row, double* logarithm) const {
    std::int64_t count = 0;
    for (std::int64_t s = 0; s < padded; ++s) logarithm[s] = row[s] >= smallest ? row[s] : 1.0;
    detail::kernels().log_ratio(logarithm, ones.data(), logarithm, padded);
    for (std::int64_t s = 0; s < padded; ++s) {
      if (row[s] >= smallest) continue;
      row[s] = 0.0;
      logarithm[s] = floored_log;
      ++count;
    }
    return count;
  }

 private:
  std::vector<double> pad(std::span<const double> rows, double filler) const {
    std::vector<double> out(static_cast<std::size_t>(factors * padded), filler);
    for (std::int64_t f = 0; f < factors; ++f) {
      std::copy_n(rows.data() + f * scenarios, scenarios, out.data() + f * padded);
    }
    return out;
  }
};

// Coins must keep a price: a currency may only be scaled, and neither it nor the price behind a
// coin-settled instrument may reach zero.
void check_conversions(const InstrumentColumns& x, const Prepared& p) {
  for (std::size_t i = 0; i < x.size(); ++i) {
    const auto row = static_cast<std::int64_t>(i);
    if (x.fx_factor[i] >= 0) {
      const auto f = static_cast<std::size_t>(x.fx_factor[i]);
      if (p.reached[f] > 0 || p.shifts[f] != 0) {
        detail::refuse("E_FX", "fx_factor", row, static_cast<double>(f),
                       "scenarios may only scale a settlement currency, by a factor > 0");
      }
    }
    if (x.inverse[i] == 0) continue;
    const std::int64_t at = x.factor[i] * p.padded;
    for (std::int64_t s = at; s < at + p.padded; ++s) {
      const auto k = static_cast<std::size_t>(s);
      const double scale = p.scale[k] + p.shift[k] / x.price[i];
      if (scale >= smallest) continue;
      detail::refuse("E_DOMAIN_FORWARD", "price_scale", row, scale,
                     "a scenario drives this price to zero or below, where a coin-settled "
                     "instrument has no value; narrow the range");
    }
  }
}

// One thread's rows of the instrument at hand, and what it met on the way.
struct Workspace {
  std::vector<double> scale, log_scale, move, conversion;
  std::int64_t floored = 0;

  explicit Workspace(std::int64_t padded)
      : scale(static_cast<std::size_t>(padded)),
        log_scale(scale.size()),
        move(scale.size()),
        conversion(scale.size()) {}
};

// The constants of instrument i.
kernel::Contract contract_of(const InstrumentColumns& x, std::size_t i) {
  const double price = x.price[i];
  const Payoff payoff = x.payoff[i];
  double log_moneyness = 0.0;
  if (payoff == Payoff::black76) {
    detail::kernels().log_ratio(&x.price[i], &x.strike[i], &log_moneyness, 1);
  }
  return {.price = price,
          .strike = x.strike[i],
          .log_moneyness = log_moneyness,
          .root_years = is_option(payoff) ? std::sqrt(x.years[i]) : 0.0,
          .vol = x.vol[i],
          .discount = x.discount[i],
          .unit = unit_of(x, i),
          .side = x.is_call[i] != 0 ? 1.0 : -1.0};
}

// The value where nothing moves, by the same kernel, so that a zero shock changes nothing.
double base_of(const kernel::Contract& contract, kernel::RevalueKernel run) {
  alignas(64) static constexpr double one[lanes] = {1, 1, 1, 1, 1, 1, 1, 1};
  alignas(64) static constexpr double zero[lanes] = {};
  double values[lanes];
  run(contract,
      {.scale = one,
       .log_scale = zero,
       .move = zero,
       .vol_scale = one,
       .vol_shift = zero,
       .vol_floor = zero,
       .conversion = one,
       .size = lanes},
      0.0, values);
  return values[0];
}

// The shocks as instrument i meets them.
kernel::ShockRow shocks_of(const InstrumentColumns& x, std::size_t i, const Prepared& p,
                           Workspace& w) {
  const auto f = static_cast<std::size_t>(x.factor[i]);
  const std::int64_t at = x.factor[i] * p.padded;
  const bool lognormal = x.payoff[i] == Payoff::black76, inverse = x.inverse[i] != 0;
  const double* scale = p.floored.data() + at;
  const double* log_scale = p.log_scale.data() + at;
  std::int64_t reached = p.reached[f];
  const double* raw = p.scale.data() + at;
  const double* shift = p.shift.data() + at;
  if (p.shifts[f] != 0 && (lognormal || inverse)) {
    for (std::size_t s = 0; s < w.scale.size(); ++s) w.scale[s] = raw[s] + shift[s] / x.price[i];
    reached = p.limit(w.scale.data(), w.log_scale.data());
    scale = w.scale.data();
    log_scale = w.log_scale.data();
  }
  if (lognormal) w.floored += reached;
  if (!lognormal) {
    for (std::size_t s = 0; s < w.move.size(); ++s) {
      w.move[s] = std::fma(x.price[i], raw[s] - 1.0, shift[s]);
    }
  }
  const double* conversion =
      x.fx_factor[i] < 0 ? p.ones.data() : p.floored.data() + x.fx_factor[i] * p.padded;
  if (inverse) {
    for (std::size_t s = 0; s < w.conversion.size(); ++s) {
      w.conversion[s] = conversion[s] / scale[s];
    }
    conversion = w.conversion.data();
  }
  return {.scale = scale,
          .log_scale = log_scale,
          .move = w.move.data(),
          .vol_scale = p.vol_scale.data() + at,
          .vol_shift = p.vol_shift.data() + at,
          .vol_floor = p.vol_floor.data() + at,
          .conversion = conversion,
          .size = p.padded};
}

// Values of instrument i in every scenario; false if one of them is not finite.
bool fill_row(kernel::RevalueKernel run, const kernel::Contract& contract,
              const kernel::ShockRow& shocks, double base, std::span<double> row) {
  double values[stretch];
  double infinite = base * 0.0;
  const auto size = static_cast<std::int64_t>(row.size());
  for (std::int64_t c = 0; c < shocks.size; c += stretch) {
    run(contract,
        {.scale = shocks.scale + c,
         .log_scale = shocks.log_scale + c,
         .move = shocks.move + c,
         .vol_scale = shocks.vol_scale + c,
         .vol_shift = shocks.vol_shift + c,
         .vol_floor = shocks.vol_floor + c,
         .conversion = shocks.conversion + c,
         .size = std::min(stretch, shocks.size - c)},
        base, values);
    const std::int64_t count = std::min(stretch, size - c);
    for (std::int64_t s = 0; s < count; ++s) infinite += values[s] * 0.0;
    std::memcpy(row.data() + c, values, static_cast<std::size_t>(count) * sizeof(double));
  }
  return infinite == 0.0;
}

}  // namespace

std::int64_t revalue(const InstrumentColumns& instruments, const ShockColumns& shocks,
                     std::span<double> values, std::span<double> base, int threads) {
  const std::size_t n = instruments.size();
  check_shocks(shocks);
  detail::check_contracts(instruments);
  check_factors(instruments, shocks.factors);
  detail::need_size("values", values.size(), n * shocks.scenarios);
  detail::need_size("base", base.size(), n);
  const Prepared prepared(shocks);
  check_conversions(instruments, prepared);

  const std::size_t block = detail::task_length(n, 32);
  const auto blocks = static_cast<std::int64_t>((n + block - 1) / block);
  std::atomic<std::int64_t> floored{0};
  std::atomic<std::int64_t> refused{static_cast<std::int64_t>(n)};
  detail::parallel_for(blocks, threads, [&](std::int64_t b) {
    Workspace workspace(prepared.padded);
    const std::size_t first = static_cast<std::size_t>(b) * block;
    for (std::size_t i = first; i < std::min(n, first + block); ++i) {
      const auto run = detail::kernels().revalue[static_cast<int>(instruments.payoff[i])];
      const kernel::Contract contract = contract_of(instruments, i);
      base[i] = instruments.payoff[i] == Payoff::margined ? 0.0 : base_of(contract, run);
      const kernel::ShockRow row = shocks_of(instruments, i, prepared, workspace);
      if (fill_row(run, contract, row, base[i],
                   values.subspan(i * shocks.scenarios, shocks.scenarios))) {
        continue;
      }
      const auto here = static_cast<std::int64_t>(i);
      detail::lower(refused, here);
    }
    floored += workspace.floored;
  });
  const auto bad = refused.load();
  if (bad < static_cast<std::int64_t>(n)) {
    detail::refuse("E_OVERFLOW", "price", bad, instruments.price[static_cast<std::size_t>(bad)],
                   "this instrument's value leaves the range of float64 in a scenario; check the "
                   "units of price, multiplier and shocks");
  }
  return floored.load();
}

}  // namespace riskslide
