// Decides how columns run through the tree and results are reduced to lines; see evaluate.hpp.
#include "riskslide/risk/evaluate.hpp"

#include <algorithm>
#include <cmath>

#include "checks.hpp"
#include "plan.hpp"
#include "threads.hpp"
#include "tiling.hpp"

namespace riskslide {
namespace {

bool same(const Fold& a, const Fold& b) {
  return a.gain == b.gain && a.loss == b.loss && a.scale == b.scale && a.deadband == b.deadband &&
         a.cap == b.cap;
}

// Whether a node folds differently in the sets that the columns of a block take.
bool mixes(const Level& level, const Block& block, std::size_t node) {
  const auto fold = [&](std::int32_t set) -> const Fold& {
    return level.folds[static_cast<std::size_t>(set) * level.parent.size() + node];
  };
  return std::any_of(block.fold_set.begin(), block.fold_set.end(), [&](std::int32_t set) {
    return !same(fold(set), fold(block.fold_set.front()));
  });
}

// Finds for every node where the stretch of nodes ends that the kernel folds in one form: those
// that pass on sums as they are, and those that slope and scale. Any other stands alone.
void mark_ends(std::vector<kernel::FoldNode>& nodes, std::size_t count) {
  const auto slopes = [](const kernel::FoldNode& node) {
    return node.form == kernel::FoldNode::slopes && node.scale != 1.0;
  };
  for (std::size_t n = nodes.size(); n-- > 0;) {
    const bool last = n % count + 1 == count;
    const bool alike = !last && nodes[n].form == nodes[n + 1].form;
    const bool joins = alike && (nodes[n].form == kernel::FoldNode::identity ||
                                 (slopes(nodes[n]) && slopes(nodes[n + 1])));
    nodes[n].until = joins ? nodes[n + 1].until : static_cast<std::int32_t>(n % count) + 1;
  }
}

// The tree as the kernel reads it for the columns of a block.
std::vector<std::vector<kernel::FoldNode>> nodes_of(const Program& program, const Block& block) {
  using Node = kernel::FoldNode;
  std::vector<std::vector<kernel::FoldNode>> levels;
  for (const Level& level : program.levels) {
    const std::size_t count = level.parent.size();
    std::vector<kernel::FoldNode> nodes;
    for (std::size_t n = 0; n < level.folds.size(); ++n) {
      const Fold& f = level.folds[n];
      const auto form = f.identity()                           ? Node::identity
                        : f.deadband == 0 && std::isinf(f.cap) ? Node::slopes
                                                               : Node::general;
      const bool mixed = n < count ? mixes(level, block, n) : nodes[n % count].mixed != 0;
      nodes.push_back({f.gain, f.loss, f.scale, f.deadband, f.cap, level.parent[n % count], form,
                       f.anchored && block.scenarios() ? 1 : 0, mixed ? 1 : 0, 0});
    }
    mark_ends(nodes, count);
    levels.push_back(std::move(nodes));
  }
  return levels;
}

// Base value of every run that lies in a biased leaf, 0 elsewhere; nothing where no leaf is biased.
std::vector<double> biases_of(const Program& program, const CubeView& cube,
                              const PositionsView& positions, const CashView& cash,
                              const detail::Plan& plan, int threads) {
  if (program.levels.empty()) return {};
  const auto& folds = program.levels.front().folds;
  if (std::none_of(folds.begin(), folds.end(), [](const Fold& f) { return f.biased; })) return {};
  std::vector<double> bias(plan.runs.size(), 0.0);
  constexpr std::int64_t block = 4096;
  const auto runs = static_cast<std::int64_t>(bias.size());
  detail::parallel_for((runs + block - 1) / block, threads, [&](std::int64_t b) {
    for (std::int64_t k = b * block; k < std::min(runs, (b + 1) * block); ++k) {
      const kernel::Run& run = plan.runs[static_cast<std::size_t>(k)];
      const bool is_cash = run.leaf < 0;
      if (!folds[static_cast<std::size_t>(is_cash ? -1 - run.leaf : run.leaf)].biased) continue;
      double sum = 0.0;
      for (std::int64_t i = run.begin; i < run.begin + run.count; ++i) {
        const auto at = static_cast<std::size_t>(i);
        const auto row =
            static_cast<std::size_t>(is_cash ? cash.instrument[at] : positions.instrument[at]);
        const double quantity =
            is_cash ? cash.quantity[at] : static_cast<double>(positions.quantity[at]);
        sum = std::fma(quantity, cube.base[row] * program.lot[row], sum);
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
    detail::refuse("E_SHAPE", "cash", -1, static_cast<double>(cash.accounts()),
                   "must have as many accounts as positions");
  }
  detail::need_finite("amount", cash.quantity);
}

void check_cube(const Program& program, const CubeView& cube) {
  detail::need_size("cube rows", cube.rows, program.rows.size());
  detail::need_size("cube scenarios", cube.scenarios, program.scenarios.labels.size());
  detail::need_size("values", cube.values.size(), cube.rows * cube.scenarios);
  detail::need_size("base", cube.base.size(), cube.rows);
  detail::need_finite("values", cube.values);
  detail::need_finite("base", cube.base);
  const bool of_delta = std::any_of(program.blocks.begin(), program.blocks.end(),
                                    [](const Block& b) { return b.measure == Measure::delta; });
  if (!of_delta) return;
  detail::need_size("delta", cube.delta.size(), cube.rows);
  detail::need_finite("delta", cube.delta);
}

// A program, a cube and a book, ready to run block by block.
class Evaluator {
 public:
  Evaluator(const Program& program, const CubeView& cube, const PositionsView& positions,
            const CashView& cash, int threads)
      : program_(program), cube_(cube), positions_(positions), cash_(cash), threads_(threads) {
    program.check();
    check_cube(program, cube);
    check_book(positions, cash, program.rows.size());
    plan = detail::make_plan(program, positions, cash, threads);
    bias_ = biases_of(program, cube, positions, cash, plan, threads);
    const auto runs = static_cast<std::int64_t>(plan.runs.size());
    const std::int64_t length =
        static_cast<std::int64_t>(positions.instrument.size()) / (runs + 1) + 1;
    cuts_ = detail::cut(units(), [this, length](std::int64_t unit) {
      return plan.unit_runs[static_cast<std::size_t>(unit)] * length;
    });
  }

  [[nodiscard]] std::int64_t units() const { return static_cast<std::int64_t>(plan.unit.size()); }

  // P&L of every unit in every column of the block.
  void store(const Block& block, double* out, std::int64_t stride) const {
    kernel::FoldTask task = task_of();
    task.out = out;
    task.out_stride = stride;
    run(block, task);
  }

  // The most negative column of every unit (0 where none is below it) and its index.
  void worst(const Block& block, double* least, std::int32_t* scenario, std::int64_t stride) const {
    kernel::FoldTask task = task_of();
    task.worst = least;
    task.scenario = scenario;
    task.stride = stride;
    run(block, task);
  }

  detail::Plan plan;

 private:
  [[nodiscard]] kernel::FoldTask task_of() const {
    kernel::FoldTask task{};
    task.position_row = positions_.instrument.data();
    task.lots = positions_.quantity.data();
    task.cash_row = cash_.instrument.data();
    task.amount = cash_.quantity.data();
    task.runs = plan.runs.data();
    task.starts = plan.starts.data();
    task.row_leaf = program_.leaf.data();
    task.unit_runs = plan.unit_runs.data();
    task.depth = static_cast<int>(program_.levels.size());
    return task;
  }

  void run(const Block& block, kernel::FoldTask task) const {
    const auto nodes = nodes_of(program_, block);
    for (std::size_t l = 0; l < nodes.size(); ++l) {
      const auto count = static_cast<std::int64_t>(program_.levels[l].parent.size());
      task.levels[l] = {.nodes = nodes[l].data(), .count = count};
    }
    if (block.scenarios() && !bias_.empty()) task.run_bias = bias_.data();
    const bool measured = block.measure != Measure::one;
    const std::vector<double> found = measured ? measure(block) : std::vector<double>();
    const std::span<const double> attribute = measured ? found : block.attribute;
    const detail::Source source{
        .values = block.scenarios() ? cube_.values : attribute,
        .rows = cube_.rows,
        .columns = block.scenarios() ? cube_.scenarios : block.columns.size(),
        .lot = program_.lot,
        .weight =
            block.scenarios() ? std::span<const double>(block.weight) : std::span<const double>(),
        .fold_set = block.fold_set};
    const std::int64_t unsound = detail::run_tiles(source, task, cuts_, threads_);
    if (unsound >= 0) detail::refuse_sum(account_of(unsound));
  }

  [[nodiscard]] std::int64_t account_of(std::int64_t unit) const {
    const auto after = std::upper_bound(plan.line_units.begin(), plan.line_units.end(), unit);
    return plan.line_account[static_cast<std::size_t>(after - plan.line_units.begin()) - 1];
  }

  // Attributes times what they measure.
  [[nodiscard]] std::vector<double> measure(const Block& block) const {
    const auto& of = block.measure == Measure::value ? cube_.base : cube_.delta;
    std::vector<double> found = block.attribute;
    const std::size_t columns = block.columns.size();
    for (std::size_t k = 0; k < found.size(); ++k) found[k] *= of[k / columns];
    return found;
  }

  const Program& program_;
  const CubeView& cube_;
  const PositionsView& positions_;
  const CashView& cash_;
  int threads_;
  std::vector<double> bias_;
  std::vector<std::int64_t> cuts_;
};

double apply(Operation operation, double a, double b) {
  switch (operation) {
    case Operation::add: return a + b;
    case Operation::subtract: return a - b;
    case Operation::multiply: return a * b;
    case Operation::minimum: return b < a ? b : a;
    case Operation::maximum: return b > a ? b : a;
  }
  return a;
}

// Runs the steps of every line on its own registers and keeps the outputs.
void finish(const Program& program, const std::vector<double>& results, std::size_t width,
            Evaluation& out) {
  std::vector<double> registers;
  for (std::size_t line = 0; line < out.account.size(); ++line) {
    registers = program.registers;
    std::copy_n(results.data() + line * width, width, registers.data());
    const auto at = [&](std::int32_t r) -> double& {
      return registers[static_cast<std::size_t>(r)];
    };
    double unsound = 0.0;
    for (std::size_t r = 0; r < width; ++r) unsound += registers[r] * 0.0;
    for (const Step& s : program.steps) {
      at(s.target) = apply(s.operation, at(s.left), at(s.right));
      unsound += at(s.target) * 0.0;
    }
    if (unsound != 0.0) detail::refuse_sum(out.account[line]);
    for (const std::int32_t r : program.output_register) out.outputs.push_back(at(r));
  }
}

}  // namespace

Evaluation evaluate(const Program& program, const CubeView& cube, const PositionsView& positions,
                    const CashView& cash, int threads) {
  Evaluator evaluator(program, cube, positions, cash, threads);
  const auto units = static_cast<std::size_t>(evaluator.units());
  const detail::Plan& plan = evaluator.plan;
  const std::size_t lines = plan.line_account.size();
  const std::size_t width = program.first_register(program.blocks.size());
  const auto worst_blocks = static_cast<std::size_t>(
      std::count_if(program.blocks.begin(), program.blocks.end(),
                    [](const Block& b) { return b.reduction == Reduction::worst; }));
  Evaluation out;
  out.unit_loss.assign(units * worst_blocks, 0.0);
  out.unit_scenario.assign(units * worst_blocks, 0);
  std::vector<double> results(lines * width, 0.0);
  std::vector<double> columns;
  std::size_t seen = 0;
  for (std::size_t b = 0; b < program.blocks.size(); ++b) {
    const Block& block = program.blocks[b];
    const std::size_t target = program.first_register(b);
    const bool is_worst = block.reduction == Reduction::worst;
    const std::size_t count = is_worst            ? 1
                              : block.scenarios() ? cube.scenarios
                                                  : block.columns.size();
    if (is_worst) {
      evaluator.worst(block, out.unit_loss.data() + seen, out.unit_scenario.data() + seen,
                      static_cast<std::int64_t>(worst_blocks));
    } else {
      columns.assign(units * count, 0.0);
      evaluator.store(block, columns.data(), static_cast<std::int64_t>(count));
    }
    for (std::size_t line = 0; line < lines; ++line) {
      for (std::int64_t u = plan.line_units[line]; u < plan.line_units[line + 1]; ++u) {
        const auto unit = static_cast<std::size_t>(u);
        double* to = results.data() + line * width + target;
        if (is_worst) {
          double& loss = out.unit_loss[unit * worst_blocks + seen];
          loss = 0.0 - loss;
          *to += loss;
        } else {
          for (std::size_t c = 0; c < count; ++c) to[c] += columns[unit * count + c];
        }
      }
    }
    seen += is_worst ? 1 : 0;
  }
  out.account = plan.line_account;
  out.pool = plan.line_pool;
  out.unit_offsets = plan.line_units;
  out.unit = plan.unit;
  finish(program, results, width, out);
  return out;
}

std::vector<double> grid(const Program& program, std::size_t block, const CubeView& cube,
                         const PositionsView& positions, const CashView& cash, int threads) {
  if (block >= program.blocks.size()) {
    detail::refuse("E_INDEX", "block", -1, static_cast<double>(block), "no such block");
  }
  const Evaluator evaluator(program, cube, positions, cash, threads);
  const Block& chosen = program.blocks[block];
  const std::size_t count = chosen.scenarios() ? cube.scenarios : chosen.columns.size();
  std::vector<double> out(static_cast<std::size_t>(evaluator.units()) * count);
  evaluator.store(chosen, out.data(), static_cast<std::int64_t>(count));
  return out;
}

}  // namespace riskslide
