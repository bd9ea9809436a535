// Risk: an implied vol misses its last digits, is guessed where a price has none, or an instruction
// set computes other bits.
//
//   test_implied [options of each model]
//
// The exact side (MPFR, where the build found it) is Newton's method on the textbook's price in 256
// bits; prices are exact ones rounded to double, which is then taken as exact.
#include <algorithm>
#include <cmath>
#include <cstdlib>
#include <cstring>
#include <limits>

#include "check.hpp"
#include "riskslide/value/greeks.hpp"
#include "riskslide/value/implied.hpp"
#include "tables.hpp"
#if defined(RISKSLIDE_MPFR)
#include "kernel/pairs.hpp"
#include "normal_tail.hpp"
#endif

namespace {

namespace kernel = riskslide::kernel;
using riskslide::Discounting;
using riskslide::Model;
using riskslide::VolStatus;
using Numbers = std::vector<double>;

constexpr double infinity = std::numeric_limits<double>::infinity();
constexpr double nan_number = std::numeric_limits<double>::quiet_NaN();
constexpr double tiny = std::numeric_limits<double>::denorm_min();

double decade(check::Random& random, double from, double to) {
  return std::pow(10.0, random.uniform(from, to));
}

// Quotes by column; `rate` is the discount factor where it discounts so.
struct Quotes {
  Model model = Model::black76;
  Discounting discounting = Discounting::discount;
  Numbers price, underlying, strike, years, rate, yield;
  std::vector<std::uint8_t> is_call;

  void add(double p, double u, double k, double t, double r, double q, bool call) {
    price.push_back(p), underlying.push_back(u), strike.push_back(k), years.push_back(t);
    rate.push_back(r), yield.push_back(q), is_call.push_back(call ? 1 : 0);
  }
  [[nodiscard]] riskslide::QuoteColumns columns() const {
    using riskslide::Column;
    return {.price = Column::of(std::span(price)),
            .options = {.model = model,
                        .discounting = discounting,
                        .size = price.size(),
                        .underlying = Column::of(std::span(underlying)),
                        .strike = Column::of(std::span(strike)),
                        .years = Column::of(std::span(years)),
                        .vol = {},
                        .rate = Column::of(std::span(rate)),
                        .dividend_yield = Column::of(std::span(yield)),
                        .is_call = is_call.data()}};
  }
};

struct Found {
  Numbers vol;
  std::vector<VolStatus> status;
};

Found solved(const Quotes& quotes, int threads = 1) {
  Found found{Numbers(quotes.price.size()), std::vector<VolStatus>(quotes.price.size())};
  riskslide::implied_vol(quotes.columns(), found.vol, found.status, threads);
  return found;
}

#if defined(RISKSLIDE_MPFR)
using check::Real;

// What a price is made of: its bounds, and how far from the money it is. x is |ln(F / K)|, of
// Bachelier |F - K|; cap is the upper bound, of Bachelier the discount factor.
struct Exact {
  bool lognormal;
  Real intrinsic, cap, x;
  Real asset, signed_x;  // of the lognormal models
  Real noise;            // of the intrinsic value of a spot model

