// Risk: a scenario changes a value by the wrong amount, in the wrong currency, or where it must
// not.
#include <algorithm>
#include <cmath>
#include <limits>

#include "check.hpp"
#include "riskslide/value/greeks.hpp"
#include "riskslide/value/revalue.hpp"

namespace {

using riskslide::Payoff;

// One instrument with defaults of a plain option, and the book of several of them as columns.
struct Contract {
  Payoff payoff = Payoff::black76;
  bool call = true;
  bool inverse = false;
  std::int32_t factor = 0;
  std::int32_t fx_factor = -1;
  double price = 100, strike = 110, years = 0.5, vol = 0.3, discount = 0.99, multiplier = 1, fx = 1;
  double spot = 0;
};

struct Shock {
  double price_scale = 1, price_shift = 0, vol_scale = 1, vol_shift = 0, vol_floor = 0;
  double horizon = 0, rate_shift = 0;  // horizons: those of the first factor
};

struct Result {
  std::vector<double> values, base;
  std::int64_t floored = 0;
};

// Shocks in row-major (factors, scenarios).
Result revalue(const std::vector<Contract>& book, const std::vector<Shock>& shocks,
               std::size_t factors = 1, int threads = 1) {
  std::vector<Payoff> payoff;
  std::vector<std::uint8_t> is_call, inverse;
  std::vector<std::int32_t> factor, fx_factor;
  std::vector<double> number[7], shock[6], spot, horizon;
  for (const Contract& c : book) {
    payoff.push_back(c.payoff);
    is_call.push_back(c.call ? 1 : 0);
    inverse.push_back(c.inverse ? 1 : 0);
    factor.push_back(c.factor);
    fx_factor.push_back(c.fx_factor);
    const double row[7] = {c.price, c.strike, c.years, c.vol, c.discount, c.multiplier, c.fx};
    for (int k = 0; k < 7; ++k) number[k].push_back(row[k]);
    spot.push_back(c.spot);
  }
  for (const Shock& s : shocks) {
    const double row[6] = {s.price_scale, s.price_shift, s.vol_scale,
                           s.vol_shift,   s.vol_floor,   s.rate_shift};
    for (int k = 0; k < 6; ++k) shock[k].push_back(row[k]);
  }
  const std::size_t scenarios = shocks.size() / factors;
  for (std::size_t s = 0; s < scenarios; ++s) horizon.push_back(shocks[s].horizon);
  Result out{.values = std::vector<double>(book.size() * scenarios),
             .base = std::vector<double>(book.size())};
  out.floored = riskslide::revalue({.payoff = payoff,
                                    .is_call = is_call,
                                    .inverse = inverse,
                                    .factor = factor,
                                    .fx_factor = fx_factor,
                                    .price = number[0],
                                    .strike = number[1],
                                    .years = number[2],
                                    .vol = number[3],
                                    .discount = number[4],
                                    .multiplier = number[5],
                                    .fx = number[6],
                                    .spot = spot},
                                   {.factors = factors,
                                    .scenarios = scenarios,
                                    .price_scale = shock[0],
                                    .price_shift = shock[1],
                                    .vol_scale = shock[2],
                                    .vol_shift = shock[3],
                                    .vol_floor = shock[4],
                                    .horizon = horizon,
                                    .rate_shift = shock[5]},
                                   out.values, out.base, threads);
  return out;
}

// Without the columns that name risk factors: cash delta reads none.
std::vector<double> cash_delta(const std::vector<Contract>& book, int threads = 1) {
  std::vector<Payoff> payoff;
  std::vector<std::uint8_t> is_call, inverse;
  std::vector<double> number[7], out(book.size());
  for (const Contract& c : book) {
    payoff.push_back(c.payoff);
    is_call.push_back(c.call ? 1 : 0);
    inverse.push_back(c.inverse ? 1 : 0);
    const double row[7] = {c.price, c.strike, c.years, c.vol, c.discount, c.multiplier, c.fx};
    for (int k = 0; k < 7; ++k) number[k].push_back(row[k]);
  }
  riskslide::cash_delta({.payoff = payoff,
                         .is_call = is_call,
                         .inverse = inverse,
                         .factor = {},
                         .fx_factor = {},
                         .price = number[0],
                         .strike = number[1],
                         .years = number[2],
                         .vol = number[3],
                         .discount = number[4],
                         .multiplier = number[5],
                         .fx = number[6]},
                        out, threads);
  return out;
}

double black76(double forward, double strike, double years, double vol, double discount,
               bool call) {
  using riskslide::Column;
  const std::uint8_t side = call ? 1 : 0;
  double value = 0, rest[5];
  riskslide::greeks({.discounting = riskslide::Discounting::discount,
                     .size = 1,
                     .underlying = Column::of(forward),
                     .strike = Column::of(strike),
                     .years = Column::of(years),
                     .vol = Column::of(vol),
                     .rate = Column::of(discount),
                     .dividend_yield = {},
                     .is_call = &side},
                    {.value = &value,
                     .delta = rest,
                     .gamma = rest + 1,
                     .vega = rest + 2,
                     .theta = rest + 3,
                     .rho = rest + 4});
  return value;
}

Contract random_contract(check::Random& random) {
  Contract c{.payoff = static_cast<Payoff>(random.whole(0, 3)),
             .call = random.whole(0, 1) == 1,
             .price = random.uniform(50, 200),
             .strike = random.uniform(50, 200),
             .years = random.uniform(0, 2),
             .vol = random.uniform(0.05, 1.5),
             .multiplier = random.uniform(0.1, 10),
             .fx = random.uniform(0.5, 2)};
  c.inverse = c.payoff != Payoff::spot && random.whole(0, 1) == 1;
  if (c.payoff == Payoff::bachelier) c.vol *= 100;
  return c;
}

void zero_shock_changes_nothing_exactly() {
  check::Random random(1);
  std::vector<Contract> book;
  for (int k = 0; k < 400; ++k) book.push_back(random_contract(random));
  book.push_back({.years = 0});
  book.push_back({.vol = 0});
  const Result r = revalue(book, std::vector<Shock>(19));
  CHECK(std::all_of(r.values.begin(), r.values.end(), [](double v) { return v == 0; }));
  CHECK(r.floored == 0);
}

void options_agree_with_their_value() {
  check::Random random(2);
  for (int k = 0; k < 500; ++k) {
    const Contract c{.call = k % 2 == 0,
                     .price = random.uniform(50, 200),
                     .strike = random.uniform(50, 200),
                     .years = random.uniform(0.001, 3),
                     .vol = random.uniform(0.05, 2),
                     .multiplier = 2,
                     .fx = 1.5};
    const Shock s{.price_scale = random.uniform(0.5, 1.5),
                  .price_shift = random.uniform(-5, 5),
                  .vol_scale = random.uniform(0.5, 1.5),
                  .vol_shift = random.uniform(-0.1, 0.1),
                  .vol_floor = 0.02};
    const double forward = c.price * s.price_scale + s.price_shift;
    const double vol = std::max(c.vol * s.vol_scale + s.vol_shift, s.vol_floor);
    const double now = black76(c.price, c.strike, c.years, c.vol, c.discount, c.call);
    const double then = black76(forward, c.strike, c.years, vol, c.discount, c.call);
    const Result linear = revalue({c}, {s});
    CHECK_NEAR(linear.base[0], 3 * now, 1e-11);
    CHECK_NEAR(linear.values[0], 3 * (then - now), 1e-10);
    Contract coin = c;  // worth value / price coins, each worth fx * (its own new price / now)
    coin.inverse = true;
    const Result inverse = revalue({coin}, {s});
    CHECK_NEAR(inverse.base[0], 3 * now / c.price, 1e-12);
    CHECK_NEAR(inverse.values[0], 3 * (then / forward - now / c.price), 1e-11);
  }
}

void futures_by_hand() {
  const Contract linear{.payoff = Payoff::margined, .price = 50'000, .multiplier = 0.1};
  const Result moved = revalue({linear}, {{.price_scale = 0.9}, {.price_shift = 250}});
  CHECK_SAME(moved.base[0], 0.0);
  CHECK_NEAR(moved.values[0], -500, 1e-9);
  CHECK_NEAR(moved.values[1], 25, 1e-12);

  // n USD of an inverse future: n (1/p0 - 1/p1) coins, turned into USD at the scenario's coin
  // price.
  const double n = 10, p0 = 50'000, coin = 49'900;
  for (const double scale : {0.5, 0.9, 1.0, 1.1, 3.0}) {
    const Contract inverse{.payoff = Payoff::margined,
                           .inverse = true,
                           .fx_factor = 1,
                           .price = p0,
                           .multiplier = n,
                           .fx = coin};
    const Result r = revalue({inverse}, {{.price_scale = scale}, {.price_scale = scale * 1.01}}, 2);
    const double coins = n * (1 / p0 - 1 / (p0 * scale));
    CHECK_NEAR(r.values[0], coins * coin * scale * 1.01, 1e-12);
    CHECK_SAME(r.base[0], 0.0);
  }
}

void negative_prices() {
  const Contract oil{.payoff = Payoff::margined, .price = 20, .multiplier = 1000};
  CHECK_NEAR(revalue({oil}, {{.price_shift = -57.63}}).values[0], -57'630, 1e-9);
  const Contract below{.payoff = Payoff::spot, .price = -5, .multiplier = 2};
  const Result r = revalue({below}, {{.price_scale = 2, .price_shift = 1}});
  CHECK_SAME(r.base[0], -10.0);
  CHECK_NEAR(r.values[0], 2 * (-9.0 - -5.0), 1e-15);
  Contract put{.payoff = Payoff::bachelier, .call = false, .price = 20, .strike = -10};
  put.vol = 0, put.discount = 1;
  const Result normal = revalue({put}, {{.price_shift = -57.63}, {.price_shift = -30}});
  CHECK_NEAR(normal.values[0], 27.63, 1e-13);
  CHECK_SAME(normal.values[1], 0.0);
  CHECK(normal.floored == 0);
}

void floored_forwards_are_counted() {
  Contract call, put;
  put.call = false;
  const Contract perpetual{.payoff = Payoff::margined};
  const std::vector<Shock> shocks{{.price_scale = 1},
                                  {.price_scale = 0},
                                  {.price_scale = -0.2},
                                  {.price_shift = -100},
                                  {.price_shift = -150}};
  const Result r = revalue({call, put, perpetual}, shocks);
  CHECK(r.floored == 8);
  for (std::size_t s = 1; s < 5; ++s) {
    CHECK_SAME(r.values[s], -r.base[0]);
    CHECK_SAME(r.values[5 + s], 110 * 0.99 - r.base[1]);
  }
  CHECK_NEAR(r.values[10 + 2], -120, 1e-12);
  CHECK_NEAR(r.values[10 + 4], -150, 1e-12);
}

void same_figures_for_any_split() {
  check::Random random(4);
  std::vector<Contract> book;
  for (int k = 0; k < 100; ++k) {
    book.push_back(random_contract(random));
    book.back().factor = static_cast<std::int32_t>(random.whole(0, 1));
    book.back().fx_factor = static_cast<std::int32_t>(random.whole(-1, 1));
  }
  constexpr std::size_t scenarios = 1031;
  std::vector<Shock> shocks;
  for (std::size_t k = 0; k < 2 * scenarios; ++k) {
    shocks.push_back(
        {.price_scale = random.uniform(0.5, 1.5), .vol_scale = random.uniform(0.5, 1.5)});
  }
  const Result one = revalue(book, shocks, 2, 1), many = revalue(book, shocks, 2, 5);
  CHECK(one.values == many.values && one.base == many.base);
  for (const std::size_t s : {std::size_t{0}, std::size_t{511}, std::size_t{512}, scenarios - 1}) {
    const Result alone = revalue(book, {shocks[s], shocks[scenarios + s]}, 2);
    for (std::size_t i = 0; i < book.size(); ++i) {
      CHECK_SAME(alone.values[i], one.values[i * scenarios + s]);
    }
  }
  CHECK(revalue({}, shocks, 2).values.empty());
  CHECK(revalue(book, {}, 2).values.empty());
}

void cash_deltas_by_hand() {
  const Contract sure{.price = 120, .vol = 0, .multiplier = 2, .fx = 1.5};
  Contract sure_put = sure, sure_coin = sure, expired = sure, even = sure;
  sure_put.call = false;
  sure_coin.inverse = true;
  expired.years = 0, expired.vol = 0.3;
  even.payoff = Payoff::bachelier, even.price = even.strike, even.vol = 20, even.call = false;
  Contract future = sure, coin_future = sure, coins = sure;
  future.payoff = Payoff::margined;
  coin_future.payoff = Payoff::margined, coin_future.inverse = true, coin_future.multiplier = 240;
  coins.payoff = Payoff::spot;
  const auto found =
      cash_delta({sure, sure_put, sure_coin, expired, even, future, coin_future, coins});
  const std::vector<double> wanted{0.99 * 360,        0,   0.99 * 3,        0.99 * 360,
                                   -0.5 * 0.99 * 330, 360, 240 * 1.5 / 120, 360};
  for (std::size_t k = 0; k < wanted.size(); ++k) CHECK_NEAR(found[k], wanted[k], 1e-12 * 360);
  CHECK(cash_delta({}).empty());
}

// A small move of the price says the same. Of a contract in coin the value falls by the premium as
// well, since coins are held at today's rate: its delta is not adjusted for that.
void cash_deltas_by_differences() {
  check::Random random(5);
  std::vector<Contract> book;
  for (int k = 0; k < 1000; ++k) {
    book.push_back(random_contract(random));
    book.back().years += 0.05;
    if (book.back().payoff == Payoff::spot) book.back().inverse = k % 2 == 0;
  }
  const double step = 1e-5;
  const Result moved = revalue(book, {{.price_scale = 1 + step}, {.price_scale = 1 - step}});
  const auto found = cash_delta(book);
  for (std::size_t i = 0; i < book.size(); ++i) {
    const Contract& c = book[i];
    const double slope = (moved.values[2 * i] - moved.values[2 * i + 1]) / (2 * step);
    const double size = c.multiplier * c.fx * (c.inverse ? 1 : c.price);
    CHECK_NEAR(found[i], slope + (c.inverse ? moved.base[i] : 0), 1e-6 * size);
  }
  CHECK(cash_delta(book, 3) == found);
  for (std::size_t i = 0; i < book.size(); i += 41) CHECK_SAME(cash_delta({book[i]})[0], found[i]);
}

void time_and_rates_by_their_values() {
  check::Random random(6);
  for (int k = 0; k < 300; ++k) {
    const double years = random.uniform(0.1, 3), rate = random.uniform(-0.05, 0.1);
    const double carry = random.uniform(-0.1, 0.1), spot = random.uniform(50, 200);
    Contract c{.call = k % 2 == 0,
               .price = spot * std::exp(carry * years),
               .strike = random.uniform(50, 200),
               .years = years,
               .vol = random.uniform(0.05, 2),
               .discount = std::exp(-rate * years)};
    const Shock s{.price_scale = random.uniform(0.5, 1.5),
                  .horizon = random.uniform(0, 1.2 * years),
                  .rate_shift = random.uniform(-0.05, 0.05)};
    const double left = std::max(years - s.horizon, 0.0);
    const double discount = std::exp(-(rate + s.rate_shift) * left);
    const auto worth = [&](double forward) {
      return black76(forward, c.strike, left, c.vol, discount, c.call);
    };
    const double held = worth(c.price * s.price_scale);
    const double moved = worth(spot * s.price_scale * std::exp((carry + s.rate_shift) * left));
    Result r = revalue({c}, {s});
    CHECK_NEAR(r.values[0] + r.base[0], held, 1e-10);
    c.inverse = true;
    r = revalue({c}, {s});
    CHECK_NEAR(r.values[0] + r.base[0], held / (c.price * s.price_scale), 1e-11);
    // Of a spot that is held, in coins: its discount now is that of the coin's own yield.
    c.spot = spot;
    c.inverse = false;
    r = revalue({c}, {s});
    CHECK_NEAR(r.values[0] + r.base[0], moved, 1e-10);
    c.inverse = true;
    c.discount = std::exp(-(rate - carry) * years);
    r = revalue({c}, {s});
    CHECK_NEAR(r.values[0] + r.base[0], moved / (spot * s.price_scale), 1e-11);
  }
}

void expired_options_are_cash() {
  Contract normal{.payoff = Payoff::bachelier, .price = 130, .vol = 20}, on_spot{.price = 130};
  on_spot.spot = 125;
  const Result r = revalue({{.price = 130}, normal, on_spot, {.price = 130, .years = 0}},
                           {{.horizon = 0.5, .rate_shift = 0.3}, {.horizon = 9}});
  for (std::size_t s = 0; s < 2; ++s) {
    CHECK_NEAR(r.values[s] + r.base[0], 20, 1e-13);
    CHECK_NEAR(r.values[2 + s] + r.base[1], 20, 1e-13);
    CHECK_NEAR(r.values[4 + s] + r.base[2], 15, 1e-12);
    CHECK_SAME(r.values[6 + s], 0.0);  // it has expired already: nothing passes
  }
}

// Columns in which nothing passes or shifts stand beside others that do.
void no_horizon_is_none_to_the_bit() {
  check::Random random(7);
  std::vector<Contract> book;
  for (int k = 0; k < 200; ++k) {
    book.push_back(random_contract(random));
    if (k % 3 == 0) book.back().spot = random.uniform(50, 200);
  }
  std::vector<Shock> still, moved;
  for (int k = 0; k < 21; ++k) {
    still.push_back({.price_scale = random.uniform(0.5, 1.5)});
    moved.push_back(still.back());
    if (k % 2 == 1) moved.back().horizon = 0.1, moved.back().rate_shift = 0.01;
  }
  const Result one = revalue(book, still), other = revalue(book, moved);
  std::size_t changed = 0;
  for (std::size_t k = 0; k < one.values.size(); ++k) {
    if (k % 21 % 2 == 0) {
      CHECK_SAME(one.values[k], other.values[k]);
    } else {
      changed += one.values[k] != other.values[k] ? 1U : 0U;
    }
  }
  CHECK(changed > 500);
}

void refusals_of_cash_delta() {
  const auto bad = [](const Contract& c) { return [c] { cash_delta({Contract(), c}); }; };
  CHECK_REFUSED("E_KIND", "payoff", 1, bad({.payoff = static_cast<Payoff>(9)})());
  CHECK_REFUSED("E_DOMAIN_FORWARD", "price", 1, bad({.price = -1})());
  CHECK_REFUSED("E_DOMAIN_DISCOUNT", "discount", 1, bad({.discount = 0})());
  CHECK_REFUSED("E_NOT_FINITE", "vol", 1, bad({.vol = std::nan("")})());
  CHECK_REFUSED("E_OVERFLOW", "price", 1, bad({.price = 1e300, .multiplier = 1e10})());
  std::vector<double> out(1);
  CHECK_REFUSED("E_SHAPE", "delta", -1, riskslide::cash_delta({}, out));
}

void refusals() {
  const double nan = std::nan(""), infinity = std::numeric_limits<double>::infinity();
  const auto bad = [](const Contract& c) { return [c] { revalue({Contract(), c}, {Shock()}); }; };
  CHECK_REFUSED("E_KIND", "payoff", 1, bad({.payoff = static_cast<Payoff>(9)})());
  CHECK_REFUSED("E_INDEX", "factor", 1, bad({.factor = 1})());
  CHECK_REFUSED("E_INDEX", "factor", 1, bad({.factor = -1})());
  CHECK_REFUSED("E_INDEX", "fx_factor", 1, bad({.fx_factor = 1})());
  CHECK_REFUSED("E_INDEX", "fx_factor", 1, bad({.fx_factor = -2})());
  CHECK_REFUSED("E_NOT_FINITE", "price", 1, bad({.price = nan})());
  CHECK_REFUSED("E_NOT_FINITE", "multiplier", 1, bad({.multiplier = infinity})());
  CHECK_REFUSED("E_FX", "fx", 1, bad({.fx = 0})());
  CHECK_REFUSED("E_DOMAIN_FORWARD", "price", 1, bad({.price = -1})());
  CHECK_REFUSED("E_DOMAIN_STRIKE", "strike", 1, bad({.strike = 0})());
  CHECK_REFUSED("E_EXPIRED", "years", 1, bad({.years = -0.1})());
  CHECK_REFUSED("E_VOL_NEGATIVE", "vol", 1, bad({.vol = -0.1})());
  CHECK_REFUSED("E_DOMAIN_DISCOUNT", "discount", 1, bad({.discount = 0})());
  CHECK_REFUSED("E_OVERFLOW", "price", 1, bad({.price = 1e308, .multiplier = 1e10})());
  CHECK_REFUSED("E_NOT_FINITE", "price_scale", 1,
                revalue({Contract()}, {Shock(), {.price_scale = nan}}));
  CHECK_REFUSED("E_VOL_NEGATIVE", "vol_scale", 0, revalue({Contract()}, {{.vol_scale = -1}}));
  CHECK_REFUSED("E_RANGE", "horizon", 1, revalue({Contract()}, {Shock(), {.horizon = -1}}));
  CHECK_REFUSED("E_NOT_FINITE", "horizon", 0, revalue({Contract()}, {{.horizon = nan}}));
  CHECK_REFUSED("E_NOT_FINITE", "rate_shift", 0, revalue({Contract()}, {{.rate_shift = nan}}));
  CHECK_REFUSED("E_DOMAIN_FORWARD", "spot", 1, bad({.spot = -1})());
  CHECK_REFUSED("E_DOMAIN_FORWARD", "spot", 1, bad({.spot = nan})());
  CHECK_REFUSED("E_OVERFLOW", "price", 0, revalue({Contract()}, {{.rate_shift = -1e5}}));
  CHECK_REFUSED("E_OVERFLOW", "price", 0, revalue({Contract()}, {{.price_scale = 1e308}}));
  const Contract coin{.payoff = Payoff::margined, .inverse = true};
  CHECK_REFUSED("E_DOMAIN_FORWARD", "price_scale", 0, revalue({coin}, {{.price_scale = 0}}));
  const Contract settled{.payoff = Payoff::margined, .fx_factor = 0};
  CHECK_REFUSED("E_FX", "fx_factor", 0, revalue({settled}, {{.price_scale = 0}}));
  CHECK_REFUSED("E_FX", "fx_factor", 0, revalue({settled}, {{.price_shift = 1}}));
}

}  // namespace

int main() {
  zero_shock_changes_nothing_exactly();
  options_agree_with_their_value();
  futures_by_hand();
  negative_prices();
  floored_forwards_are_counted();
  same_figures_for_any_split();
  cash_deltas_by_hand();
  cash_deltas_by_differences();
  time_and_rates_by_their_values();
  expired_options_are_cash();
  no_horizon_is_none_to_the_bit();
  refusals();
  refusals_of_cash_delta();
  return check::done("revalue");
}
