// Decides how a vector of options is cut into blocks, and which refused row is reported. American
// options are European ones with what early exercise adds.
#include "riskslide/value/greeks.hpp"

#include <algorithm>
#include <atomic>
#include <cmath>
#include <limits>

#include "checks.hpp"
#include "dispatch.hpp"
#include "early_exercise.hpp"
#include "threads.hpp"

namespace riskslide {
namespace {

constexpr std::int64_t block_size = 512;  // a block's columns fit the first cache
constexpr double smallest = std::numeric_limits<double>::min();

constexpr bool on_spot(Model model) { return model == Model::bsm || model == Model::american; }

double at(const Column& column, std::int64_t row) {
  return column.values[column.scalar() ? 0 : static_cast<std::size_t>(row)];
}

// The first input of row i that is out of its domain is thrown; returns if there is none.
void refuse_row(const OptionColumns& o, std::int64_t i) {
  const double underlying = at(o.underlying, i), strike = at(o.strike, i);
  const double years = at(o.years, i), vol = at(o.vol, i), rate = at(o.rate, i);
  const char* name = on_spot(o.model) ? "spot" : "forward";
  const bool discount = o.discounting == Discounting::discount;
  const auto finite = [i](const char* argument, double value) {
    if (!std::isfinite(value)) {
      detail::refuse("E_NOT_FINITE", argument, i, value, "must be a finite number");
    }
  };
  finite(name, underlying);
  finite("strike", strike);
  finite("years", years);
  finite(o.model == Model::bachelier ? "normal_vol" : "vol", vol);
  finite(discount ? "discount" : "rate", rate);
  if (on_spot(o.model)) finite("dividend_yield", at(o.dividend_yield, i));
  if (o.model != Model::bachelier && !(underlying >= smallest)) {
    detail::refuse("E_DOMAIN_FORWARD", name, i, underlying,
                   "must be > 0 under a lognormal model; use bachelier for prices that may be "
                   "zero or negative");
  }
  if (o.model != Model::bachelier && !(strike >= smallest)) {
    detail::refuse("E_DOMAIN_STRIKE", "strike", i, strike,
                   "must be > 0 under a lognormal model; use bachelier for strikes that may be "
                   "zero or negative");
  }
  if (years < 0) {
    detail::refuse("E_EXPIRED", "years", i, years,
                   "must be >= 0; settle an expired option at its settlement price");
  }
  if (vol < 0) {
    detail::refuse("E_VOL_NEGATIVE", o.model == Model::bachelier ? "normal_vol" : "vol", i, vol,
                   "must be >= 0 (a decimal: 0.6 is 60 %)");
  }
  if (o.model == Model::american) {
    detail::refuse_exercise(i, {o.is_call[o.is_call_scalar ? 0 : i] != 0 ? 1.0 : -1.0, years, vol,
                                rate, at(o.dividend_yield, i)});
  }
  if (discount && !(rate >= smallest)) {
    detail::refuse("E_DOMAIN_DISCOUNT", "discount", i, rate, "must be > 0");
  }
}

void check_sizes(const OptionColumns& o) {
  const auto need = [&o](const char* argument, const Column& column) {
    if (!column.scalar()) detail::need_size(argument, column.values.size(), o.size);
  };
  need("underlying", o.underlying);
  need("strike", o.strike);
  need("years", o.years);
  need("vol", o.vol);
  need("rate", o.rate);
  if (on_spot(o.model)) need("dividend_yield", o.dividend_yield);
  if (o.is_call == nullptr && o.size > 0) {
    detail::refuse("E_SHAPE", "is_call", -1, 0, "must be given");
  }
}

struct Scratch {
  double fixed[6][block_size];
  double side[block_size];
  std::uint8_t is_call[block_size];
};

}  // namespace

void greeks(const OptionColumns& o, const GreekColumns& out, int threads) {
  const auto& table = detail::kernels();
  const bool second = out.vanna != nullptr;
  const bool american = o.model == Model::american;
  const auto run = table.greeks[static_cast<int>(american ? Model::bsm : o.model)]
                               [static_cast<int>(o.discounting)][second ? 1 : 0];
  if (run == nullptr) detail::refuse("E_ARGUMENT", "discounting", -1, 1, "bsm takes a rate");
  if (american && second) {
    detail::refuse("E_ARGUMENT", "second", -1, 0, "American options have no second order");
  }
  check_sizes(o);
  if (second != (out.volga != nullptr) || second != (out.charm != nullptr)) {
    detail::refuse("E_SHAPE", "vanna", -1, 0, "give vanna, volga and charm, or none of them");
  }
  const auto size = static_cast<std::int64_t>(o.size);
  const std::int64_t blocks = (size + block_size - 1) / block_size;
  // A task is a stretch of blocks, so that the constants of a thread are laid out once.
  const std::int64_t tasks = std::min<std::int64_t>(blocks, 64);
  std::atomic<std::int64_t> first_refused{size};

  detail::parallel_for(tasks, threads, [&](std::int64_t task) {
    Scratch scratch;
    detail::ExerciseBoundary boundary;
    const Column* columns[6] = {&o.underlying, &o.strike, &o.years,
                                &o.vol,        &o.rate,   &o.dividend_yield};
    for (int c = 0; c < 6; ++c) {
      if (columns[c]->scalar()) std::fill_n(scratch.fixed[c], block_size, columns[c]->values[0]);
    }
    if (o.is_call_scalar) std::fill_n(scratch.is_call, block_size, o.is_call[0]);
    for (std::int64_t b = blocks * task / tasks; b < blocks * (task + 1) / tasks; ++b) {
      const std::int64_t begin = b * block_size;
      const std::int64_t count = std::min(block_size, size - begin);
      const auto input = [&](int c) {
        return columns[c]->scalar() ? scratch.fixed[c] : columns[c]->values.data() + begin;
      };
      const kernel::GreeksBlock block{
          .underlying = input(0),
          .strike = input(1),
          .years = input(2),
          .vol = input(3),
          .rate = input(4),
          .dividend_yield = on_spot(o.model) ? input(5) : nullptr,
          .is_call = o.is_call_scalar ? scratch.is_call : o.is_call + begin,
          .side = scratch.side,
          .value = out.value + begin,
          .delta = out.delta + begin,
          .gamma = out.gamma + begin,
          .vega = out.vega + begin,
          .theta = out.theta + begin,
          .rho = out.rho + begin,
          .vanna = second ? out.vanna + begin : nullptr,
          .volga = second ? out.volga + begin : nullptr,
          .charm = second ? out.charm + begin : nullptr,
          .size = count};
      if (run(block) == 0 && (!american || detail::add_early_exercise(block, boundary))) continue;
      detail::lower(first_refused, begin);
    }
  });

  const std::int64_t refused = first_refused.load();
  if (refused == size) return;
  for (std::int64_t i = refused; i < size; ++i) {
    refuse_row(o, i);
    double sum = out.value[i] * 0 + out.delta[i] * 0 + out.gamma[i] * 0 + out.vega[i] * 0 +
                 out.theta[i] * 0 + out.rho[i] * 0;
    if (second) sum += out.vanna[i] * 0 + out.volga[i] * 0 + out.charm[i] * 0;
    if (!(sum == 0)) {
      detail::refuse("E_OVERFLOW", on_spot(o.model) ? "spot" : "forward", i, at(o.underlying, i),
                     "value or a Greek of this row leaves the range of float64; check the units of "
                     "price, years and rate");
    }
  }
}

}  // namespace riskslide
