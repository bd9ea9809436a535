// Margins one account from C++ alone: a compiled rule book from a file, quotes and a book from
// here. Of the book that is held which the program has rows for: in US dollars, or in coin.
//
//   margin_from_program PROGRAM.rsp      prints the maintenance requirement in US dollars
#include <riskslide/riskslide.hpp>

#include <algorithm>
#include <cmath>
#include <cstdio>
#include <exception>
#include <map>
#include <string>
#include <vector>

namespace {

using riskslide::Payoff;

constexpr double bitcoin = 100'000, forward = 100'750;   // the forward of options in coin
constexpr std::int64_t now = 1'767'225'600'000'000'000;  // 2026-01-01T00:00:00Z, in nanoseconds

// What the program calls a row, how it is quoted, and how much of it the account holds.
struct Line {
  std::string row;
  Payoff payoff;
  bool is_call;
  double strike, vol;
  double contracts;
  double price = bitcoin;
  bool in_coin = false;
  bool dated = true;

  [[nodiscard]] const char* factor() const { return dated ? "BTC@2026-01-31T00:00:00Z" : "BTC"; }
  [[nodiscard]] const char* currency() const { return in_coin ? "BTC" : "USDC"; }
};

const std::vector<Line> book{
    {"BTC_USDC-31JAN26-110000-C", Payoff::black76, true, 110'000, 0.60, -10},
    {"BTC_USDC-31JAN26-90000-P", Payoff::black76, false, 90'000, 0.62, -10},
    {"BTC_USDC-31JAN26-120000-C", Payoff::black76, true, 120'000, 0.61, 10},
    {"BTC_USDC-31JAN26-80000-P", Payoff::black76, false, 80'000, 0.66, 10},
    {"BTC_USDC-PERPETUAL", Payoff::margined, false, 0, 0, 1.5, bitcoin, false, false},
    {"BTC-31JAN26-110000-C", Payoff::black76, true, 110'000, 0.60, -10, forward, true},
    {"BTC-31JAN26-90000-P", Payoff::black76, false, 90'000, 0.62, -10, forward, true},
    {"BTC-31JAN26-120000-C", Payoff::black76, true, 120'000, 0.61, 10, forward, true},
    {"BTC-31JAN26-80000-P", Payoff::black76, false, 80'000, 0.66, 10, forward, true},
    {"BTC-31JAN26", Payoff::margined, false, 0, 0, -200'000, 100'800, true},
    {"BTC-PERPETUAL", Payoff::margined, false, 0, 0, 450'000, 100'050, true, false}};

const std::map<std::string, double> balances{{"BTC", 1.5}, {"USDC", 30'000}};

std::int32_t index_of(const std::vector<std::string>& names, const std::string& name) {
  const auto found = std::find(names.begin(), names.end(), name);
  if (found == names.end()) throw std::runtime_error("the program has no '" + name + "'");
  return static_cast<std::int32_t>(found - names.begin());
}

// One column of quotes for each row of the program.
struct Columns {
  std::vector<Payoff> payoff;
  std::vector<std::uint8_t> is_call, inverse;
  std::vector<std::int32_t> factor, fx_factor;
  std::vector<double> price, strike, years, vol, discount, multiplier, fx;

  // `currency` is the row of shocks of the settlement currency, -1 where none moves it.
  void add(const Line& line, std::int32_t moved_by, std::int32_t currency) {
    payoff.push_back(line.payoff);
    is_call.push_back(line.is_call ? 1 : 0);
    inverse.push_back(line.in_coin ? 1 : 0);
    factor.push_back(moved_by);
    fx_factor.push_back(currency);
    price.push_back(line.price);
    strike.push_back(line.strike);
    years.push_back(30.0 / 365.0);
    vol.push_back(line.vol);
    discount.push_back(1);
    multiplier.push_back(1);
    fx.push_back(line.in_coin ? bitcoin : 1);
  }
  [[nodiscard]] riskslide::InstrumentColumns view() const {
    return {.payoff = payoff,
            .is_call = is_call,
            .inverse = inverse,
            .factor = factor,
            .fx_factor = fx_factor,
            .price = price,
            .strike = strike,
            .years = years,
            .vol = vol,
            .discount = discount,
            .multiplier = multiplier,
            .fx = fx};
  }
};

Columns quotes_of(const riskslide::Program& program) {
  const auto& factors = program.scenarios.factors;
  Columns columns;
  for (const std::string& row : program.rows) {
    const auto line = std::find_if(book.begin(), book.end(),
                                   [&](const Line& candidate) { return candidate.row == row; });
    if (line != book.end()) {
      columns.add(*line, index_of(factors, line->factor()),
                  program.coin_at_index ? -1 : index_of(factors, line->currency()));
    } else {  // "balance:ASSET" or "pnl:CURRENCY"
      const std::string asset = row.substr(row.find(':') + 1);
      columns.add({row, Payoff::spot, false, 0, 0, 0, asset == "BTC" ? bitcoin : 1},
                  index_of(factors, asset), -1);
    }
  }
  return columns;
}

// What the columns above would not be right for.
void check(const riskslide::Program& program) {
  if (program.as_of != 0 && program.as_of != now) {
    throw std::runtime_error("the program is of another instant: compile it again");
  }
  if (program.option_over_index) {
    throw std::runtime_error("the program has prices in coin over the index, not the forward");
  }
}

double maintenance(const riskslide::Program& program) {
  check(program);
  const Columns c = quotes_of(program);
  const auto& shocks = program.scenarios;
  const std::size_t rows = program.rows.size(), scenarios = shocks.labels.size();
  std::vector<double> values(rows * scenarios), base(rows), delta(rows);
  riskslide::cash_delta(c.view(), delta);
  riskslide::revalue(c.view(), shocks.columns(), values, base);

  std::vector<std::int64_t> account, instrument, lots, owner, asset;
  std::vector<double> amount;
  for (const Line& line : book) {
    if (std::count(program.rows.begin(), program.rows.end(), line.row) == 0) continue;
    const std::int32_t row = index_of(program.rows, line.row);
    account.push_back(0);
    instrument.push_back(row);
    lots.push_back(std::llround(line.contracts / program.lot[static_cast<std::size_t>(row)]));
  }
  for (const auto& [name, units] : balances) {
    owner.push_back(0);
    asset.push_back(index_of(program.rows, "balance:" + name));
    amount.push_back(units);
  }
  const auto count = static_cast<std::int64_t>(rows);
  const auto positions = riskslide::positions_from_columns(account, instrument, lots, 1, count);
  const auto cash = riskslide::cash_from_columns(owner, asset, amount, 1, count);
  const auto found = riskslide::evaluate(
      program,
      {.values = values, .base = base, .rows = rows, .scenarios = scenarios, .delta = delta},
      {positions.offsets, positions.instrument, positions.quantity},
      {cash.offsets, cash.instrument, cash.quantity});
  return found.outputs[static_cast<std::size_t>(index_of(program.outputs, "maintenance"))];
}

}  // namespace

int main(int count, char** arguments) {
  if (count != 2) {
    std::fprintf(stderr, "usage: margin_from_program PROGRAM.rsp\n");
    return 2;
  }
  try {
    std::printf("%.2f\n", maintenance(riskslide::Program::load(arguments[1])));
    return 0;
  } catch (const std::exception& error) {
    std::fprintf(stderr, "%s\n", error.what());
    return 2;
  }
}
