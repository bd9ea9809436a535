// Risk: a compiler, a processor or a number of threads computes other bits. Hashes every output of
// the library over a fixed lattice and compares them, by name, with the committed ones.
//
//   test_lattice FILE
//   test_lattice FILE --write
//
// The second commits to the outputs as they are now. Exit 77 where this processor lacks the set
// that RISKSLIDE_ISA asks for, 2 for other arguments.
#include <bit>
#include <cstdio>
#include <cstring>
#include <fstream>
#include <limits>
#include <map>
#include <type_traits>

#include "book.hpp"
#include "check.hpp"
#include "riskslide/risk/tail.hpp"
#include "riskslide/runtime.hpp"
#include "riskslide/value/greeks.hpp"
#include "riskslide/value/revalue.hpp"

namespace {

using riskslide::Payoff;
using Hashes = std::vector<std::pair<std::string, std::string>>;  // name, hash

// FNV-1a over the values' bytes, the lowest first.
template <class Value>
std::string hash(const std::vector<Value>& values) {
  std::uint64_t state = 0xcbf29ce484222325;
  for (const Value value : values) {
    std::uint64_t bits;
    if constexpr (std::is_same_v<Value, double>) {
      bits = std::bit_cast<std::uint64_t>(value);
    } else {
      bits = static_cast<std::uint64_t>(static_cast<std::int64_t>(value));
    }
    for (int byte = 0; byte < 8; ++byte) {
      state = (state ^ (bits >> (8 * byte) & 0xff)) * 0x100000001b3;
    }
  }
  char text[17];
  std::snprintf(text, sizeof text, "%016llx", static_cast<unsigned long long>(state));
  return text;
}

// Ordinary figures with a sprinkling of limits.
std::vector<double> column(check::Random& random, std::size_t size, double from, double to,
                           const std::vector<double>& limits = {}) {
  std::vector<double> out = random.column(size, from, to);
  for (std::size_t k = 0; k < limits.size() * 20 && !limits.empty(); ++k) {
    out[k * 37 % size] = limits[k % limits.size()];
  }
  return out;
}

void greeks(int threads, Hashes& found) {
  using riskslide::Column;
  constexpr std::size_t size = 5'000;
  check::Random random(1);
  const auto underlying = column(random, size, 1, 200, {100, 1e-9, 1e9});
  const auto strike = column(random, size, 1, 200, {100, 100.00001});
  const auto years = column(random, size, 0, 5, {0, 1.0 / 8760});
  const auto vol = column(random, size, 0, 4, {0, 0.01});
  const auto rate = column(random, size, -0.05, 0.1, {0});
  const auto discount = column(random, size, 0.7, 1.01, {1});
  const auto yield = column(random, size, -0.05, 0.1, {0});
  std::vector<std::uint8_t> call(size);
  for (auto& c : call) c = static_cast<std::uint8_t>(random.whole(0, 1));
  const char* models[] = {"black76", "bsm", "bachelier"};
  const char* greek[] = {"value", "delta", "gamma", "vega", "theta",
                         "rho",   "vanna", "volga", "charm"};
  for (int model = 0; model < 3; ++model) {
    for (const bool by_discount : {false, true}) {
      if (model == 1 && by_discount) continue;
      std::vector<double> out[9];
      for (auto& o : out) o.resize(size);
      riskslide::greeks({.model = static_cast<riskslide::Model>(model),
                         .discounting = by_discount ? riskslide::Discounting::discount
                                                    : riskslide::Discounting::rate,
                         .size = size,
                         .underlying = Column::of(underlying),
                         .strike = Column::of(strike),
                         .years = Column::of(years),
                         .vol = Column::of(vol),
                         .rate = Column::of(by_discount ? discount : rate),
                         .dividend_yield = Column::of(yield),
                         .is_call = call.data()},
                        {out[0].data(), out[1].data(), out[2].data(), out[3].data(), out[4].data(),
                         out[5].data(), out[6].data(), out[7].data(), out[8].data()},
                        threads);
      for (int g = 0; g < 9; ++g) {
        found.emplace_back(
            std::string(models[model]) + (by_discount ? ".discount." : ".rate.") + greek[g],
            hash(out[g]));
      }
    }
  }
}

// The cube of a book of all payoffs, linear and inverse, over shocks of three factors.
check::Cube cube(int threads, Hashes& found) {
  constexpr std::size_t size = 400, factors = 3, scenarios = 301;
  check::Random random(2);
  std::vector<Payoff> payoff(size);
  std::vector<std::uint8_t> call(size), inverse(size);
  std::vector<std::int32_t> factor(size), fx_factor(size);
  for (std::size_t k = 0; k < size; ++k) {
    payoff[k] = static_cast<Payoff>(k % 4);
    call[k] = k / 4 % 2 == 0;
    inverse[k] = k / 8 % 2 == 0 && payoff[k] != Payoff::spot;
    factor[k] = static_cast<std::int32_t>(k % factors);
    fx_factor[k] = static_cast<std::int32_t>(k / 16 % 4) - 1;
  }
  const auto price = column(random, size, 50, 200), strike = column(random, size, 40, 220);
  const auto years = column(random, size, 0, 3, {0});
  auto vol = column(random, size, 0, 2, {0});
  for (std::size_t k = 0; k < size; ++k) vol[k] *= payoff[k] == Payoff::bachelier ? 100.0 : 1.0;
  const auto discount = column(random, size, 0.8, 1.02, {1});
  const auto multiplier = column(random, size, 0.1, 10), fx = column(random, size, 0.5, 2);
  const std::size_t cells = factors * scenarios;
  const auto scale = column(random, cells, 0.3, 2, {1});
  const std::vector<double> shift(cells, 0.0);
  const auto vol_scale = column(random, cells, 0.2, 2, {1});
  const auto vol_shift = column(random, cells, -0.1, 0.3, {0});
  const auto vol_floor = column(random, cells, 0.0, 0.2, {0});
  const riskslide::InstrumentColumns book{.payoff = payoff,
                                          .is_call = call,
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
  check::Cube out{std::vector<double>(size * scenarios), std::vector<double>(size), scenarios};
  riskslide::revalue(book,
                     {.factors = factors,
                      .scenarios = scenarios,
                      .price_scale = scale,
                      .price_shift = shift,
                      .vol_scale = vol_scale,
                      .vol_shift = vol_shift,
                      .vol_floor = vol_floor},
                     out.values, out.base, threads);
  std::vector<double> delta(size);
  riskslide::cash_delta(book, delta, threads);
  found.emplace_back("revalue.values", hash(out.values));
  found.emplace_back("revalue.base", hash(out.base));
  found.emplace_back("cash_delta", hash(delta));
  return out;
}

// Two levels with every word of the fold, two sets of folds, sums and worst columns.
riskslide::Program program(std::size_t rows, std::size_t scenarios) {
  check::Random random(3);
  riskslide::Program p = check::plain_program(rows, scenarios);
  for (std::size_t row = 0; row < rows; ++row) {
    p.trees[0].leaf[row] = static_cast<std::int32_t>(row % 6);
    p.lot[row] = row % 3 == 0 ? 0.1 : 1.0;
  }
  riskslide::Level leaves{.parent = {0, 0, 0, 1, 1, 1}, .folds = {}};
  for (int n = 0; n < 12; ++n) {
    leaves.folds.push_back({.gain = random.uniform(0, 1),
                            .loss = random.uniform(0.9, 1.2),
                            .scale = n == 4 ? -1.0 : 1.0,
                            .deadband = n % 6 == 1 ? 0.3 : 0.0,
                            .cap = n % 6 == 2 ? 40.0 : std::numeric_limits<double>::infinity(),
                            .biased = n % 6 == 3,
                            .anchored = n % 6 == 3});
  }
  p.trees[0].levels = {leaves, {.parent = {0, 0}, .folds = {{.gain = 0.7}, {}, {}, {.gain = 0.4}}}};
  for (std::size_t s = 0; s < scenarios; s += 2) p.blocks[0].weight[s] = 0.35;
  p.blocks[0].fold_set.assign(scenarios, 0);
  for (std::size_t s = 0; s < scenarios; s += 5) p.blocks[0].fold_set[s] = 1;
  p.blocks.push_back({.name = "sizes",
                      .reduction = riskslide::Reduction::each,
                      .columns = {"gross", "net"},
                      .weight = {},
                      .attribute = random.column(2 * rows, 0, 3),
                      .fold_set = {}});
  p.registers = {0.0, 0.0, 0.0, 0.125, 0.0};
  p.steps = {{riskslide::Operation::multiply, 4, 1, 3}, {riskslide::Operation::add, 4, 4, 0}};
  p.outputs = {"requirement", "loss", "gross", "net"};
  p.output_register = {4, 0, 1, 2};
  return p;
}

// Two more trees: one with tiers whose groups lie in the units of the first, one of units that rows
// stand outside of; ranges of scenarios, factors, and figures of units.
riskslide::Program trees(std::size_t rows, std::size_t scenarios) {
  check::Random random(6);
  riskslide::Program p = program(rows, scenarios);
  p.units = {"near", "far"};
  p.unit_pool = {0, 0};
  p.trees[0].levels[1].parent = {0, 1};
  riskslide::Tree grouped{
      .leaf = {}, .levels = {}, .groups = {"near", "far", "later"}, .group_unit = {0, 1, 1}};
  riskslide::Tree part{.leaf = {}, .levels = {}, .groups = {}, .group_unit = {}};
  for (std::size_t row = 0; row < rows; ++row) {
    const auto k = static_cast<std::int32_t>(row % 6);
    grouped.leaf.push_back(k < 3 ? k % 2 : 2 + k % 2);
    part.leaf.push_back(row % 5 == 0 ? -1 : k / 3);
  }
  riskslide::Level leaves{.parent = {0, 0, 1, 2}, .folds = {}};
  for (int n = 0; n < 8; ++n) {
    leaves.folds.push_back({.gain = random.uniform(0.5, 1),
                            .loss = random.uniform(0.9, 1.2),
                            .scale = n > 3 ? 1.5 : 1.0,
                            .deadband = n == 5 ? 0.3 : 0.0,
                            .cap = n % 4 == 2 ? 90.0 : std::numeric_limits<double>::infinity(),
                            .biased = n % 4 == 0,
                            .anchored = n % 4 == 0});
  }
  leaves.tiers = {{{5.0, 0.3}}, {}, {{0.0, 0.9}, {20.0, 0.1}}, {{60.0, 0.0}}};
  grouped.levels = {leaves};
  p.trees.push_back(grouped);
  p.trees.push_back(part);
  riskslide::Block tail = p.blocks[0];
  tail.tree = 1;
  tail.first = 37;
  tail.weight.resize(scenarios - 50);
  tail.fold_set.resize(scenarios - 50);
  tail.factor = random.column(scenarios - 50, -0.2, 1.1);
  p.blocks.push_back(tail);
  riskslide::Block sizes = p.blocks[1];
  sizes.measure = riskslide::Measure::notional;
  sizes.tree = 1;
  sizes.factor = {0.3, -1.0};
  p.blocks.push_back(sizes);
  sizes.tree = 2;
  p.blocks.push_back(sizes);
  const std::size_t results = p.first_register(p.blocks.size());
  for (const double share : {0.02, 0.07}) {
    p.unit_registers.insert(p.unit_registers.end(), results, 0.0);
    p.unit_registers.insert(p.unit_registers.end(), {share, 0.0, 0.0});
  }
  const auto at = static_cast<std::int32_t>(results);
  p.unit_steps = {{riskslide::Operation::multiply, at + 1, 4, at},
                  {riskslide::Operation::maximum, at + 1, at + 1, 3},
                  {riskslide::Operation::greater, at + 2, 0, at + 1}};
  p.sums = {0, 3, 4, at + 1, at + 2};
  p.registers = {0.0, 0.0, 0.0, 0.0, 0.0};
  p.steps = {{riskslide::Operation::add, 0, 0, 3}};
  p.outputs = check::names("output", 5);
  p.output_register = {0, 1, 2, 3, 4};
  return p;
}

void sums_of_trees(const check::Cube& values, const check::Book& book, int threads, Hashes& found) {
  check::Random random(8);
  const riskslide::Program rules = trees(values.rows(), values.scenarios);
  riskslide::CubeView view = values.view();
  const std::vector<double> notional = random.column(values.rows(), 0, 9);
  view.notional = notional;
  const auto e = riskslide::evaluate(rules, view, book.positions(), book.money(), threads);
  found.emplace_back("trees.outputs", hash(e.outputs));
  found.emplace_back("trees.unit_loss", hash(e.unit_loss));
  found.emplace_back("trees.unit_scenario", hash(e.unit_scenario));
  const auto grid = riskslide::grid(rules, 2, view, book.positions(), book.money(), threads);
  found.emplace_back("trees.grid", hash(grid.values));
  found.emplace_back("trees.group", hash(grid.group));
  found.emplace_back(
      "trees.unit_figures",
      hash(riskslide::unit_figures(rules, view, book.positions(), book.money(), threads)));
}

void sums(const check::Cube& values, int threads, Hashes& found) {
  check::Random random(4);
  check::Book book;
  constexpr std::size_t accounts = 700;
  for (std::size_t a = 0; a < accounts; ++a) {
    std::vector<std::pair<std::int32_t, std::int64_t>> held;
    std::vector<std::pair<std::int32_t, double>> money;
    for (auto row = static_cast<std::int32_t>(random.whole(0, 60));
         row < static_cast<std::int32_t>(values.rows());
         row += static_cast<std::int32_t>(random.whole(1, 90))) {
      held.emplace_back(row, random.whole(-1'000, 1'000));
      if (row % 7 == 0) money.emplace_back(row, random.uniform(-50, 50));
    }
    book.account(held, money);
  }
  const riskslide::Program rules = program(values.rows(), values.scenarios);
  const auto e = check::evaluate(rules, values, book, threads);
  found.emplace_back("evaluate.outputs", hash(e.outputs));
  found.emplace_back("evaluate.unit_loss", hash(e.unit_loss));
  found.emplace_back("evaluate.unit_scenario", hash(e.unit_scenario));
  const auto grid =
      riskslide::grid(rules, 0, values.view(), book.positions(), book.money(), threads);
  found.emplace_back("grid", hash(grid.values));
  sums_of_trees(values, book, threads, found);

  std::vector<double> sum(accounts * values.scenarios), loss(accounts), var(accounts);
  std::vector<double> shortfall(accounts);
  std::vector<std::int32_t> scenario(accounts);
  riskslide::aggregate(book.positions(), values.view(), sum, threads);
  found.emplace_back("aggregate", hash(sum));
  riskslide::worst_loss(book.positions(), values.view(), loss, scenario, threads);
  found.emplace_back("worst_loss.loss", hash(loss));
  found.emplace_back("worst_loss.scenario", hash(scenario));
  const std::size_t few = 93;  // as many as are screened in single precision
  const riskslide::CubeView screened{std::span(values.values).first(values.base.size() * few),
                                     values.base, values.base.size(), few};
  riskslide::worst_loss(book.positions(), screened, loss, scenario, threads);
  found.emplace_back("screened.loss", hash(loss));
  found.emplace_back("screened.scenario", hash(scenario));
  const auto shape = riskslide::TailShape::of(values.scenarios, 0.97);
  std::vector<std::int32_t> members(accounts * shape.size);
  riskslide::tail(book.positions(), values.view(), shape, var, shortfall, members, threads);
  found.emplace_back("tail.value_at_risk", hash(var));
  found.emplace_back("tail.expected_shortfall", hash(shortfall));
  found.emplace_back("tail.scenario", hash(members));
}

Hashes outputs(int threads) {
  Hashes found;
  greeks(threads, found);
  sums(cube(threads, found), threads, found);
  return found;
}

// One flipped bit must move a hash, or the lattice guards nothing.
void hashes_see_one_bit() {
  std::vector<double> values{1.0, 2.0, 3.0};
  const std::string before = hash(values);
  values[2] = std::bit_cast<double>(std::bit_cast<std::uint64_t>(values[2]) ^ 1);
  CHECK(hash(values) != before);
}

int write(const char* path) {
  std::ofstream file(path);
  file << "# Written by `test_lattice FILE --write`. FNV-1a of every output of the C++ library.\n";
  for (const auto& [name, value] : outputs(1)) file << value << ' ' << name << '\n';
  return file.good() ? 0 : 1;
}

}  // namespace

int main(int count, char** arguments) {
  const bool writes = count == 3 && std::strcmp(arguments[2], "--write") == 0;
  if (count != 2 && !writes) {
    std::fprintf(stderr, "usage: test_lattice FILE [--write]\n");
    return 2;
  }
  try {
    std::printf("%s, %s\n", riskslide::instruction_set().c_str(), riskslide::compiler().c_str());
  } catch (const riskslide::InputError& error) {
    std::printf("skipped: %s\n", error.what());
    return 77;
  }
  if (writes) return write(arguments[1]);
  hashes_see_one_bit();
  std::map<std::string, std::string> golden;
  std::ifstream file(arguments[1]);
  std::string value, name;
  std::getline(file, name);  // what wrote it
  while (file >> value >> name) golden[name] = value;
  for (const int threads : {1, 2, 5}) {
    const Hashes found = outputs(threads);
    CHECK(found.size() == golden.size());
    for (const auto& [output, bits] : found) {
      check::that(golden[output] == bits, output.c_str(), __FILE__, __LINE__, bits.c_str());
    }
  }
  return check::done("lattice");
}
