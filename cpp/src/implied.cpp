// Decides how quotes are cut into blocks, and how a row that has no vol is reported.
#include "riskslide/value/implied.hpp"

#include <algorithm>
#include <atomic>
#include <cmath>
#include <cstdio>
#include <limits>
#include <string>

#include "checks.hpp"
#include "dispatch.hpp"
#include "threads.hpp"

namespace riskslide {
namespace {

constexpr std::int64_t block_size = 128;  // a block and its scratch memory fit the first cache
constexpr double smallest = std::numeric_limits<double>::min();

double at(const Column& column, std::int64_t row) {
  return column.values[column.scalar() ? 0 : static_cast<std::size_t>(row)];
}

void check_sizes(const QuoteColumns& q, std::span<double> vol) {
  const OptionColumns& o = q.options;
  const auto need = [&o](const char* argument, const Column& column) {
    if (!column.scalar()) detail::need_size(argument, column.values.size(), o.size);
  };
  need("price", q.price);
  need("underlying", o.underlying);
  need("strike", o.strike);
  need("years", o.years);
  need("rate", o.rate);
  if (o.model == Model::bsm) need("dividend_yield", o.dividend_yield);
  if (o.is_call == nullptr && o.size > 0) {
    detail::refuse("E_SHAPE", "is_call", -1, 0, "must be given");
  }
  detail::need_size("vol", vol.size(), o.size);
}

struct Scratch {
  double fixed[6][block_size];
  double side[block_size];
  double deviation[block_size];
  double target[10][block_size];
  std::uint8_t is_call[block_size];
};

/// Calls kept(first row, its statuses) for every block.
template <class Keep>
void run(const QuoteColumns& q, std::span<double> vol, int threads, const Keep& kept) {
  const OptionColumns& o = q.options;
  check_sizes(q, vol);
  if (o.model == Model::american) {
    detail::refuse("E_ARGUMENT", "model", -1, 3, "american prices are for american_implied_vol");
  }
  const auto kernel =
      detail::kernels().implied[static_cast<int>(o.model)][static_cast<int>(o.discounting)];
  if (kernel == nullptr) detail::refuse("E_ARGUMENT", "discounting", -1, 1, "bsm takes a rate");
  const auto size = static_cast<std::int64_t>(o.size);
  const std::int64_t blocks = (size + block_size - 1) / block_size;
  const std::int64_t tasks = std::min<std::int64_t>(blocks, 64);
  detail::parallel_for(tasks, threads, [&](std::int64_t task) {
    Scratch scratch;
    auto& t = scratch.target;
    const double* status = t[7];
    const Column* columns[6] = {&q.price, &o.underlying, &o.strike,
                                &o.years, &o.rate,       &o.dividend_yield};
    const int inputs = o.model == Model::bsm ? 6 : 5;
    for (int c = 0; c < inputs; ++c) {
      if (columns[c]->scalar()) std::fill_n(scratch.fixed[c], block_size, columns[c]->values[0]);
    }
    if (o.is_call_scalar) std::fill_n(scratch.is_call, block_size, o.is_call[0]);
    for (std::int64_t b = blocks * task / tasks; b < blocks * (task + 1) / tasks; ++b) {
      const std::int64_t begin = b * block_size;
      const std::int64_t count = std::min(block_size, size - begin);
      const auto input = [&](int c) {
        return columns[c]->scalar() ? scratch.fixed[c] : columns[c]->values.data() + begin;
      };
      kernel({.price = input(0),
              .underlying = input(1),
              .strike = input(2),
              .years = input(3),
              .rate = input(4),
              .dividend_yield = inputs == 6 ? input(5) : nullptr,
              .is_call = o.is_call_scalar ? scratch.is_call : o.is_call + begin,
              .side = scratch.side,
              .deviation = scratch.deviation,
              .target = {t[0], t[1], t[2], t[3], t[4], t[5], t[6], t[7], t[8], t[9]},
              .vol = vol.data() + begin,
              .size = count});
      kept(begin, std::span<const double>(status, static_cast<std::size_t>(count)));
    }
  });
}

// The bounds of a price as a message says them: to 17 digits, not to the last of them.
struct Bounds {
  double lowest, highest;
};

Bounds bounds_of(const OptionColumns& o, std::int64_t i) {
  const double years = at(o.years, i), rate = at(o.rate, i);
  const bool given = o.discounting == Discounting::discount;
  const double discount = given ? rate : std::exp(-rate * years);
  const double growth =
      o.model == Model::bsm ? std::exp(-at(o.dividend_yield, i) * years) : discount;
  const double asset = growth * at(o.underlying, i), cash = discount * at(o.strike, i);
  const bool call = o.is_call[o.is_call_scalar ? 0 : i] != 0;
  const double highest = o.model == Model::bachelier ? std::numeric_limits<double>::infinity()
                         : call                      ? asset
                                                     : cash;
  return {std::max(0.0, call ? asset - cash : cash - asset), highest};
}

std::string shown(double x) {
  char text[32];
  std::snprintf(text, sizeof text, "%.10g", x);
  return text;
}

[[noreturn]] void refuse_price(const QuoteColumns& q, std::int64_t i, VolStatus status) {
  const Bounds bounds = bounds_of(q.options, i);
  const double price = at(q.price, i);
  const std::string low = shown(bounds.lowest), high = shown(bounds.highest);
  const std::string inside =
      std::isfinite(bounds.highest) ? "between " + low + " and " + high : "above " + low;
  const std::string mask = "; errors=\"mask\" reports such rows instead";
  if (status == VolStatus::below) {
    detail::refuse("E_PRICE_BELOW", "price", i, price,
                   "must be " + inside + "; it is below the discounted intrinsic value" + mask);
  }
  if (status == VolStatus::above) {
    detail::refuse(
        "E_PRICE_ABOVE", "price", i, price,
        "must be " + inside + "; it is above what the option is worth at any vol" + mask);
  }
  detail::refuse("E_VOL_UNDETERMINED", "price", i, price,
                 "must be strictly " + inside +
                     "; to its last digit it is a bound, which says nothing of the vol" + mask);
}

[[noreturn]] void refuse_row(const QuoteColumns& q, std::int64_t i, VolStatus status) {
  if (status != VolStatus::domain) refuse_price(q, i, status);
  const OptionColumns& o = q.options;
  const double price = at(q.price, i), years = at(o.years, i), rate = at(o.rate, i);
  const double underlying = at(o.underlying, i), strike = at(o.strike, i);
  const char* name = o.model == Model::bsm ? "spot" : "forward";
  const bool lognormal = o.model != Model::bachelier;
  const bool discount = o.discounting == Discounting::discount;
  const auto finite = [i](const char* argument, double value) {
    if (!std::isfinite(value)) {
      detail::refuse("E_NOT_FINITE", argument, i, value, "must be a finite number");
    }
  };
  finite("price", price);
  finite(name, underlying);
  finite("strike", strike);
  finite("years", years);
  finite(discount ? "discount" : "rate", rate);
  if (o.model == Model::bsm) finite("dividend_yield", at(o.dividend_yield, i));
  if (lognormal && !(underlying >= smallest)) {
    detail::refuse("E_DOMAIN_FORWARD", name, i, underlying,
                   "must be > 0 under a lognormal model; use bachelier for prices that may be "
                   "zero or negative");
  }
  if (lognormal && !(strike >= smallest)) {
    detail::refuse("E_DOMAIN_STRIKE", "strike", i, strike,
                   "must be > 0 under a lognormal model; use bachelier for strikes that may be "
                   "zero or negative");
  }
  if (!(years >= smallest)) {
    detail::refuse("E_EXPIRED", "years", i, years,
                   "must be > 0; what has expired has no vol to imply");
  }
  if (discount && !(rate > 0)) {
    detail::refuse("E_DOMAIN_DISCOUNT", "discount", i, rate, "must be > 0");
  }
  detail::refuse("E_OVERFLOW", name, i, underlying,
                 "discounted prices or the vol of this row leave the range of float64; check the "
                 "units of price, years and rate");
}

}  // namespace

void implied_vol(const QuoteColumns& quotes, std::span<double> vol, std::span<VolStatus> status,
                 int threads) {
  detail::need_size("status", status.size(), quotes.options.size);
  run(quotes, vol, threads, [&](std::int64_t begin, std::span<const double> found) {
    for (std::size_t i = 0; i < found.size(); ++i) {
      status[static_cast<std::size_t>(begin) + i] =
          static_cast<VolStatus>(static_cast<std::uint8_t>(found[i]));
    }
  });
}

void implied_vol(const QuoteColumns& quotes, std::span<double> vol, int threads) {
  constexpr std::int64_t none = std::numeric_limits<std::int64_t>::max(), statuses = 8;
  std::atomic<std::int64_t> first{none};  // row * statuses + status
  run(quotes, vol, threads, [&](std::int64_t begin, std::span<const double> found) {
    for (std::size_t i = 0; i < found.size(); ++i) {
      if (found[i] == 0) continue;
      const std::int64_t row = begin + static_cast<std::int64_t>(i);
      detail::lower(first, row * statuses + static_cast<std::int64_t>(found[i]));
      return;
    }
  });
  if (first.load() == none) return;
  refuse_row(quotes, first.load() / statuses, static_cast<VolStatus>(first.load() % statuses));
}

}  // namespace riskslide
