// Risk: an option is valued or differentiated wrongly, at a limit above all, or a bad row passes.
#include <array>
#include <cmath>
#include <limits>

#include "check.hpp"
#include "riskslide/value/greeks.hpp"

namespace {

using riskslide::Column;
using riskslide::Discounting;
using riskslide::Model;

struct Option {
  double underlying = 100, strike = 110, years = 0.5, vol = 0.3, rate = 0.02, yield = 0;
  bool call = true;
};

struct Values {
  double value, delta, gamma, vega, theta, rho;
};

Values of(Model model, const Option& o, Discounting discounting = Discounting::rate) {
  const std::uint8_t side = o.call ? 1 : 0;
  Values out{};
  riskslide::greeks({.model = model,
                     .discounting = discounting,
                     .size = 1,
                     .underlying = Column::of(o.underlying),
                     .strike = Column::of(o.strike),
                     .years = Column::of(o.years),
                     .vol = Column::of(o.vol),
                     .rate = Column::of(o.rate),
                     .dividend_yield = Column::of(o.yield),
                     .is_call = &side,
                     .is_call_scalar = true},
                    {.value = &out.value,
                     .delta = &out.delta,
                     .gamma = &out.gamma,
                     .vega = &out.vega,
                     .theta = &out.theta,
                     .rho = &out.rho});
  return out;
}

long double normal(long double x) { return std::erfc(-x / std::sqrt(2.0L)) / 2; }

// The textbook formula, in long double.
double textbook(Model model, const Option& o) {
  const long double T = o.years, K = o.strike, D = std::exp(-o.rate * T);
  const long double q = model == Model::bsm ? o.yield : o.rate;
  const long double F = o.underlying * std::exp((o.rate - q) * T);
  const long double w = o.call ? 1 : -1, sd = o.vol * std::sqrt(T);
  if (model == Model::bachelier) {
    const long double d = (F - K) / sd;
    const long double density = std::exp(-d * d / 2) / std::sqrt(2 * std::acos(-1.0L));
    return static_cast<double>(D * (w * (F - K) * normal(w * d) + sd * density));
  }
  const long double d1 = std::log(F / K) / sd + sd / 2;
  return static_cast<double>(D * w * (F * normal(w * d1) - K * normal(w * (d1 - sd))));
}

Option random_option(check::Random& random) {
  return {.underlying = random.uniform(50, 200),
          .strike = random.uniform(50, 200),
          .years = random.uniform(0.01, 5),
          .vol = random.uniform(0.05, 2),
          .rate = random.uniform(-0.05, 0.1),
          .yield = random.uniform(-0.02, 0.08),
          .call = random.whole(0, 1) == 1};
}

void values_and_differences() {
  check::Random random(1);
  for (int k = 0; k < 2000; ++k) {
    for (const Model model : {Model::black76, Model::bsm, Model::bachelier}) {
      Option o = random_option(random);
      if (model == Model::bachelier) o.vol *= 100;
      const Values at = of(model, o);
      CHECK_NEAR(at.value, textbook(model, o), 2e-13 * (o.underlying + o.strike));
      const auto slope = [&](double Option::* input, double step) {
        Option up = o, down = o;
        up.*input += step;
        down.*input -= step;
        return (textbook(model, up) - textbook(model, down)) / (2 * step);
      };
      const double vol_step = model == Model::bachelier ? 1e-3 : 1e-5;
      CHECK_NEAR(at.delta, slope(&Option::underlying, 1e-3), 1e-6);
      CHECK_NEAR(at.vega, slope(&Option::vol, vol_step), 1e-4);
      // Forward models hold the forward: only the discount moves with time and rate.
      CHECK_NEAR(at.rho, slope(&Option::rate, 1e-6), 1e-4);
      CHECK_NEAR(at.theta, -slope(&Option::years, 1e-6), 1e-3);
      Option up = o, down = o;
      up.underlying += 1e-2, down.underlying -= 1e-2;
      CHECK_NEAR(at.gamma, (of(model, up).delta - of(model, down).delta) / 2e-2, 1e-5);
    }
  }
}

void parity() {
  check::Random random(2);
  for (int k = 0; k < 2000; ++k) {
    Option call = random_option(random);
    call.call = true;
    Option put = call;
    put.call = false;
    const Values c = of(Model::black76, call), p = of(Model::black76, put);
    const double discount = std::exp(-call.rate * call.years);
    CHECK_NEAR(c.value - p.value, discount * (call.underlying - call.strike), 1e-12);
    CHECK_NEAR(c.delta - p.delta, discount, 1e-14);
    CHECK_SAME(c.gamma, p.gamma);
    CHECK_SAME(c.vega, p.vega);
    Option by_discount = call;
    by_discount.rate = discount;
    const Values d = of(Model::black76, by_discount, Discounting::discount);
    CHECK_NEAR(d.value, c.value, 1e-12);
    CHECK_NEAR(d.theta, c.theta, 1e-9);
  }
}

void limits() {
  for (const Model model : {Model::black76, Model::bsm, Model::bachelier}) {
    for (const auto& [years, vol] : {std::array{0.0, 0.3}, std::array{0.0, 0.0}}) {
      const Values in = of(model, {.underlying = 120, .years = years, .vol = vol});
      CHECK_SAME(in.value, 10.0);
      CHECK_SAME(in.delta, 1.0);
      const Values out = of(model, {.underlying = 90, .years = years, .vol = vol});
      CHECK_SAME(out.value, 0.0);
      CHECK_SAME(out.delta, 0.0);
      const Values at = of(model, {.underlying = 110, .years = years, .vol = vol, .call = false});
      CHECK_SAME(at.value, 0.0);
      CHECK_SAME(at.delta, -0.5);
      for (const Values& v : {in, out, at}) CHECK(v.gamma == 0 && v.vega == 0);
    }
  }
  const Values flat = of(Model::black76, {.underlying = 120, .vol = 0, .rate = 0.1});
  CHECK_NEAR(flat.value, 10 * std::exp(-0.05), 1e-15);
  CHECK_NEAR(flat.theta, 0.1 * flat.value, 1e-15);
  CHECK_NEAR(flat.rho, -0.5 * flat.value, 1e-15);
  const Values negative = of(Model::bachelier, {.underlying = -20, .strike = -30, .vol = 0});
  CHECK_NEAR(negative.value, 10 * std::exp(-0.01), 1e-15);
  CHECK(of(Model::black76, {.strike = 1e300}).value == 0);
  CHECK_SAME(of(Model::black76, {.strike = 1e-300, .rate = 0}).value, 100.0);
}

// Many rows: a scalar input stands for its column, blocks join without a seam, threads agree.
void columns() {
  constexpr std::size_t size = 5000;
  check::Random random(3);
  const auto forward = random.column(size, 50, 200), strike = random.column(size, 50, 200);
  const std::vector<double> years(size, 0.25), vol = random.column(size, 0.1, 1);
  std::vector<std::uint8_t> side(size);
  for (auto& s : side) s = static_cast<std::uint8_t>(random.whole(0, 1));
  const double rate = 0.03, quarter = 0.25;
  riskslide::OptionColumns options{.size = size,
                                   .underlying = Column::of(forward),
                                   .strike = Column::of(strike),
                                   .years = Column::of(quarter),
                                   .vol = Column::of(vol),
                                   .rate = Column::of(rate),
                                   .dividend_yield = {},
                                   .is_call = side.data()};
  std::array<std::vector<double>, 6> one, many;
  for (auto* results : {&one, &many}) {
    for (auto& column : *results) column.assign(size, -1);
    auto& r = *results;
    options.years = results == &one ? Column::of(quarter) : Column::of(years);
    riskslide::greeks(options,
                      {.value = r[0].data(),
                       .delta = r[1].data(),
                       .gamma = r[2].data(),
                       .vega = r[3].data(),
                       .theta = r[4].data(),
                       .rho = r[5].data()},
                      results == &one ? 1 : 7);
  }
  CHECK(one == many);
  for (std::size_t i = 0; i < size; i += 37) {
    const Values alone = of(Model::black76, {.underlying = forward[i],
                                             .strike = strike[i],
                                             .years = 0.25,
                                             .vol = vol[i],
                                             .rate = rate,
                                             .call = side[i] == 1});
    CHECK_SAME(one[0][i], alone.value);
    CHECK_SAME(one[4][i], alone.theta);
  }
}

void refusals() {
  const double nan = std::nan(""), infinity = std::numeric_limits<double>::infinity();
  constexpr auto b76 = Model::black76, bsm = Model::bsm, normal = Model::bachelier;
  CHECK_REFUSED("E_NOT_FINITE", "forward", 0, of(b76, {.underlying = nan}));
  CHECK_REFUSED("E_NOT_FINITE", "spot", 0, of(bsm, {.underlying = infinity}));
  CHECK_REFUSED("E_NOT_FINITE", "dividend_yield", 0, of(bsm, {.yield = nan}));
  CHECK_REFUSED("E_DOMAIN_FORWARD", "forward", 0, of(b76, {.underlying = 0}));
  CHECK_REFUSED("E_DOMAIN_FORWARD", "forward", 0, of(b76, {.underlying = 1e-310}));
  CHECK_REFUSED("E_DOMAIN_FORWARD", "spot", 0, of(bsm, {.underlying = -1}));
  CHECK_REFUSED("E_DOMAIN_STRIKE", "strike", 0, of(b76, {.strike = -1}));
  CHECK_REFUSED("E_NOT_FINITE", "strike", 0, of(normal, {.strike = infinity}));
  CHECK_REFUSED("E_EXPIRED", "years", 0, of(b76, {.years = -1e-9}));
  CHECK_REFUSED("E_VOL_NEGATIVE", "vol", 0, of(bsm, {.vol = -0.1}));
  CHECK_REFUSED("E_VOL_NEGATIVE", "normal_vol", 0, of(normal, {.vol = -0.1}));
  CHECK_REFUSED("E_NOT_FINITE", "rate", 0, of(b76, {.rate = nan}));
  CHECK_REFUSED("E_DOMAIN_DISCOUNT", "discount", 0, of(b76, {.rate = 0}, Discounting::discount));
  CHECK_REFUSED("E_ARGUMENT", "discounting", -1, of(bsm, {}, Discounting::discount));
  CHECK_REFUSED("E_OVERFLOW", "forward", 0, of(b76, {.underlying = 1e308, .rate = -10}));

  // Of several bad rows in several blocks the first is named, whatever the threads.
  constexpr std::size_t size = 10'000;
  const std::vector<double> fine(size, 1.0);
  std::vector<double> vol = fine, out(6 * size);
  vol[9000] = nan;
  vol[3333] = -1;
  vol[3334] = nan;
  const std::uint8_t call = 1;
  for (const int threads : {1, 4}) {
    CHECK_REFUSED("E_VOL_NEGATIVE", "vol", 3333,
                  riskslide::greeks({.size = size,
                                     .underlying = Column::of(fine),
                                     .strike = Column::of(fine),
                                     .years = Column::of(fine),
                                     .vol = Column::of(vol),
                                     .rate = Column::of(fine),
                                     .dividend_yield = {},
                                     .is_call = &call,
                                     .is_call_scalar = true},
                                    {.value = out.data(),
                                     .delta = out.data() + size,
                                     .gamma = out.data() + 2 * size,
                                     .vega = out.data() + 3 * size,
                                     .theta = out.data() + 4 * size,
                                     .rho = out.data() + 5 * size},
                                    threads));
  }
}

}  // namespace

int main() {
  values_and_differences();
  parity();
  limits();
  columns();
  refusals();
  return check::done("greeks");
}
