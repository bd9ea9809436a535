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

// One leaf with this fold under one unit; the row's changes are `x`, its base value `base`.
std::vector<double> folded(const Fold& fold, const std::vector<double>& x, double base = 0) {
  Program p = plain_program(1, x.size());
  p.trees[0].levels = {{.parent = {0}, .folds = {fold}}};
  const Cube cube{x, {base}, x.size()};
  const Book book = Book().account({{0, 1}});
  return riskslide::grid(p, 0, cube.view(), book.positions(), book.money()).values;
}

void words_by_hand() {
  using Figures = std::vector<double>;
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
  using Figures = std::vector<double>;
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
