// Decides how columns run through trees, tile by tile; see evaluator.hpp.
#include "evaluator.hpp"

#include <algorithm>
#include <cmath>
#include <span>
#include <utility>

#include "checks.hpp"
#include "nodes.hpp"
#include "threads.hpp"
#include "tiling.hpp"

namespace riskslide::detail {
namespace {

// Whether leaves of a tree have base values.
bool is_biased(const Tree& tree) {
  if (tree.levels.empty()) return false;
  const auto& folds = tree.levels.front().folds;
  return std::any_of(folds.begin(), folds.end(), [](const Fold& f) { return f.biased; });
}

// Base value of the last leaf of every run, as far as the run holds it; 0 where it is not biased.
// base: of one lot of every row.
std::vector<double> biases_of(const Tree& tree, const std::vector<double>& base,
                              const PositionsView& positions, const CashView& cash,
                              const Plan& plan, int threads) {
  const auto& folds = tree.levels.front().folds;
  std::vector<double> bias(plan.runs.size(), 0.0);
  constexpr std::int64_t block = 4096;
  const auto runs = static_cast<std::int64_t>(bias.size());
  parallel_for((runs + block - 1) / block, threads, [&](std::int64_t b) {
    for (std::int64_t k = b * block; k < std::min(runs, (b + 1) * block); ++k) {
      const kernel::Run& run = plan.runs[static_cast<std::size_t>(k)];
      const bool is_cash = run.leaf < 0;
      const std::int32_t last = kernel::leaf_of(run) + run.beyond;
      if (!folds[static_cast<std::size_t>(last)].biased) continue;
      const auto begin = static_cast<std::size_t>(run.begin);
      const std::size_t end = begin + static_cast<std::size_t>(run.count);
      std::size_t first = begin;
      if (run.beyond > 0) {
        first = end - 1;
        while (plan.starts[first] == 0) --first;
      }
      double sum = 0.0;
      for (std::size_t i = first; i < end; ++i) {
        const auto row =
            static_cast<std::size_t>(is_cash ? cash.instrument[i] : positions.instrument[i]);
        const double quantity =
            is_cash ? cash.quantity[i] : static_cast<double>(positions.quantity[i]);
        sum += quantity * base[row];
      }
      bias[static_cast<std::size_t>(k)] = sum;
    }
  });
  return bias;
}

void check_book(const PositionsView& positions, const CashView& cash, std::size_t rows) {
  check_rows(positions.offsets, positions.instrument, positions.quantity.size(), rows);
  check_rows(cash.offsets, cash.instrument, cash.quantity.size(), rows);
  if (positions.accounts() != cash.accounts()) {
    refuse("E_SHAPE", "cash", -1, static_cast<double>(cash.accounts()),
           "must have as many accounts as positions");
  }
  need_finite("amount", cash.quantity);
}

void check_cube(const Program& program, const CubeView& cube) {
  need_size("cube rows", cube.rows, program.rows.size());
  need_size("cube scenarios", cube.scenarios, program.scenarios.labels.size());
  need_size("values", cube.values.size(), cube.rows * cube.scenarios);
  need_size("base", cube.base.size(), cube.rows);
  need_finite("values", cube.values);
  need_finite("base", cube.base);
  const auto need = [&](Measure measure, const char* name, std::span<const double> column) {
    const bool measured = std::any_of(program.blocks.begin(), program.blocks.end(),
                                      [&](const Block& b) { return b.measure == measure; });
    if (!measured) return;
    need_size(name, column.size(), cube.rows);
    need_finite(name, column);
  };
  need(Measure::delta, "delta", cube.delta);
  need(Measure::notional, "notional", cube.notional);
}

}  // namespace

Evaluator::Evaluator(const Program& program, const CubeView& cube, const PositionsView& positions,
                     const CashView& cash, int threads)
    : program_(program), cube_(cube), positions_(positions), cash_(cash), threads_(threads) {
  program.check();
  check_cube(program, cube);
  check_book(positions, cash, program.rows.size());
  Plans plans = make_plans(program, positions, cash, threads);
  lines = std::move(plans.lines);
  for (std::size_t t = 0; t < plans.trees.size(); ++t) {
    Planned tree{.plan = std::move(plans.trees[t]), .bias = {}, .cuts = {}};
    if (is_biased(program.trees[t])) {
      if (base_.empty()) base_ = base_of_lots();
      tree.bias = biases_of(program.trees[t], base_, positions, cash, tree.plan, threads);
    }
    tree.cuts = cuts_of(tree.plan);
    trees_.push_back(std::move(tree));
  }
}

void Evaluator::store(const Block& block, double* out, std::int64_t stride) const {
  kernel::FoldTask task = task_of(block);
  task.out = out;
  task.out_stride = stride;
  run(block, task);
}

void Evaluator::worst(const Block& block, double* least, std::int32_t* scenario,
                      std::int64_t stride) const {
  kernel::FoldTask task = task_of(block);
  task.worst = least;
  task.scenario = scenario;
  task.stride = stride;
  run(block, task);
}

std::int64_t Evaluator::account_of(std::int64_t unit) const {
  const auto after = std::upper_bound(lines.units.begin(), lines.units.end(), unit);
  return lines.account[static_cast<std::size_t>(after - lines.units.begin()) - 1];
}

// Boundaries of tasks of about as many positions each.
std::vector<std::int64_t> Evaluator::cuts_of(const Plan& plan) const {
  const auto runs = static_cast<std::int64_t>(plan.runs.size());
  const std::int64_t length =
      static_cast<std::int64_t>(positions_.instrument.size()) / (runs + 1) + 1;
  return cut(static_cast<std::int64_t>(plan.groups()), [&](std::int64_t group) {
    return plan.group_runs[static_cast<std::size_t>(group)] * length;
  });
}

kernel::FoldTask Evaluator::task_of(const Block& block) const {
  const Tree& tree = program_.trees[static_cast<std::size_t>(block.tree)];
  const Plan& plan = of(block).plan;
  kernel::FoldTask task{};
  task.position_row = positions_.instrument.data();
  task.lots = positions_.quantity.data();
  task.cash_row = cash_.instrument.data();
  task.amount = cash_.quantity.data();
  task.keeps = block.gross ? ~std::uint64_t{0} >> 1 : ~std::uint64_t{0};
  task.runs = plan.runs.data();
  task.starts = plan.starts.get();
  task.row_leaf = tree.leaf.data();
  task.unit_runs = plan.group_runs.data();
  task.depth = static_cast<int>(tree.levels.size());
  return task;
}

void Evaluator::run(const Block& block, kernel::FoldTask task) const {
  const Tree& tree = program_.trees[static_cast<std::size_t>(block.tree)];
  const Planned& planned = of(block);
  const auto levels = nodes_of(tree, block);
  for (std::size_t l = 0; l < levels.size(); ++l) {
    task.levels[l] = {.nodes = levels[l].nodes.data(),
                      .tiers = levels[l].tiers.data(),
                      .count = static_cast<std::int64_t>(tree.levels[l].parent.size())};
  }
  if (block.scenarios() && !planned.bias.empty()) task.run_bias = planned.bias.data();
  task.row_base = base_.data();
  const bool measured = block.measure != Measure::one || block.gross;
  const std::vector<double> found = measured ? measure(block) : std::vector<double>();
  const std::span<const double> attribute = measured ? found : block.attribute;
  const Source source{
      .values = block.scenarios() ? cube_.values.subspan(std::min(
                                        cube_.values.size(), static_cast<std::size_t>(block.first)))
                                  : attribute,
      .rows = cube_.rows,
      .columns = block.width(),
      .stride = block.scenarios() ? cube_.scenarios : block.width(),
      .lot = program_.lot,
      .weight = block.weight,
      .factor = block.factor,
      .fold_set = block.fold_set};
  const std::int64_t unsound = run_tiles(source, task, planned.cuts, threads_);
  if (unsound >= 0) refuse_sum(account_of(planned.plan.unit_of(unsound)));
}

// Attributes times what they measure.
std::vector<double> Evaluator::measure(const Block& block) const {
  const auto& of = block.measure == Measure::value   ? cube_.base
                   : block.measure == Measure::delta ? cube_.delta
                                                     : cube_.notional;
  std::vector<double> found = block.attribute;
  const std::size_t columns = block.columns.size();
  if (block.measure != Measure::one) {
    for (std::size_t k = 0; k < found.size(); ++k) found[k] *= of[k / columns];
  }
  if (block.gross) {
    for (double& x : found) x = std::fabs(x);
  }
  return found;
}

// Base value of one lot of every row.
std::vector<double> Evaluator::base_of_lots() const {
  std::vector<double> base(cube_.base.begin(), cube_.base.end());
  for (std::size_t row = 0; row < base.size(); ++row) base[row] *= program_.lot[row];
  return base;
}

}  // namespace riskslide::detail