  // Time value at the deviation s, and its derivative by s.
  void value(const Real& s, Real& at, Real& slope) const {
    const auto& tail = check::normal_tail();
    const Real half = lognormal ? s / Real(2.0) : Real(0.0);
    const Real d = x / s - half, density = tail.density(d);
    slope = cap * density;
    if (!lognormal) {
      at = slope * s - cap * x * tail.below(-d, density);
      return;
    }
    const Real e = d + s;
    at = cap * (tail.below(-d, density) - exp(x) * tail.below(-e, tail.density(e)));
  }
};

Exact exact_of(const Quotes& q, std::size_t i) {
  const bool lognormal = q.model != Model::bachelier;
  const Real years = q.years[i], rate = q.rate[i], yield = q.yield[i];
  const Real discount = q.discounting == Discounting::discount ? rate : exp(-(rate * years));
  const Real growth = q.model == Model::bsm ? exp(-(yield * years)) : discount;
  const Real asset = growth * Real(q.underlying[i]), cash = discount * Real(q.strike[i]);
  const Real gap = q.is_call[i] != 0 ? asset - cash : cash - asset;
  const Real x = lognormal ? log(asset / cash) : Real(q.underlying[i]) - Real(q.strike[i]);
  return {lognormal,
          gap > Real(0.0) ? gap : Real(0.0),
          lognormal ? (asset < cash ? asset : cash) : discount,
          abs(x),
          asset,
          x,
          Real(q.model == Model::bsm ? 0x1p-59 : 0.0) * (asset > cash ? asset : cash)};
}

// Prices of options of 1 hour to 50 years and vols of 1e-6 to 10, within 12 deviations or 37, and
// e^+-30 of the strike.
Quotes drawn(Model model, Discounting discounting, std::int64_t count) {
  check::Random random(7);
  Quotes q;
  q.model = model, q.discounting = discounting;
  for (std::int64_t k = 0; k < count; ++k) {
    const double years = decade(random, -3.95, 1.7);
    const double root = std::sqrt(years), vol = decade(random, -6, 1), s = vol * root;
    const double reach = k % 4 == 0 ? 37 : 12;
    const bool call = random.whole(0, 1) == 1;
    const double z = k % 16 == 1 ? 0.0 : random.uniform(-reach, reach);
    const double rate = discounting == Discounting::discount ? random.uniform(0.3, 1.1)
                                                             : random.uniform(-0.05, 0.2);
    const double yield = model == Model::bsm ? random.uniform(-0.05, 0.2) : 0.0;
    const double carried = model == Model::bsm ? (rate - yield) * years : 0.0;
    const double scale = decade(random, -6, 9);
    double strike = 0;
    if (model == Model::bachelier) {
      strike = scale * random.uniform(-1, 1);
      q.add(0, strike + scale * z * s, strike, years, rate, yield, call);
    } else {
      const double x = z * s + (k % 2 == 0 ? 0.0 : 0.5 * s * s * (call ? 1 : -1));
      strike = scale * std::exp(std::clamp(-x, -30.0, 30.0) + carried);
      q.add(0, scale, strike, years, rate, yield, call);
    }
    const Exact exact = exact_of(q, q.price.size() - 1);
    Real value, slope;
    exact.value(Real(model == Model::bachelier ? scale * s : s), value, slope);
    q.price.back() = static_cast<double>(exact.intrinsic + value);
  }
  return q;
}

// A bound within half of the price's last place says nothing of the vol.
bool says_nothing(const Exact& exact, double price) {
  const Real noise = exact.intrinsic > Real(0.0) ? exact.noise : Real(0.0);
  const Real slack = abs(Real(price)) * Real(0x1p-53 * (1 + 1e-9)) + noise;
  const Real value = Real(price) - exact.intrinsic;
  return !(abs(value) > slack) || (exact.lognormal && !(abs(exact.cap - value) > slack));
}

// Relative errors of the vol that one of the price makes and, under a spot model, one of the spot:
// it enters through two exponentials, which are rounded.
double condition_of(const Quotes& q, std::size_t i, const Exact& exact, const Real& s,
                    const Real& slope) {
  Real moved = q.price[i];
  if (q.model == Model::bsm) {
    const Real side = q.is_call[i] != 0 ? 1.0 : -1.0;
    const Real d1 = side * (exact.signed_x / s + s / Real(2.0));
    moved = moved + exact.asset * check::normal_tail().below(d1, check::normal_tail().density(d1));
  }
  return static_cast<double>(moved / (slope * s));
}

// Largest error of a vol in units in its last place, over max(1, condition number).
void vols_are_right_to_the_last_place(Model model, Discounting discounting, const char* name,
                                      std::int64_t count) {
  const Quotes q = drawn(model, discounting, count);
  const Found found = solved(q);
  double worst = 0;
  std::int64_t solved_rows = 0, at = 0;
  for (std::size_t i = 0; i < q.price.size(); ++i) {
    const Exact exact = exact_of(q, i);
    if (found.status[i] != VolStatus::ok) {
      check::that(found.vol[i] == 0 && says_nothing(exact, q.price[i]), "only a bound has no vol",
                  __FILE__, __LINE__, name);
      continue;
    }
    ++solved_rows;
    const Real root = sqrt(Real(q.years[i]));
    const Real wanted = Real(q.price[i]) - exact.intrinsic;
    Real s = Real(found.vol[i]) * root, value, slope;
    for (int step = 0; step < 4; ++step) {
      exact.value(s, value, slope);
      s = s - (value - wanted) / slope;
    }
    const double condition = condition_of(q, i, exact, s, slope);
    const double place = std::nextafter(found.vol[i], infinity) - found.vol[i];
    const auto missed = static_cast<double>(abs(Real(found.vol[i]) - s / root) / Real(place));
    const double error = missed / std::max(1.0, condition);
    if (!(error <= worst)) worst = error, at = static_cast<std::int64_t>(i);
  }
  std::printf("%-20s largest error %.3f ULP x condition, %lld of %lld have a vol, row %lld\n", name,
              worst, static_cast<long long>(solved_rows), static_cast<long long>(count),
              static_cast<long long>(at));
  CHECK(solved_rows * 2 > count);
  check::that(worst <= 1.0, "right to the last place", __FILE__, __LINE__, name);
}

// Relative errors of the two functions in two doubles.
void pairs_are_exact() {
  check::Random random(3);
  double worst_exp = 0, worst_mills = 0;
  const auto missed = [](kernel::Pair found, const Real& exact) {
    const Real sum = Real(found.high) + Real(found.low);
    return std::fabs(static_cast<double>((sum - exact) / exact));
  };
  const Real root_2pi = sqrt(Real(2.0) * Real::pi());
  for (int k = 0; k < 20'000; ++k) {
    const double x = k % 2 == 0 ? random.uniform(-690, 690) : random.uniform(-1, 1);
    const double low = x * random.uniform(-1, 1) * 0x1p-54;
    const Real exact = exp(Real(x) + Real(low));
    worst_exp = std::max(worst_exp, missed(kernel::exp_pair({x, low}), exact));
    const double z = k % 3 == 0 ? random.uniform(-0.75, 1) : random.uniform(0, k % 3 == 1 ? 8 : 72);
    const double z_low = z * random.uniform(-1, 1) * 0x1p-54;
    const Real at = Real(z) + Real(z_low);
    const Real mills = erfc(at / sqrt(Real(2.0))) / Real(2.0) * root_2pi * exp(at * at / Real(2.0));
    worst_mills = std::max(worst_mills, missed(kernel::mills_pair({z, z_low}), mills));
  }
  std::printf("exp_pair 2^%.1f, mills_pair 2^%.1f relative\n", std::log2(worst_exp),
              std::log2(worst_mills));
  CHECK(worst_exp < 0x1p-58);
  CHECK(worst_mills < 0x1p-62);
}
#endif

// Columns with everything that may stand in a row, the same for every table.
Quotes awkward(Model model, Discounting discounting) {
  constexpr double special[] = {0,   -0.0,  1,      -1,       tiny,      -tiny,      1e-300,  1e300,
                                100, 1e308, -1e308, infinity, -infinity, nan_number, 2.3e-308};
  check::Random random(11);
  Quotes q;
  q.model = model, q.discounting = discounting;
  const auto one = [&](double usual) {
    return random.whole(0, 4) == 0 ? special[random.whole(0, 14)] : usual;
  };
  for (int k = 0; k < 20'005; ++k) {
    q.add(one(decade(random, -8, 2)), one(random.uniform(50, 200)), one(random.uniform(50, 200)),
          one(decade(random, -4, 2)), one(random.uniform(0.1, 1.1)), one(random.uniform(-1, 1)),
          random.whole(0, 1) == 1);
  }
  return q;
}

void every_row_has_a_vol_or_a_reason() {
  for (int m = 0; m < 3; ++m) {
    for (const auto discounting : {Discounting::rate, Discounting::discount}) {
      const auto model = static_cast<Model>(m);
      if (model == Model::bsm && discounting == Discounting::discount) continue;
      const Found found = solved(awkward(model, discounting));
      std::int64_t count[5] = {};
      for (std::size_t i = 0; i < found.vol.size(); ++i) {
        const auto reason = static_cast<std::size_t>(found.status[i]);
        CHECK(reason <= 4);
        ++count[std::min<std::size_t>(reason, 4)];
        CHECK(reason == 0 ? found.vol[i] > 0 && found.vol[i] < infinity : found.vol[i] == 0);
      }
      for (const std::int64_t rows : count) CHECK(rows > (model == Model::bachelier ? -1 : 9));
    }
  }
}

void instruction_sets_and_threads_agree() {
  for (int m = 0; m < 3; ++m) {
    for (int d = 0; d < 2; ++d) {
      const auto model = static_cast<Model>(m);
      if (kernel::baseline.implied[m][d] == nullptr) continue;
      const Quotes q = awkward(model, static_cast<Discounting>(d));
      const auto outputs = [&](const kernel::Table& table) {
        const std::size_t size = q.price.size();
        Numbers out(size), scratch(12 * size);
        const auto room = [&](std::size_t k) { return scratch.data() + k * size; };
        table.implied[m][d]({.price = q.price.data(),
                             .underlying = q.underlying.data(),
                             .strike = q.strike.data(),
                             .years = q.years.data(),
                             .rate = q.rate.data(),
                             .dividend_yield = q.yield.data(),
                             .is_call = q.is_call.data(),
                             .side = room(0),
                             .deviation = room(1),
                             .target = {room(2), room(3), room(4), room(5), room(6), room(7),
                                        room(8), room(9), room(10), room(11)},
                             .vol = out.data(),
                             .size = static_cast<std::int64_t>(size)});
        out.insert(out.end(), room(9), room(9) + size);
        return out;
      };
      const Numbers wanted = outputs(kernel::baseline);
      for (const kernel::Table* table : check::tables()) {
        const Numbers found = outputs(*table);
        CHECK(std::memcmp(found.data(), wanted.data(), wanted.size() * sizeof(double)) == 0);
      }
      const Found one = solved(q, 1), five = solved(q, 5);
      CHECK(one.vol == five.vol && one.status == five.status);
    }
  }
}

void refusals_name_the_first_row() {
  Quotes q;
  for (int k = 0; k < 700; ++k) q.add(8, 100, 100, 1, 1, 0, true);
  Numbers vol(q.price.size());
  const auto refused = [&](const char* code, const char* argument, std::int64_t row) {
    const auto act = [&] { riskslide::implied_vol(q.columns(), vol, 3); };
    check::refused(code, argument, row, act, code, __FILE__, __LINE__);
  };
  riskslide::implied_vol(q.columns(), vol, 3);
  q.price[650] = 101;
  refused("E_PRICE_ABOVE", "price", 650);
  q.price[600] = -1e-9;
  refused("E_PRICE_BELOW", "price", 600);
  q.price[500] = 0;
  refused("E_VOL_UNDETERMINED", "price", 500);
  q.strike[400] = 0;
  refused("E_DOMAIN_STRIKE", "strike", 400);
  q.years[300] = 0;
  refused("E_EXPIRED", "years", 300);
  q.rate[200] = -1;
  refused("E_DOMAIN_DISCOUNT", "discount", 200);
  q.underlying[100] = -5;
  refused("E_DOMAIN_FORWARD", "forward", 100);
  q.price[50] = nan_number;
  refused("E_NOT_FINITE", "price", 50);
  vol.pop_back();
  refused("E_SHAPE", "vol", -1);
}

}  // namespace

int main(int count, char** arguments) {
  [[maybe_unused]] const std::int64_t options =
      count > 1 ? std::strtoll(arguments[1], nullptr, 10) : 500;
#if defined(RISKSLIDE_MPFR)
  Real::precision(check::NormalTail::bits);
  pairs_are_exact();
  using enum Model;
  vols_are_right_to_the_last_place(black76, Discounting::discount, "Black-76, discount", options);
  vols_are_right_to_the_last_place(black76, Discounting::rate, "Black-76, rate", options);
  vols_are_right_to_the_last_place(bsm, Discounting::rate, "Black-Scholes-Merton", options);
  vols_are_right_to_the_last_place(bachelier, Discounting::discount, "Bachelier, discount",
                                   options);
  vols_are_right_to_the_last_place(bachelier, Discounting::rate, "Bachelier, rate", options);
#else
  std::printf("MPFR was not found: vols are not compared with exact ones\n");
#endif
  every_row_has_a_vol_or_a_reason();
  instruction_sets_and_threads_agree();
  refusals_name_the_first_row();
  return check::done("implied");
}
