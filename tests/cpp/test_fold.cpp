// Risk: the netting tree folds a loss away. Every word of the fold is worked out by hand here.
#include <algorithm>
#include <cmath>
#include <limits>
#include <numeric>

#include "book.hpp"
#include "check.hpp"

namespace {

using check::Book;
using check::Cube;
using check::evaluate;
using check::plain_program;
using riskslide::Fold;
using riskslide::Operation;
using riskslide::Program;
using riskslide::Reduction;
using Figures = std::vector<double>;
using Tiers = std::vector<riskslide::Tier>;

// One leaf with this fold under one unit; the row's changes are `x`, its base value `base`.
Figures folded(const Fold& fold, const Figures& x, double base = 0, const Tiers& tiers = {}) {
  Program p = plain_program(1, x.size());
  p.trees[0].levels = {{.parent = {0}, .folds = {fold}, .tiers = {tiers}}};
  const Cube cube{x, {base}, x.size()};
  const Book book = Book().account({{0, 1}});
  return riskslide::grid(p, 0, cube.view(), book.positions(), book.money()).values;
}

void words_by_hand() {
  CHECK((folded({}, {-8, 0, 8}) == Figures{-8, 0, 8}));
  CHECK((folded({.gain = 0.25}, {-8, 0, 8}) == Figures{-8, 0, 2}));
  CHECK((folded({.gain = 0, .loss = 1}, {-8, 0, 8}) == Figures{-8, 0, 0}));
  CHECK((folded({.loss = 1.5}, {-8, 0, 8}) == Figures{-12, 0, 8}));
  CHECK((folded({.gain = -1, .loss = 1}, {-8, 0, 8}) == Figures{-8, 0, -8}));
  CHECK((folded({.gain = 1, .loss = -1}, {-8, 0, 8}) == Figures{8, 0, 8}));
  CHECK((folded({.scale = -0.5}, {-8, 0, 8}) == Figures{4, 0, -4}));
  CHECK((folded({.deadband = 3}, {-8, -3, 1, 3, 8}) == Figures{-5, 0, 0, 0, 5}));
  CHECK((folded({.cap = 5}, {-8, 4, 8}) == Figures{-8, 4, 5}));
  CHECK((folded({.gain = 0.5, .cap = 3}, {-8, 4, 8}) == Figures{-8, 2, 3}));
  CHECK((folded({.gain = 0.5, .loss = 2, .scale = 10, .deadband = 2, .cap = 2}, {-8, 4, 8}) ==
         Figures{-120, 10, 20}));
}

void bias_by_hand() {
  // A balance worth 10 with a haircut of a quarter: z = x + 10, f(z) = 0.75 z or z below 0.
  const Fold haircut{.gain = 0.75, .biased = true, .anchored = true};
  CHECK((folded(haircut, {-20, -10, -4, 0, 4}, 10) == Figures{-17.5, -7.5, -3, 0, 3}));
  CHECK((folded(haircut, {-4, 0, 14}, -10) == Figures{-4, 0, 13}));
  // Not anchored: the haircut of the base value itself is part of the change.
  const Fold whole{.gain = 0.75, .biased = true};
  CHECK((folded(whole, {-20, -4, 0, 4}, 10) == Figures{-20, -5.5, -2.5, 0.5}));
  CHECK((folded({.biased = true}, {-20, 7}, 10) == Figures{-20, 7}));
  CHECK((folded({.gain = 0.75}, {-4, 4}, 10) == Figures{-4, 3}));  // base counts where biased only
}

// The same of `x`, over and over: half a tile, several tiles, each of them in part.
bool tiered(const Fold& fold, const Tiers& tiers, const Figures& x, const Figures& wanted,
            double base = 0) {
  for (const std::size_t columns : {x.size(), std::size_t{8}, std::size_t{16}, std::size_t{21}}) {
    Figures changes, figures;
    for (std::size_t k = 0; k < columns; ++k) {
      changes.push_back(x[k % x.size()]);
      figures.push_back(wanted[k % x.size()]);
    }
    if (folded(fold, changes, base, tiers) != figures) return false;
  }
  return true;
}

void tiers_by_hand() {
  const Tiers two{{5, 0.5}, {10, 0.25}};
  CHECK(tiered({}, two, {-8, 0, 3, 5, 8, 10, 20}, {-8, 0, 3, 5, 6.5, 7.5, 10}));
  CHECK(tiered({.gain = 0, .loss = 2}, two, {-8, 5, 8, 20}, {-16, 0, 1.5, 5}));
  CHECK(tiered({.gain = -1}, {{5, 2}}, {-8, 3, 8}, {-8, -3, 1}));
  CHECK(tiered({.deadband = 2}, two, {-12, -2, 1, 2, 7, 12}, {-10, 0, 0, 0, 5, 7.5}));
  CHECK(tiered({.cap = 7}, two, {-8, 8, 9, 10, 20}, {-8, 6.5, 7, 7, 7}));
  CHECK(tiered({.scale = -2}, two, {-8, 3, 8}, {16, -6, -13}));
  CHECK(tiered({.gain = 7}, {{0, 0.5}}, {-8, 8}, {-8, 4}));               // from the start
  CHECK(tiered({}, {{5, 3}, {5, 0.5}}, {4, 5, 7}, {4, 5, 6}));            // one of no length
  CHECK(tiered({}, {{5, 1}, {6, 1}}, {-8, 4, 5.5, 9}, {-8, 4, 5.5, 9}));  // nothing but the gain
  // z = x + 8: f(8) = 6.5 is deducted where it is anchored, else 8.
  const Fold anchored{.biased = true, .anchored = true}, whole{.biased = true};
  CHECK(tiered(anchored, two, {-16, -8, -5, 0, 2, 12}, {-14.5, -6.5, -3.5, 0, 1, 3.5}, 8));
  CHECK(tiered(whole, two, {-16, -8, -5, 0, 2, 12}, {-16, -8, -5, -1.5, -0.5, 2}, 8));
  CHECK(tiered(anchored, two, {-4, 8, 16}, {-4, 8, 14.5}, -8));
}

// Sets of folds share the tiers of a node and nothing else, whatever columns take them.
void tiers_in_sets() {
  const Figures x{8, -8, 3};
  const Figures wanted[3] = {{6, -8, 3}, {2, -8, 0}, {90, -210, 40}};
  for (const std::size_t columns : {3UL, 8UL, 9UL, 16UL, 17UL, 40UL}) {
    for (const std::size_t length : {1UL, 3UL, 12UL}) {  // of stretches that take one set
      Program p = plain_program(2, columns);
      p.trees[0].leaf = {1, 0};
      const Fold other{.gain = 2, .loss = 3, .scale = 10, .deadband = 1, .cap = 9};
      p.trees[0].levels = {{.parent = {0, 0},
                            .folds = {{.scale = 0}, {}, {.scale = 0}, {.gain = 0}, {}, other},
                            .tiers = {{}, {{4, 0.5}}}}};
      Cube cube{Figures(2 * columns, 0.0), {0, 0}, columns};
      Figures figures;
      for (std::size_t c = 0; c < columns; ++c) {
        cube.values[c] = x[c % 3];
        const std::size_t set = c / length % 3;
        p.blocks[0].fold_set.push_back(static_cast<std::int32_t>(set));
        figures.push_back(wanted[set][c % 3]);
      }
      const Book book = Book().account({{0, 1}, {1, 1}});
      CHECK(riskslide::grid(p, 0, cube.view(), book.positions(), book.money()).values == figures);
    }
  }
}

// Scenarios from `first` on, and sums times a factor: the same figures as a plain loop, exactly.
void ranges_and_factors() {
  constexpr std::size_t scenarios = 40;
  check::Random random(7);
  Cube cube{Figures(2 * scenarios), {0, 0}, scenarios};
  for (double& x : cube.values) x = static_cast<double>(random.whole(-64, 64)) / 8;
  const Book book = Book().account({{0, 3}}, {{1, 0.5}}).account({{0, -2}, {1, 1}});
  for (const auto& [first, width] : {std::pair{0UL, 40UL},
                                     {3UL, 8UL},
                                     {17UL, 16UL},
                                     {20UL, 20UL},
                                     {39UL, 1UL},
                                     {5UL, 33UL},
                                     {1UL, 9UL}}) {
    for (const bool in_sets : {false, true}) {
      Program p = plain_program(2, scenarios);
      p.trees[0].levels = {{.parent = {0}, .folds = {{}, {.scale = 4}}}};
      riskslide::Block& block = p.blocks[0];
      block.first = static_cast<std::int32_t>(first);
      block.weight.clear();
      for (std::size_t c = 0; c < width; ++c) {
        block.weight.push_back(c % 3 == 0 ? 0.5 : 1.0);
        block.factor.push_back(static_cast<double>(random.whole(-4, 8)) / 4);
        if (in_sets) block.fold_set.push_back(static_cast<std::int32_t>(c / 5 % 2));
      }
      const auto grid = riskslide::grid(p, 0, cube.view(), book.positions(), book.money());
      const auto r = evaluate(p, cube, book);
      const double held[2][2] = {{3, 0.5}, {-2, 1}};
      for (std::size_t a = 0; a < 2; ++a) {
        double least = 0.0;
        std::size_t at = 0;
        for (std::size_t c = 0; c < width; ++c) {
          const std::size_t s = first + c;
          const double sum = held[a][0] * cube.values[s] + held[a][1] * cube.values[scenarios + s];
          const double scale = in_sets && c / 5 % 2 == 1 ? 4 : 1;
          const double figure = sum * block.weight[c] * scale * block.factor[c];
          CHECK_SAME(grid.values[a * width + c], figure);
          CHECK(!(figure == 0.0 && std::signbit(grid.values[a * width + c])));
          if (figure < least) at = c;
          least = std::min(least, figure);
        }
        CHECK_SAME(r.unit_loss[a], -least);
        CHECK(r.unit_scenario[a] == static_cast<std::int32_t>(at));
      }
    }
  }
}

// Two expiries of one unit, worst in different scenarios: their losses add up, and the scenario is
// that of the larger. One tree nets what the other holds apart, a third leaves a row out.
Program grouped() {
  Program p = plain_program(4, 3);
  p.units = {"BTC", "ETH"};
  p.unit_pool = {0, 0};
  p.trees.resize(3);
  p.trees[0] = {.leaf = {0, 1, 1, 2},
                .levels = {},
                .groups = {"BTC near", "BTC far", "ETH near"},
                .group_unit = {0, 0, 1}};
  p.trees[1] = {.leaf = {0, 0, 0, 1}, .levels = {}, .groups = {}, .group_unit = {}};
  p.trees[2] = {.leaf = {-1, 1, 0, -1},
                .levels = {{.parent = {0, 1}, .folds = {{.gain = 0}, {.loss = 2}}}},
                .groups = {"short", "long"},
                .group_unit = {0, 0}};
  const riskslide::Block worst = p.blocks[0];
  p.blocks.push_back(worst);
  p.blocks[1].tree = 1;
  p.blocks.push_back(worst);
  p.blocks[2].tree = 2;
  p.blocks.push_back({.name = "sizes",
                      .reduction = Reduction::each,
                      .columns = {"first", "all"},
                      .weight = {},
                      .attribute = {1, 1, 0, 1, 0, 1, 0, 1},
                      .fold_set = {}});
  p.blocks.push_back(p.blocks.back());
  p.blocks.back().tree = 2;
  p.blocks.back().factor = {1, -0.5};
  p.registers.assign(7, 0.0);
  p.outputs = {"apart", "netted", "part", "first", "all", "part first", "part all"};
  p.output_register = {0, 1, 2, 3, 4, 5, 6};
  return p;
}

const Cube& moves() {
  static const Cube cube{{-6, 4, 0, 2, -3, 1, 3, -6, 1, 1, 1, -7}, {0, 0, 0, 0}, 3};
  return cube;
}

Book two_accounts() {
  return Book().account({{0, 1}, {1, 1}, {2, 1}, {3, 2}}).account({{3, 1}}).account({{0, 1}});
}

void groups_of_a_unit() {
  const Program p = grouped();
  const Book book = two_accounts();
  const auto r = evaluate(p, moves(), book);
  CHECK((r.unit_offsets == std::vector<std::int64_t>{0, 2, 3, 4}));
  CHECK((r.unit == std::vector<std::int32_t>{0, 1, 1, 0}));
  // near loses 6 in scenario 0, far 3 + 6 in 1; netted -1, -5, 2; left out of the third tree: 0
  CHECK((r.unit_loss == Figures{15, 5, 12, 14, 14, 0, 7, 7, 0, 6, 6, 0}));
  CHECK((r.unit_scenario == std::vector<std::int32_t>{1, 1, 1, 2, 2, 0, 2, 2, 0, 0, 0, 0}));
  CHECK(
      (r.outputs == Figures{29, 19, 12, 1, 5, 0, -0.5, 7, 7, 0, 0, 1, 0, 0, 6, 6, 0, 1, 1, 0, 0}));
  const auto grid = [&](std::size_t block) {
    return riskslide::grid(p, block, moves().view(), book.positions(), book.money());
  };
  CHECK((grid(0).group == std::vector<std::int32_t>{0, 1, 2, 2, 0}));
  CHECK((grid(0).values == Figures{-6, 4, 0, 5, -9, 2, 2, 2, -14, 1, 1, -7, -6, 4, 0}));
  CHECK((grid(1).group == std::vector<std::int32_t>{0, 1, 1, 0}));
  CHECK((grid(1).values == Figures{-1, -5, 2, 2, 2, -14, 1, 1, -7, -6, 4, 0}));
  CHECK((grid(2).group == std::vector<std::int32_t>{0, 1}));
  CHECK((grid(2).values == Figures{0, -6, 0, 2, -6, 1}));
  CHECK((grid(4).values == Figures{0, 0, 0, -0.5}));
  for (const std::size_t accounts : {1UL, 9'000UL}) {  // over many tasks, too
    Book many;
    for (std::size_t k = 0; k < accounts; ++k) {
      many.account({{0, 1}, {1, 1}, {2, 1}, {3, 2}}).account({}).account({{3, 1}});
    }
    const auto all = evaluate(p, moves(), many, 3);
    const Figures first(r.outputs.begin(), r.outputs.begin() + 14);
    for (std::size_t k = 0; k < accounts; ++k) {
      const auto line = all.outputs.begin() + static_cast<std::ptrdiff_t>(21 * k);
      check::that(std::equal(line, line + 7, first.begin()) &&
                      std::equal(line + 14, line + 21, first.begin() + 7) &&
                      std::all_of(line + 7, line + 14, [](double x) { return x == 0.0; }),
                  "every account alike", __FILE__, __LINE__);
    }
  }
}

// A row of no tree: as if it were not held. An account that holds nothing else has its empty line.
void rows_outside() {
  Program p = plain_program(3, 2);
  p.trees[0].leaf = {-1, 0, -1};
  p.trees[0].levels = {{.parent = {0}, .folds = {{.gain = 0.5}}}};
  const Cube cube{{-100, 50, -3, 8, 70, -70}, {1, 2, 3}, 2};
  const Book book = Book()
                        .account({{0, 1}, {1, 1}, {2, 1}}, {{0, 1.0}, {1, 1.0}, {2, 1.0}})
                        .account({{0, 1}, {2, 1}}, {{2, 1.0}})
                        .account({{1, -1}});
  const auto r = evaluate(p, cube, book);
  CHECK((r.account == std::vector<std::int64_t>{0, 1, 2}));
  CHECK((r.unit_offsets == std::vector<std::int64_t>{0, 1, 1, 2}));
  CHECK((r.outputs == Figures{6, 0, 8}));
  const auto grid = riskslide::grid(p, 0, cube.view(), book.positions(), book.money());
  CHECK((grid.values == Figures{-6, 8, 1.5, -8}));
  p.trees[0].leaf = {-1, -1, -1};  // nothing is in it
  const auto none = evaluate(p, cube, book);
  CHECK(none.unit.empty() && (none.outputs == Figures{0, 0, 0}));
}

// Figures are worked out per unit, whose constants differ, and the sums named are worked on.
void steps_of_units() {
  Program p = grouped();
  p.blocks.resize(1);
  p.blocks.push_back({.name = "worth",
                      .reduction = Reduction::each,
                      .columns = {"notional"},
                      .weight = {},
                      .attribute = {1, 1, 1, 1},
                      .measure = riskslide::Measure::notional,
                      .fold_set = {}});
  // loss, notional, rate, floor | rate * notional, floored; loss or that; whether it is the loss
  p.unit_registers = {0, 0, 0.5, 10, 0, 0, 0, 0, 0, 0.25, 2, 0, 0, 0};
  p.unit_steps = {{Operation::multiply, 4, 1, 2},
                  {Operation::maximum, 4, 4, 3},
                  {Operation::maximum, 5, 0, 4},
                  {Operation::greater, 6, 0, 4}};
  p.sums = {5, 6, 5};
  p.registers = {0, 0, 0, 100, 0, 0};
  p.steps = {{Operation::add, 4, 0, 3}, {Operation::greater, 5, 4, 3}};
  p.outputs = {"more", "losses", "requirement", "whether"};
  p.output_register = {4, 1, 2, 5};
  riskslide::CubeView view = moves().view();
  const Figures notional{10, 20, -6, 40};
  view.notional = notional;
  const Book book = two_accounts();
  // BTC: loss 15 against 0.5 * 24 -> 12; ETH: 14 against 0.25 * 80 -> 20; then 7 and 10; 6 and 10
  const Figures figures = riskslide::unit_figures(p, view, book.positions(), book.money(), 2);
  CHECK((figures == Figures{15, 24, 0.5,  10, 12, 15, 1, 14, 80, 0.25, 2,  20, 20, 0,
                            7,  40, 0.25, 2,  10, 10, 0, 6,  10, 0.5,  10, 10, 10, 0}));
  const auto r = riskslide::evaluate(p, view, book.positions(), book.money());
  CHECK((r.outputs == Figures{135, 1, 35, 1, 110, 0, 10, 1, 110, 0, 10, 1}));
  CHECK_REFUSED("E_SHAPE", "notional", -1, evaluate(p, moves(), book));
  // greater is strict, and a loss of nothing is not greater than nothing
  const Book nothing = Book().account({{0, 0}});
  p.unit_registers[3] = 0;
  p.registers[3] = 0;
  const auto zero = riskslide::evaluate(p, view, nothing.positions(), nothing.money());
  CHECK((zero.outputs == Figures{0, 0, 0, 0}));
  // Without steps of its own a unit's figures are the results of the blocks.
  const Program plain = grouped();
  CHECK((riskslide::unit_figures(plain, moves().view(), book.positions(), book.money()) ==
         Figures{15, 5, 12, 1, 3, 0, -0.5, 14, 14, 0, 0, 2, 0, 0,
                 7,  7, 0,  0, 1, 0, 0,    6,  6,  0, 1, 1, 0, 0}));
}

// A line sees registers of single units beside the sums; what it does not hold is 0, and so is what
// is divided by 0. Forty lines go through in stretches of sixteen.
void units_by_themselves() {
  Program p = grouped();
  p.blocks.resize(1);
  p.unit_registers = {0, 3, 0, 0, 4, 0};  // loss, divisor | loss / divisor
  p.unit_steps = {{Operation::divide, 2, 0, 1}};
  p.sums = {0};
  p.lifted = {2, 1};
  p.lift_to = {3, 1};
  p.registers = {0, 0, 0, 0, 0, -1, 0, 0};  // all losses | ETH, its divisor | BTC, its divisor
  p.steps = {{Operation::divide, 6, 3, 1}, {Operation::divide, 7, 5, 2}};
  p.outputs = {"all", "ETH", "BTC", "BTC over ETH", "-1 over divisor"};
  p.output_register = {0, 1, 3, 6, 7};
  const auto r = evaluate(p, moves(), two_accounts());
  // 15 / 3 and 14 / 4; then 7 / 4 or 7 / 3 ...
  Book many;
  for (int k = 0; k < 40; ++k) many.account({{0, k + 1}}).account({{3, k + 1}});
  const auto found = evaluate(p, moves(), many);
  for (const Figures& of : {r.outputs, found.outputs}) {
    for (std::size_t k = 0; k < of.size(); k += 5) {
      const double eth = of[k + 1], btc = of[k + 2];
      CHECK(of[k] == 4 * eth + 3 * btc);
      CHECK(of[k + 3] == (eth == 0 ? 0 : btc / eth));
    }
  }
  CHECK((Figures(r.outputs.begin(), r.outputs.begin() + 5) == Figures{29, 3.5, 5, 5 / 3.5, -0.25}));
  bool alone = false;
  for (std::size_t k = 0; k < found.outputs.size(); k += 5) {
    const bool without = found.outputs[k + 4] == 0.0;  // ETH is not held
    alone = alone || without;
    CHECK(!without || (found.outputs[k + 1] == 0 && !std::signbit(found.outputs[k + 4])));
  }
  CHECK(alone);
}

// What leaves float64 by a factor, in a tier or in the steps of a unit: the account is named.
void overflow_of_units() {
  Program p = grouped();
  const Book book = Book().account({}).account({{0, 1}, {3, 2}}).account({{3, 1}});
  const auto view = moves().view();
  const auto grid = [&] { return riskslide::grid(p, 0, view, book.positions(), book.money()); };
  const auto figures = [&] {
    return riskslide::unit_figures(p, view, book.positions(), book.money());
  };
  p.blocks[0].factor = {1, 1, 1e308};  // of -14 and -7
  CHECK_REFUSED("E_OVERFLOW", "account", 1, grid());
  CHECK_REFUSED("E_OVERFLOW", "account", 1, evaluate(p, moves(), book));
  p.blocks[0].factor = {1, 1, -1e308};  // a gain is refused as a loss is
  CHECK_REFUSED("E_OVERFLOW", "account", 1, grid());
  p.blocks[0].factor = {};
  p.unit_registers.assign(16, 0.0);
  p.unit_registers[15] = 1e308;  // of ETH: 14 and 7 losses
  p.unit_steps = {{Operation::multiply, 7, 0, 7}};
  CHECK_REFUSED("E_OVERFLOW", "account", 1, figures());
  CHECK_REFUSED("E_OVERFLOW", "account", 1, evaluate(p, moves(), book));
  p.unit_registers[15] = 2e307;  // a unit alone is finite, and 14 of it not; 7 are
  CHECK_REFUSED("E_OVERFLOW", "account", 1, figures());
  for (const Tiers& tiers : {Tiers{{1, 1e308}}, Tiers{{1, -1e308}}}) {
    Program q = plain_program(1, 1);
    q.trees[0].levels = {{.parent = {0}, .folds = {{}}, .tiers = {tiers}}};
    CHECK_REFUSED("E_OVERFLOW", "account", 0,
                  evaluate(q, {{20}, {0}, 1}, Book().account({{0, 1}})));
  }
}

// Leaves of +inf and -inf must not meet in a deadband or under a cap and come out as no loss.
void what_is_not_finite_is_refused() {
  for (const Fold& fold : {Fold{}, Fold{.deadband = 1}, Fold{.cap = 5}}) {
    Program p = plain_program(2, 1);
    p.trees[0].leaf = {0, 1};
    p.trees[0].levels = {{.parent = {0, 0}, .folds = {{}, {}}}, {.parent = {0}, .folds = {fold}}};
    const Cube cube{{1e308, 1e308}, {0, 0}, 1};
    const Book book = Book().account({{0, 100}, {1, -1000}});
    CHECK_REFUSED("E_OVERFLOW", "account", 0, evaluate(p, cube, book));
  }
}

// Attribute columns meet the same tree, without bias.
void attributes() {
  Program p = plain_program(3, 1);
  p.trees[0].leaf = {0, 0, 1};
  p.trees[0].levels = {
      {.parent = {0, 0}, .folds = {{.gain = 0.5, .biased = true, .anchored = true}, {}}}};
  p.blocks.push_back({.name = "parts",
                      .reduction = Reduction::each,
                      .columns = {"count", "value"},
                      .weight = {},
                      .attribute = {1, 10, 1, 20, 1, 30},
                      .fold_set = {}});
  p.blocks.push_back(p.blocks.back());
  p.blocks.back().measure = riskslide::Measure::value;
  p.registers = {0, 0, 0, 0, 0};
  p.outputs = {"loss", "count", "value", "based count", "based value"};
  p.output_register = {0, 1, 2, 3, 4};
  const Cube cube{{0, 0, -1}, {7, 100, 1000}, 1};
  const auto r = evaluate(p, cube, Book().account({{0, 2}, {1, 1}, {2, -3}}));
  CHECK((r.outputs == std::vector<double>{0, 1.5 - 3, 20 - 90, 57 - 3000, 1070 - 90000}));
}

// Contracts -> expiries -> unit, with a gain at each level.
void levels_by_hand() {
  Program p = plain_program(4, 2);
  p.trees[0].leaf = {0, 0, 1, 2};
  p.trees[0].levels = {{.parent = {0, 0, 1}, .folds = {{}, {.gain = 0.5}, {.scale = 2}}},
                       {.parent = {0, 0}, .folds = {{.loss = 3}, {.gain = 0.1}}}};
  const Cube cube{{4, 0, -2, 0, 10, -6, 5, -5}, {0, 0, 0, 0}, 2};
  // scenario 0: leaf 0 = 2, leaf 1 = 5, node 0 = 7; leaf 2 = 10, node 1 = 1; unit 8
  // scenario 1: leaf 0 = 0, leaf 1 = -6, node 0 = -18; leaf 2 = -10, node 1 = -10; unit -28
  const auto r = evaluate(p, cube, Book().account({{0, 1}, {1, 1}, {2, 1}, {3, 1}}));
  CHECK((r.outputs == std::vector<double>{28}));
  CHECK((r.unit_scenario == std::vector<std::int32_t>{1}));
  // Nodes that hold nothing add nothing.
  CHECK((evaluate(p, cube, Book().account({{3, 1}})).outputs == std::vector<double>{10}));
  // Cash of a row joins the positions of its leaf before the leaf folds.
  const auto mixed = evaluate(p, cube, Book().account({{2, 1}, {3, 1}}, {{2, -1.0}, {3, 0.5}}));
  CHECK((mixed.outputs == std::vector<double>{15}));
}

void units_and_pools() {
  Program p = plain_program(4, 3);
  p.trees[0].leaf = {0, 1, 2, 2};  // no level: a leaf is a unit
  p.units = check::names("unit", 3);
  p.unit_pool = {0, 0, 1};
  p.pools = {"pool0", "pool1"};
  const Cube cube{{-1, 2, -3, 5, -7, 5, -4, 4, 0, 0, -8, 1}, {0, 0, 0, 0}, 3};
  const Book book = Book()
                        .account({{0, 1}, {1, 1}, {2, 1}, {3, 1}})
                        .account({})
                        .account({{2, -2}})
                        .account({{0, -1}, {3, 3}});
  const auto r = evaluate(p, cube, book);
  CHECK((r.account == std::vector<std::int64_t>{0, 0, 1, 2, 3, 3}));
  CHECK((r.pool == std::vector<std::int32_t>{0, 1, 0, 1, 0, 1}));
  CHECK((r.unit_offsets == std::vector<std::int64_t>{0, 2, 3, 3, 4, 5, 6}));
  CHECK((r.unit == std::vector<std::int32_t>{0, 1, 2, 2, 0, 2}));
  CHECK((r.unit_loss == std::vector<double>{3, 7, 4, 8, 2, 24}));
  CHECK((r.unit_scenario == std::vector<std::int32_t>{2, 1, 0, 1, 1, 1}));
  CHECK((r.outputs == std::vector<double>{10, 4, 0, 8, 2, 24}));
}

void lots_weights_and_steps() {
  Program p = plain_program(2, 2);
  p.lot = {0.5, 100};
  p.blocks[0].weight = {1, 0.25};
  p.registers = {0, 1.5, 10, 0, 0, 0};
  p.steps = {{Operation::multiply, 3, 0, 1},
             {Operation::maximum, 4, 3, 2},
             {Operation::minimum, 3, 3, 2},
             {Operation::subtract, 5, 4, 3},
             {Operation::add, 5, 5, 5}};
  p.outputs = {"loss", "more", "twice the difference"};
  p.output_register = {0, 4, 5};
  const Cube cube{{-8, -24, 0.5, 0.25}, {0, 0}, 2};
  // 3 lots of 0.5 and -1 of 100: -12 - 50 = -62, a quarter of (-36 - 25) = -15.25
  const auto r = evaluate(p, cube, Book().account({{0, 3}, {1, -1}}));
  CHECK((r.outputs == std::vector<double>{62, 93, 2 * (93 - 10)}));
}

void ties_go_to_the_lowest_index() {
  for (const std::size_t scenarios : {std::size_t{3}, std::size_t{16}, std::size_t{40}}) {
    for (std::size_t first = 0; first < scenarios; ++first) {
      Cube cube{std::vector<double>(scenarios, -1.0), {0}, scenarios};
      for (std::size_t s = first; s < scenarios; s += 2) cube.values[s] = -5;
      const auto r = evaluate(plain_program(1, scenarios), cube, Book().account({{0, 1}}));
      CHECK(r.unit_loss[0] == 5 && r.unit_scenario[0] == static_cast<std::int32_t>(first));
    }
  }
  const Cube gains{{1, 0, 2}, {0}, 3};  // nothing loses: loss 0 in scenario 0, never -0
  const auto r = evaluate(plain_program(1, 3), gains, Book().account({{0, 1}}));
  CHECK(r.unit_scenario[0] == 0 && r.unit_loss[0] == 0 && !std::signbit(r.unit_loss[0]));
}

// Columns of one tile, and tiles of one set, fold by the set that their block names; a cash delta
// is measured as a value is.
void sets_by_hand() {
  for (const std::size_t filler : {std::size_t{0}, std::size_t{16}, std::size_t{21}}) {
    const std::size_t scenarios = filler + 4;
    Program p = plain_program(3, scenarios);
    p.trees[0].leaf = {0, 0, 1};
    p.trees[0].levels = {
        {.parent = {0, 0},
         .folds = {{}, {.loss = 3}, {.gain = 0.5}, {}, {.gain = 1, .loss = -1}, {}}},
        {.parent = {0}, .folds = {{}, {.deadband = 2}, {.scale = 10}}}};
    p.blocks[0].fold_set.assign(filler, 1);
    p.blocks[0].fold_set.insert(p.blocks[0].fold_set.end(), {0, 1, 2, 0});
    p.blocks.push_back({.name = "delta",
                        .reduction = Reduction::each,
                        .columns = {"net", "gross"},
                        .weight = {},
                        .attribute = {1, 1, 1, 1, 1, 1},
                        .measure = riskslide::Measure::delta,
                        .fold_set = {0, 2}});
    p.registers = {0, 0, 0};
    p.outputs = {"loss", "net", "gross"};
    p.output_register = {0, 1, 2};
    Cube cube{std::vector<double>(3 * scenarios, 0.0), {0, 0, 0}, scenarios};
    const std::vector<double> rows[3] = {{1, 1, 1, 2}, {-5, -5, -5, 2}, {-1, 3, 2, 1}};
    for (std::size_t r = 0; r < 3; ++r) {
      std::copy(rows[r].begin(), rows[r].end(), &cube.values[(r + 1) * scenarios - 4]);
    }
    const Book book = Book().account({{0, 1}, {1, 1}, {2, 1}});
    riskslide::CubeView view = cube.view();
    const std::vector<double> delta{4, -6, 7};
    view.delta = delta;
    const auto grid = riskslide::grid(p, 0, view, book.positions(), book.money()).values;
    // leaves -4 and -1, 3, 2 | leaves 4 and 1: set 0: -4 - 3; set 1: -4 + 3 = -1 within the
    // deadband; set 2: 4 + 2 tenfold; set 0: 4 + 1
    CHECK((std::vector<double>(grid.end() - 4, grid.end()) == std::vector<double>{-7, 0, 60, 5}));
    const auto r = riskslide::evaluate(p, view, book.positions(), book.money());
    CHECK((r.outputs == std::vector<double>{7, -2 + 7, 10 * (2 + 7)}));
    CHECK((r.unit_scenario == std::vector<std::int32_t>{static_cast<std::int32_t>(filler)}));
    CHECK_REFUSED("E_SHAPE", "delta", -1, evaluate(p, cube, book));
  }
}

// Any number of columns: cut into tiles, the figures are those of a plain loop, exactly.
void tiles() {
  check::Random random(5);
  for (const std::size_t scenarios : {1UL, 15UL, 16UL, 17UL, 255UL, 256UL, 257UL, 300UL}) {
    constexpr std::size_t rows = 7, accounts = 50;
    Program p = plain_program(rows, scenarios);
    p.trees[0].leaf = {0, 0, 0, 1, 1, 2, 2};
    p.trees[0].levels = {{.parent = {0, 0, 0}, .folds = {{}, {.gain = 0.5}, {.cap = 1}}}};
    const Cube cube{random.column(rows * scenarios, -1, 1), random.column(rows, -1, 1), scenarios};
    Book book;
    for (std::size_t a = 0; a < accounts; ++a) {
      std::vector<std::pair<std::int32_t, std::int64_t>> held;
      for (std::int32_t row = 0; row < static_cast<std::int32_t>(rows); ++row) {
        if (random.whole(0, 2) > 0) held.emplace_back(row, random.whole(-9, 9));
      }
      book.account(held);
    }
    const auto r = evaluate(p, cube, book, 3);
    const auto grid = riskslide::grid(p, 0, cube.view(), book.positions(), book.money()).values;
    std::vector<double> sums(accounts * scenarios), loss(accounts);
    std::vector<std::int32_t> scenario(accounts);
    riskslide::aggregate(book.positions(), cube.view(), sums, 2);
    riskslide::worst_loss(book.positions(), cube.view(), loss, scenario, 2);
    std::size_t unit = 0;
    for (std::size_t a = 0; a < accounts; ++a) {
      const auto begin = static_cast<std::size_t>(book.lots.offsets[a]);
      const auto end = static_cast<std::size_t>(book.lots.offsets[a + 1]);
      std::vector<double> total(scenarios, 0.0), plain(scenarios, 0.0);
      for (std::size_t s = 0; s < scenarios; ++s) {
        double leaf[3] = {};
        for (std::size_t k = begin; k < end; ++k) {
          const auto row = static_cast<std::size_t>(book.lots.instrument[k]);
          const double q = static_cast<double>(book.lots.quantity[k]);
          const double value = cube.values[row * scenarios + s];
          double& sum = leaf[p.trees[0].leaf[row]];
          sum = std::fma(q, value, sum);
          plain[s] = std::fma(q, value, plain[s]);
        }
        total[s] = leaf[0] + (leaf[1] >= 0 ? 0.5 * leaf[1] : leaf[1]) + std::min(leaf[2], 1.0);
        CHECK_SAME(sums[a * scenarios + s], plain[s]);
        if (begin != end) CHECK_NEAR(grid[unit * scenarios + s], total[s], 1e-14);
      }
      const auto least = std::min_element(plain.begin(), plain.end());
      CHECK_SAME(loss[a], std::max(0.0, -*least));
      CHECK(scenario[a] == (*least < 0 ? static_cast<int>(least - plain.begin()) : 0));
      if (begin == end) continue;
      const auto* row = grid.data() + unit * scenarios;
      const auto* worst = std::min_element(row, row + scenarios);
      CHECK_SAME(r.unit_loss[unit], std::max(0.0, -*worst));
      CHECK(r.unit_scenario[unit] == (*worst < 0 ? static_cast<int>(worst - row) : 0));
      ++unit;
    }
  }
}

void refusals() {
  const Program p = plain_program(1, 2);
  const Book book = Book().account({{0, 1}});
  const double nan = std::numeric_limits<double>::quiet_NaN();
  CHECK_REFUSED("E_SHAPE", "cube rows", -1, evaluate(p, {{1, 2, 3, 4}, {0, 0}, 2}, book));
  CHECK_REFUSED("E_SHAPE", "cube scenarios", -1, evaluate(p, {{1}, {0}, 1}, book));
  CHECK_REFUSED("E_SHAPE", "values", -1, evaluate(p, {{1}, {0}, 2}, book));
  CHECK_REFUSED("E_NOT_FINITE", "values", 1, evaluate(p, {{1, nan}, {0}, 2}, book));
  CHECK_REFUSED("E_NOT_FINITE", "base", 0, evaluate(p, {{1, 2}, {nan}, 2}, book));
  CHECK_REFUSED("E_INDEX", "instrument", 0,
                evaluate(p, {{1, 2}, {0}, 2}, Book().account({{1, 1}})));
  CHECK_REFUSED("E_NOT_FINITE", "amount", 0,
                evaluate(p, {{1, 2}, {0}, 2}, Book().account({}, {{0, nan}})));
  Book more = book;
  more.cash.offsets.push_back(0);
  CHECK_REFUSED("E_SHAPE", "cash", -1, evaluate(p, {{1, 2}, {0}, 2}, more));
  const Cube cube{{1, 2}, {0}, 2};
  CHECK_REFUSED("E_INDEX", "block", -1,
                riskslide::grid(p, 1, cube.view(), book.positions(), book.money()));
}

// Legs that lie in the order of the tree are summed at once. An amount of nothing in a leaf between
// makes the same sums go leaf by leaf, and no bit may move; the sums themselves are added up here.
void leaves_in_order() {
  constexpr std::size_t rows = 24, scenarios = 19;
  check::Random random(11);
  const Cube cube{random.column(rows * scenarios, -1, 1), std::vector<double>(rows, 0.0),
                  scenarios};
  for (const int words : {0, 1, 2}) {  // leaves as they are; sloping and scaled; all alike or not
    Program p = plain_program(rows, scenarios);
    riskslide::Level leaves, nodes{.parent = {0, 0}, .folds = {{}, {}, {}, {}}};
    for (std::size_t row = 0; row < rows; ++row)
      p.trees[0].leaf[row] = static_cast<std::int32_t>(row / 2);
    for (int n = 0; n < 24; ++n) {
      if (n < 12) leaves.parent.push_back(n / 6);
      const bool second = n >= 12;
      leaves.folds.push_back(
          words == 0 ? Fold{} : Fold{.gain = 0.1 * n, .loss = 1.2, .scale = second ? 0.7 : 1.3});
      if (words == 2 && n % 4 == 1) leaves.folds.back().deadband = 0.5;
    }
    nodes.folds[1].gain = 0.6;
    p.trees[0].levels = {leaves, nodes};
    p.blocks[0].fold_set.assign(scenarios, 0);
    p.blocks[0].fold_set[scenarios - 1] = 1;  // on its own at the end of a tile
    p.blocks[0].fold_set[3] = 1;
    for (int draw = 0; draw < 200; ++draw) {
      std::vector<std::pair<std::int32_t, std::int64_t>> held;
      for (std::int32_t row = 0; row < static_cast<std::int32_t>(rows); ++row) {
        if (row == 0 || random.whole(0, 2) > 0) held.emplace_back(row, random.whole(-9, 9));
      }
      if (held.back().first < 23) held.emplace_back(23, 1);
      const Book together = Book().account(held);
      const Book apart = Book().account(held, {{4, 0.0}, {16, 0.0}});
      const auto sums =
          riskslide::grid(p, 0, cube.view(), together.positions(), together.money()).values;
      CHECK(sums == riskslide::grid(p, 0, cube.view(), apart.positions(), apart.money()).values);
      for (std::size_t s = 0; s < scenarios; ++s) {
        const auto set = static_cast<std::size_t>(p.blocks[0].fold_set[s]);
        double total = 0.0, above[2] = {};
        for (std::size_t leaf = 0; leaf < 12; ++leaf) {
          double x = 0.0;
          for (const auto& [row, lots] : held) {
            const auto at = static_cast<std::size_t>(row);
            if (at / 2 == leaf) x += static_cast<double>(lots) * cube.values[at * scenarios + s];
          }
          const Fold& f = leaves.folds[set * 12 + leaf];
          const double kept = std::fmax(std::fabs(x) - f.deadband, 0.0);
          above[leaf / 6] += f.scale * (x >= 0 ? f.gain * kept : -f.loss * kept);
        }
        for (std::size_t n = 0; n < 2; ++n) {
          const Fold& f = nodes.folds[set * 2 + n];
          total += above[n] * (above[n] >= 0 ? f.gain : f.loss);
        }
        CHECK(std::fabs(sums[s] - total) <= 1e-12);
      }
    }
  }
}

}  // namespace

int main() {
  words_by_hand();
  bias_by_hand();
  tiers_by_hand();
  tiers_in_sets();
  ranges_and_factors();
  groups_of_a_unit();
  rows_outside();
  steps_of_units();
  units_by_themselves();
  overflow_of_units();
  what_is_not_finite_is_refused();
  attributes();
  levels_by_hand();
  leaves_in_order();
  sets_by_hand();
  units_and_pools();
  lots_weights_and_steps();
  ties_go_to_the_lowest_index();
  tiles();
  refusals();
  return check::done("fold");
}
