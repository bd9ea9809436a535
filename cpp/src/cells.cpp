// Decides which kernel and which resolved shocks each instrument meets; see value/revalue.hpp.
#include "cells.hpp"

#include <algorithm>
#include <cmath>
#include <cstring>

#include "american.hpp"
#include "checks.hpp"
#include "contracts.hpp"
#include "dispatch.hpp"

namespace riskslide::detail {
namespace {

using kernel::lanes;
constexpr std::int64_t stretch = 512;  // columns valued at a time, a multiple of lanes
constexpr double one = 1.0;

double log_of(const double& above, const double& below) {
  double out = 0.0;
  kernels().log_ratio(&above, &below, &out, 1);
  return out;
}

kernel::Life life_of(const InstrumentColumns& x, std::size_t i) {
  kernel::Life life{.years = x.years[i],
                    .discount = x.discount[i],
                    .discount_rate = 0.0,
                    .drift_rate = 0.0,
                    .follows = 0.0,
                    .coin = 0.0};
  const bool on_spot = x.payoff[i] == Payoff::black76 && !x.spot.empty() && x.spot[i] != 0;
  if (on_spot) {
    life.follows = 1.0;
    life.coin = x.inverse[i] != 0 ? 1.0 : 0.0;
  }
  if (x.years[i] > 0) {
    life.discount_rate = log_of(x.discount[i], one) / x.years[i];
    if (on_spot) life.drift_rate = log_of(x.spot[i], x.price[i]) / x.years[i];
  }
  return life;
}

// Roots, discounts and growth of the option in every column.
kernel::Life let_live(const InstrumentColumns& x, std::size_t i, const ShockBlock& p,
                      Workspace& w) {
  for (auto* column : {&w.root_years, &w.discount, &w.growth, &w.log_growth}) {
    column->resize(w.scale.size());
  }
  const kernel::Life life = life_of(x, i);
  kernels().age(life, {.horizon = p.horizon.data(),
                       .rate_shift = p.rate_shift.data() + x.factor[i] * p.padded,
                       .root_years = w.root_years.data(),
                       .discount = w.discount.data(),
                       .growth = w.growth.data(),
                       .log_growth = w.log_growth.data(),
                       .size = p.padded});
  return life;
}

// The shocks as instrument i meets them.
kernel::ShockRow shocks_of(const InstrumentColumns& x, std::size_t i, const ShockBlock& p,
                           bool ages, Workspace& w) {
  const auto f = static_cast<std::size_t>(x.factor[i]);
  const std::int64_t at = x.factor[i] * p.padded;
  const bool lognormal = x.payoff[i] == Payoff::black76, inverse = x.inverse[i] != 0;
  const double* scale = p.floored.data() + at;
  const double* log_scale = p.log_scale.data() + at;
  const double* raw = p.scale.data() + at;
  const double* shift = p.shift.data() + at;
  if (p.shifts[f] != 0 && (lognormal || inverse)) {
    for (std::size_t s = 0; s < w.scale.size(); ++s) w.scale[s] = raw[s] + shift[s] / x.price[i];
    p.limit(w.scale.data(), w.log_scale.data());
    scale = w.scale.data();
    log_scale = w.log_scale.data();
  }
  if (!lognormal) {
    for (std::size_t s = 0; s < w.move.size(); ++s) {
      w.move[s] = std::fma(x.price[i], raw[s] - 1.0, shift[s]);
    }
  }
  const double* conversion =
      x.fx_factor[i] < 0 ? p.ones.data() : p.floored.data() + x.fx_factor[i] * p.padded;
  if (inverse) {  // by the price before the forward moves on: `age` sees to the rest
    for (std::size_t s = 0; s < w.conversion.size(); ++s) {
      w.conversion[s] = conversion[s] / scale[s];
    }
    conversion = w.conversion.data();
  }
  if (ages && let_live(x, i, p, w).follows != 0) {
    for (std::size_t s = 0; s < w.scale.size(); ++s) {
      w.scale[s] = scale[s] * w.growth[s];
      w.log_scale[s] = log_scale[s] + w.log_growth[s];
    }
    scale = w.scale.data();
    log_scale = w.log_scale.data();
  }
  return {.scale = scale,
          .log_scale = log_scale,
          .move = w.move.data(),
          .vol_scale = p.vol_scale.data() + at,
          .vol_shift = p.vol_shift.data() + at,
          .vol_floor = p.vol_floor.data() + at,
          .conversion = conversion,
          .root_years = ages ? w.root_years.data() : nullptr,
          .discount = ages ? w.discount.data() : nullptr,
          .size = p.padded};
}

kernel::RevalueKernel kernel_of(Payoff payoff, bool ages) {
  return kernels().revalue[ages ? 1 : 0][static_cast<int>(payoff)];
}

// NaN where the forward of a lognormal option, at its discount, leaves float64 in a column, which
// its value then may not show; else 0.
double beyond(const InstrumentColumns& x, std::size_t i, const kernel::Contract& contract,
              const ShockBlock& p, const kernel::ShockRow& row) {
  if (x.payoff[i] != Payoff::black76) return 0.0;
  const auto f = static_cast<std::size_t>(x.factor[i]);
  const double now = contract.price * contract.discount;
  if (row.discount == nullptr && p.shifts[f] == 0) return now * p.largest[f] * 0.0;
  double found = 0.0;
  for (std::int64_t s = 0; s < row.size; ++s) {
    const double asset = row.discount == nullptr ? now : contract.price * row.discount[s];
    found += asset * row.scale[s] * 0.0;
  }
  return found;
}

// The same row from column c on.
kernel::ShockRow from_column(kernel::ShockRow row, std::int64_t c) {
  for (const double** column : {&row.scale, &row.log_scale, &row.move, &row.vol_scale,
                                &row.vol_shift, &row.vol_floor, &row.conversion}) {
    *column += c;
  }
  if (row.root_years != nullptr) {
    row.root_years += c;
    row.discount += c;
  }
  row.size = std::min(stretch, row.size - c);
  return row;
}

}  // namespace

kernel::Contract contract_of(const InstrumentColumns& x, std::size_t i) {
  const Payoff payoff = x.payoff[i];
  const bool lognormal = payoff == Payoff::black76;
  return {.price = x.price[i],
          .strike = x.strike[i],
          .log_moneyness = lognormal ? log_of(x.price[i], x.strike[i]) : 0.0,
          .root_years = is_option(payoff) ? std::sqrt(x.years[i]) : 0.0,
          .vol = x.vol[i],
          .discount = x.discount[i],
          .unit = unit_of(x, i),
          .side = x.is_call[i] != 0 ? 1.0 : -1.0};
}

double base_of(const InstrumentColumns& x, std::size_t i, const kernel::Contract& contract) {
  if (x.payoff[i] == Payoff::margined) return 0.0;
  if (x.payoff[i] == Payoff::american) return american_base(x, i, contract.unit);
  alignas(64) static constexpr double ones[lanes] = {1, 1, 1, 1, 1, 1, 1, 1,
                                                     1, 1, 1, 1, 1, 1, 1, 1};
  alignas(64) static constexpr double zeros[lanes] = {};
  double values[lanes];
  kernel_of(x.payoff[i], false)(contract,
                                {.scale = ones,
                                 .log_scale = zeros,
                                 .move = zeros,
                                 .vol_scale = ones,
                                 .vol_shift = zeros,
                                 .vol_floor = zeros,
                                 .conversion = ones,
                                 .root_years = nullptr,
                                 .discount = nullptr,
                                 .size = lanes},
                                0.0, values);
  return values[0];
}

bool fill_row(const InstrumentColumns& x, std::size_t i, const kernel::Contract& contract,
              double base, const ShockBlock& block, Workspace& workspace, std::span<double> row) {
  if (x.payoff[i] == Payoff::american) {
    return fill_american(x, i, contract.unit, base, block, row);
  }
  const bool ages = is_option(x.payoff[i]) && block.ages[static_cast<std::size_t>(x.factor[i])];
  const kernel::ShockRow shocks = shocks_of(x, i, block, ages, workspace);
  const kernel::RevalueKernel run = kernel_of(x.payoff[i], ages);
  double values[stretch];
  bool sound = base * 0.0 + beyond(x, i, contract, block, shocks) == 0.0;
  const auto size = static_cast<std::int64_t>(row.size());
  for (std::int64_t c = 0; c < shocks.size; c += stretch) {
    sound = run(contract, from_column(shocks, c), base, values) == 0 && sound;
    const std::int64_t count = std::min(stretch, size - c);
    std::memcpy(row.data() + c, values, static_cast<std::size_t>(count) * sizeof(double));
  }
  return sound;
}

void refuse_value(const InstrumentColumns& x, std::int64_t row) {
  if (const auto i = static_cast<std::size_t>(row); x.payoff[i] == Payoff::american) {
    refuse_exercise(row, american_of(x, i).terms);
  }
  refuse("E_OVERFLOW", "price", row, x.price[static_cast<std::size_t>(row)],
         "this instrument's value leaves the range of float64 in a scenario; check the "
         "units of price, multiplier and shocks");
}

}  // namespace riskslide::detail
