// Decides how columns run through the tree and results are reduced to lines; see evaluate.hpp.
#include "riskslide/risk/evaluate.hpp"

#include <algorithm>
#include <atomic>
#include <bit>
#include <cmath>
#include <memory>
#include <span>
#include <utility>

#include "checks.hpp"
#include "nodes.hpp"
#include "plan.hpp"
#include "threads.hpp"
#include "tiling.hpp"

namespace riskslide {
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
                              const detail::Plan& plan, int threads) {
  const auto& folds = tree.levels.front().folds;
  std::vector<double> bias(plan.runs.size(), 0.0);
  constexpr std::int64_t block = 4096;
  const auto runs = static_cast<std::int64_t>(bias.size());
  detail::parallel_for((runs + block - 1) / block, threads, [&](std::int64_t b) {
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
  const auto need = [&](Measure measure, const char* name, std::span<const double> column) {
    const bool measured = std::any_of(program.blocks.begin(), program.blocks.end(),
                                      [&](const Block& b) { return b.measure == measure; });
    if (!measured) return;
    detail::need_size(name, column.size(), cube.rows);
    detail::need_finite(name, column);
  };
  need(Measure::delta, "delta", cube.delta);
  need(Measure::notional, "notional", cube.notional);
}

// One tree with its plan and what a book is worth in its biased leaves.
struct Planned {
  detail::Plan plan;
  std::vector<double> bias;
  std::vector<std::int64_t> cuts;
};

// A program, a cube and a book, ready to run block by block.
class Evaluator {
 public:
  Evaluator(const Program& program, const CubeView& cube, const PositionsView& positions,
            const CashView& cash, int threads)
      : program_(program), cube_(cube), positions_(positions), cash_(cash), threads_(threads) {
    program.check();
    check_cube(program, cube);
    check_book(positions, cash, program.rows.size());
    detail::Plans plans = detail::make_plans(program, positions, cash, threads);
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

  // The plan of the tree that a block takes.
  [[nodiscard]] const detail::Plan& plan_of(const Block& block) const { return of(block).plan; }

  // P&L of every group in every column of the block.
  void store(const Block& block, double* out, std::int64_t stride) const {
    kernel::FoldTask task = task_of(block);
    task.out = out;
    task.out_stride = stride;
    run(block, task);
  }

  // The most negative column of every group (0 where none is below it) and its index.
  void worst(const Block& block, double* least, std::int32_t* scenario, std::int64_t stride) const {
    kernel::FoldTask task = task_of(block);
    task.worst = least;
    task.scenario = scenario;
    task.stride = stride;
    run(block, task);
  }

  [[nodiscard]] std::int64_t account_of(std::int64_t unit) const {
    const auto after = std::upper_bound(lines.units.begin(), lines.units.end(), unit);
    return lines.account[static_cast<std::size_t>(after - lines.units.begin()) - 1];
  }

  [[nodiscard]] int threads() const { return threads_; }

  detail::Lines lines;

 private:
  [[nodiscard]] const Planned& of(const Block& block) const {
    return trees_[static_cast<std::size_t>(block.tree)];
  }

  // Boundaries of tasks of about as many positions each.
  [[nodiscard]] std::vector<std::int64_t> cuts_of(const detail::Plan& plan) const {
    const auto runs = static_cast<std::int64_t>(plan.runs.size());
    const std::int64_t length =
        static_cast<std::int64_t>(positions_.instrument.size()) / (runs + 1) + 1;
    return detail::cut(static_cast<std::int64_t>(plan.groups()), [&](std::int64_t group) {
      return plan.group_runs[static_cast<std::size_t>(group)] * length;
    });
  }

  [[nodiscard]] kernel::FoldTask task_of(const Block& block) const {
    const Tree& tree = program_.trees[static_cast<std::size_t>(block.tree)];
    const detail::Plan& plan = of(block).plan;
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

  void run(const Block& block, kernel::FoldTask task) const {
    const Tree& tree = program_.trees[static_cast<std::size_t>(block.tree)];
    const Planned& planned = of(block);
    const auto levels = detail::nodes_of(tree, block);
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
    const detail::Source source{
        .values = block.scenarios()
                      ? cube_.values.subspan(
                            std::min(cube_.values.size(), static_cast<std::size_t>(block.first)))
                      : attribute,
        .rows = cube_.rows,
        .columns = block.width(),
        .stride = block.scenarios() ? cube_.scenarios : block.width(),
        .lot = program_.lot,
        .weight = block.weight,
        .factor = block.factor,
        .fold_set = block.fold_set};
    const std::int64_t unsound = detail::run_tiles(source, task, planned.cuts, threads_);
    if (unsound >= 0) detail::refuse_sum(account_of(planned.plan.unit_of(unsound)));
  }

  // Attributes times what they measure.
  [[nodiscard]] std::vector<double> measure(const Block& block) const {
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
  [[nodiscard]] std::vector<double> base_of_lots() const {
    std::vector<double> base(cube_.base.begin(), cube_.base.end());
    for (std::size_t row = 0; row < base.size(); ++row) base[row] *= program_.lot[row];
    return base;
  }

  const Program& program_;
  const CubeView& cube_;
  const PositionsView& positions_;
  const CashView& cash_;
  int threads_;
  std::vector<Planned> trees_;
  std::vector<double> base_;
};

constexpr std::size_t lanes = 16;  // units or lines that are stepped through side by side

// Registers of as many units or lines: (registers, lanes). Lanes that nothing fills stay 0.
class Registers {
 public:
  explicit Registers(std::size_t count) : values_(count * lanes, 0.0) {}

  [[nodiscard]] double* operator[](std::size_t number) { return values_.data() + number * lanes; }
  [[nodiscard]] std::size_t size() const { return values_.size() / lanes; }

  void fill(std::size_t lane, const double* from) {
    for (std::size_t r = 0; r < size(); ++r) values_[r * lanes + lane] = from[r];
  }
  void fill(std::size_t lane, const double* from, std::span<const std::size_t> only) {
    for (const std::size_t r : only) values_[r * lanes + lane] = from[r];
  }

 private:
  std::vector<double> values_;
};

template <class Function>
void each_lane(double* target, const double* left, const double* right, const Function& of) {
  for (std::size_t w = 0; w < lanes; ++w) target[w] = of(left[w], right[w]);
}

void apply(Operation operation, double* target, const double* left, const double* right) {
  const auto each = [&](const auto& of) { each_lane(target, left, right, of); };
  switch (operation) {
    case Operation::add: return each([](double a, double b) { return a + b; });
    case Operation::subtract: return each([](double a, double b) { return a - b; });
    case Operation::multiply: return each([](double a, double b) { return a * b; });
    case Operation::minimum: return each([](double a, double b) { return b < a ? b : a; });
    case Operation::maximum: return each([](double a, double b) { return b > a ? b : a; });
    case Operation::greater: return each([](double a, double b) { return a > b ? 1.0 : 0.0; });
    case Operation::divide:
      return each([](double a, double b) { return b == 0.0 ? a - a : a / b; });
  }
}

// Registers that steps read before they write them, or their own target.
std::vector<bool> read_first(const std::vector<Step>& steps, std::size_t registers) {
  std::vector<bool> written(registers, false), found(registers, false);
  for (const Step& s : steps) {
    for (const std::int32_t read : {s.left, s.right}) {
      const auto r = static_cast<std::size_t>(read);
      if (!written[r]) found[r] = true;
    }
    written[static_cast<std::size_t>(s.target)] = true;
  }
  return found;
}

// Registers that must be set again for the next units or lines, because they differ among them or
// because a step has written to what a step reads before that. `differs` says which differ.
std::vector<std::size_t> set_again(const std::vector<Step>& steps, std::vector<bool> differs) {
  const std::vector<bool> read = read_first(steps, differs.size());
  for (const Step& s : steps) {
    const auto target = static_cast<std::size_t>(s.target);
    if (read[target]) differs[target] = true;
  }
  std::vector<std::size_t> found;
  for (std::size_t r = 0; r < differs.size(); ++r) {
    if (differs[r]) found.push_back(r);
  }
  return found;
}

// Adds NaN to the lanes where a result of a step is not finite, else 0.
void take(const std::vector<Step>& steps, Registers& registers, double* unsound) {
  for (const Step& s : steps) {
    double* target = registers[static_cast<std::size_t>(s.target)];
    apply(s.operation, target, registers[static_cast<std::size_t>(s.left)],
          registers[static_cast<std::size_t>(s.right)]);
    for (std::size_t w = 0; w < lanes; ++w) unsound[w] += target[w] * 0.0;
  }
}

// Runs body(first, last) over stretches of `count`; it returns the first that is not sound, or
// `last`. Returns the first of all, or `count`.
template <class Body>
std::int64_t first_unsound(std::size_t count, int threads, const Body& body) {
  const std::size_t block = detail::task_length(count, 4096);
  const auto blocks = static_cast<std::int64_t>((count + block - 1) / block);
  std::atomic<std::int64_t> unsound{static_cast<std::int64_t>(count)};
  detail::parallel_for(blocks, threads, [&](std::int64_t b) {
    const std::size_t first = static_cast<std::size_t>(b) * block;
    const std::size_t last = std::min(count, first + block);
    const std::size_t found = body(first, last);
    if (found < last) detail::lower(unsound, static_cast<std::int64_t>(found));
  });
  return unsound.load();
}

// Runs body(unit, first group, last group) over all units of a tree that has groups.
template <class Body>
void over_groups(const Evaluator& evaluator, const detail::Plan& plan, const Body& body) {
  const std::vector<std::int64_t>& of = plan.group_unit;
  first_unsound(evaluator.lines.unit.size(), evaluator.threads(),
                [&](std::size_t first, std::size_t last) {
                  const auto from = static_cast<std::int64_t>(first);
                  const auto found = std::lower_bound(of.begin(), of.end(), from);
                  auto begin = static_cast<std::size_t>(found - of.begin());
                  for (std::size_t unit = first; unit < last; ++unit) {
                    std::size_t end = begin;
                    while (end < of.size() && of[end] == static_cast<std::int64_t>(unit)) ++end;
                    body(unit, begin, end);
                    begin = end;
                  }
                  return last;
                });
}

// Where the results of a block lie: a loss, or `count` columns.
struct Part {
  Reduction reduction;
  std::size_t from, count, target;
};

// Results of all blocks for every unit.
struct Results {
  std::vector<Part> parts;
  std::size_t width = 0;               // columns of a unit that count each
  std::unique_ptr<double[]> columns;   // (units, width)
  std::size_t losses = 0;              // of a unit: one for every block of worst columns
  std::vector<double> loss;            // (units, losses)
  std::vector<std::int32_t> scenario;  // (units, losses)
};

// Fills one block of worst columns: losses add up over the groups of a unit, and the scenario is
// that of the largest.
void fill_worst(const Evaluator& evaluator, const Block& block, std::size_t at, Results& out) {
  const detail::Plan& plan = evaluator.plan_of(block);
  const std::size_t stride = out.losses;
  if (plan.of_units) {
    evaluator.worst(block, out.loss.data() + at, out.scenario.data() + at,
                    static_cast<std::int64_t>(stride));
    for (std::size_t k = at; k < out.loss.size(); k += stride) out.loss[k] = 0.0 - out.loss[k];
    return;
  }
  std::vector<double> least(plan.groups(), 0.0);
  std::vector<std::int32_t> scenario(plan.groups(), 0);
  evaluator.worst(block, least.data(), scenario.data(), 1);
  over_groups(evaluator, plan, [&](std::size_t unit, std::size_t begin, std::size_t end) {
    double sum = 0.0, lowest = 0.0;
    for (std::size_t g = begin; g < end; ++g) {
      sum += least[g];
      if (!(least[g] < lowest)) continue;
      lowest = least[g];
      out.scenario[unit * stride + at] = scenario[g];
    }
    out.loss[unit * stride + at] = 0.0 - sum;
  });
}

// Fills one block of which every column counts.
void fill_each(const Evaluator& evaluator, const Block& block, std::size_t at, Results& out) {
  const detail::Plan& plan = evaluator.plan_of(block);
  const std::size_t count = block.width();
  if (plan.of_units) {
    evaluator.store(block, out.columns.get() + at, static_cast<std::int64_t>(out.width));
    return;
  }
  const auto of_group = std::make_unique_for_overwrite<double[]>(plan.groups() * count);
  evaluator.store(block, of_group.get(), static_cast<std::int64_t>(count));
  over_groups(evaluator, plan, [&](std::size_t unit, std::size_t begin, std::size_t end) {
    double* to = out.columns.get() + unit * out.width + at;
    std::fill_n(to, count, 0.0);
    for (std::size_t g = begin; g < end; ++g) {
      for (std::size_t c = 0; c < count; ++c) to[c] += of_group[g * count + c];
    }
  });
}

Results results_of(const Program& program, const Evaluator& evaluator) {
  Results out;
  for (const Block& block : program.blocks) {
    const bool worst = block.reduction == Reduction::worst;
    const std::size_t count = worst ? 1 : block.width();
    std::size_t& next = worst ? out.losses : out.width;
    const std::size_t before =
        out.parts.empty() ? 0 : out.parts.back().target + out.parts.back().count;
    out.parts.push_back(
        {.reduction = block.reduction, .from = next, .count = count, .target = before});
    next += count;
  }
  const std::size_t units = evaluator.lines.unit.size();
  out.columns = std::make_unique_for_overwrite<double[]>(units * out.width);
  out.loss.assign(units * out.losses, 0.0);
  out.scenario.assign(units * out.losses, 0);
  for (std::size_t b = 0; b < program.blocks.size(); ++b) {
    const auto fill = out.parts[b].reduction == Reduction::worst ? fill_worst : fill_each;
    fill(evaluator, program.blocks[b], out.parts[b].from, out);
  }
  return out;
}

// Works out the registers of units, some of them side by side.
class UnitRegisters {
 public:
  UnitRegisters(const Program& program, const detail::Lines& lines, const Results& results)
      : width(program.unit_width()), program_(program), lines_(lines), results_(results) {
    const std::vector<double>& all = program.unit_registers;
    std::vector<bool> differs(all.empty() ? 0 : width, false);
    for (std::size_t k = 0; k < all.size(); ++k) {
      const auto bits = [&](std::size_t at) { return std::bit_cast<std::uint64_t>(all[at]); };
      if (bits(k) != bits(k % width)) differs[k % width] = true;
    }
    again_ = set_again(program.unit_steps, std::move(differs));
  }

  // Registers as `work_out` takes them.
  [[nodiscard]] Registers begin() const {
    Registers registers(width);
    for (std::size_t lane = 0; lane < lanes && !program_.unit_registers.empty(); ++lane) {
      registers.fill(lane, program_.unit_registers.data());
    }
    return registers;
  }

  // Registers of the units in these places, at most `lanes`, after their steps; adds NaN to the
  // lanes where one is not finite, else 0.
  void work_out(std::size_t first, std::size_t last, Registers& registers, double* unsound) const {
    for (std::size_t unit = first; unit < last; ++unit) {
      const std::size_t lane = unit - first;
      if (!program_.unit_registers.empty()) {
        const auto id = static_cast<std::size_t>(lines_.unit[unit]);
        registers.fill(lane, program_.unit_registers.data() + id * width, again_);
      }
      for (const Part& part : results_.parts) {
        const double* from = part.reduction == Reduction::worst
                                 ? results_.loss.data() + unit * results_.losses + part.from
                                 : results_.columns.get() + unit * results_.width + part.from;
        for (std::size_t k = 0; k < part.count; ++k) {
          registers[part.target + k][lane] = from[k];
          unsound[lane] += from[k] * 0.0;
        }
      }
    }
    take(program_.unit_steps, registers, unsound);
  }

  std::size_t width;

 private:
  const Program& program_;
  const detail::Lines& lines_;
  const Results& results_;
  std::vector<std::size_t> again_;
};

// Puts what lines need of their units into their registers.
class Gathering {
 public:
  Gathering(const Program& program, const detail::Lines& lines, const UnitRegisters& units)
      : program_(program), lines_(lines), units_(units), of_unit_(units.begin()) {
    std::vector<bool> gathered(program.registers.size(), false);
    std::fill_n(gathered.begin(), program.summed(), true);
    for (const std::int32_t to : program.lift_to) {
      if (to >= 0) std::fill_n(gathered.begin() + to, program.lifted.size(), true);
    }
    again_ = set_again(program.steps, std::move(gathered));
  }

  // Registers as `fill` takes them.
  [[nodiscard]] Registers begin() const {
    Registers registers(program_.registers.size());
    for (std::size_t lane = 0; lane < lanes; ++lane) {
      registers.fill(lane, program_.registers.data());
    }
    return registers;
  }

  // Of lines [first, last), at most `lanes`.
  void fill(std::size_t first, std::size_t last, Registers& of_line, double* unsound) {
    for (std::size_t line = first; line < last; ++line) {
      of_line.fill(line - first, program_.registers.data(), again_);
    }
    const auto end = static_cast<std::size_t>(lines_.units[last]);
    std::size_t line = first;
    for (auto unit = static_cast<std::size_t>(lines_.units[first]); unit < end; unit += lanes) {
      const std::size_t next = std::min(end, unit + lanes);
      double of_units[lanes] = {};
      units_.work_out(unit, next, of_unit_, of_units);
      for (std::size_t u = unit; u < next; ++u) {
        while (static_cast<std::size_t>(lines_.units[line + 1]) <= u) ++line;
        unsound[line - first] += of_units[u - unit];
        add(u, u - unit, of_line, line - first);
      }
    }
    for (std::size_t k = 0; k < program_.summed(); ++k) {
      for (std::size_t w = 0; w < lanes; ++w) unsound[w] += of_line[k][w] * 0.0;
    }
  }

 private:
  void add(std::size_t unit, std::size_t from, Registers& of_line, std::size_t to) {
    const bool named = !program_.unit_registers.empty();
    for (std::size_t k = 0; k < program_.summed(); ++k) {
      of_line[k][to] += of_unit_[named ? static_cast<std::size_t>(program_.sums[k]) : k][from];
    }
    if (program_.lift_to.empty()) return;
    const std::int32_t place = program_.lift_to[static_cast<std::size_t>(lines_.unit[unit])];
    for (std::size_t k = 0; place >= 0 && k < program_.lifted.size(); ++k) {
      of_line[static_cast<std::size_t>(place) + k][to] =
          of_unit_[static_cast<std::size_t>(program_.lifted[k])][from];
    }
  }

  const Program& program_;
  const detail::Lines& lines_;
  const UnitRegisters& units_;
  Registers of_unit_;
  std::vector<std::size_t> again_;
};

// The first lane of `count` that is not sound, or `count`.
std::size_t first_of(const double* unsound, std::size_t count) {
  std::size_t lane = 0;
  while (lane < count && unsound[lane] == 0.0) ++lane;
  return lane;
}

// Works out lines [first, last) from the registers of their units. Returns the first that is not
// sound, or `last`.
std::size_t finish(const Program& program, const detail::Lines& lines, const UnitRegisters& units,
                   std::size_t first, std::size_t last, double* outputs) {
  Gathering gathering(program, lines, units);
  Registers of_line = gathering.begin();
  for (std::size_t line = first; line < last; line += lanes) {
    const std::size_t count = std::min(last - line, lanes);
    double unsound[lanes] = {};
    gathering.fill(line, line + count, of_line, unsound);
    take(program.steps, of_line, unsound);
    const std::size_t bad = first_of(unsound, count);
    if (bad < count) return line + bad;
    for (std::size_t k = 0; k < program.outputs.size(); ++k) {
      const double* from = of_line[static_cast<std::size_t>(program.output_register[k])];
      for (std::size_t w = 0; w < count; ++w) {
        outputs[(line + w) * program.outputs.size() + k] = from[w];
      }
    }
  }
  return last;
}

}  // namespace

Evaluation evaluate(const Program& program, const CubeView& cube, const PositionsView& positions,
                    const CashView& cash, int threads) {
  Evaluator evaluator(program, cube, positions, cash, threads);
  detail::Lines& lines = evaluator.lines;
  Results results = results_of(program, evaluator);
  const UnitRegisters units(program, lines, results);
  const std::size_t count = lines.account.size();
  Evaluation out;
  out.outputs.resize(count * program.outputs.size());
  const std::int64_t unsound =
      first_unsound(count, threads, [&](std::size_t first, std::size_t last) {
        return finish(program, lines, units, first, last, out.outputs.data());
      });
  if (unsound < static_cast<std::int64_t>(count)) {
    detail::refuse_sum(lines.account[static_cast<std::size_t>(unsound)]);
  }
  out.account = std::move(lines.account);
  out.pool = std::move(lines.pool);
  out.unit_offsets = std::move(lines.units);
  out.unit = std::move(lines.unit);
  out.unit_loss = std::move(results.loss);
  out.unit_scenario = std::move(results.scenario);
  return out;
}

std::vector<double> unit_figures(const Program& program, const CubeView& cube,
                                 const PositionsView& positions, const CashView& cash,
                                 int threads) {
  const Evaluator evaluator(program, cube, positions, cash, threads);
  const Results results = results_of(program, evaluator);
  const UnitRegisters units(program, evaluator.lines, results);
  const std::size_t count = evaluator.lines.unit.size();
  std::vector<double> out(count * units.width);
  const std::int64_t unsound =
      first_unsound(count, threads, [&](std::size_t first, std::size_t last) {
        Registers registers = units.begin();
        for (std::size_t unit = first; unit < last; unit += lanes) {
          const std::size_t held = std::min(last - unit, lanes);
          double unsound_lanes[lanes] = {};
          units.work_out(unit, unit + held, registers, unsound_lanes);
          const std::size_t bad = first_of(unsound_lanes, held);
          if (bad < held) return unit + bad;
          for (std::size_t k = 0; k < units.width; ++k) {
            for (std::size_t w = 0; w < held; ++w) {
              out[(unit + w) * units.width + k] = registers[k][w];
            }
          }
        }
        return last;
      });
  if (unsound < static_cast<std::int64_t>(count)) {
    detail::refuse_sum(evaluator.account_of(unsound));
  }
  return out;
}

Grid grid(const Program& program, std::size_t block, const CubeView& cube,
          const PositionsView& positions, const CashView& cash, int threads) {
  if (block >= program.blocks.size()) {
    detail::refuse("E_INDEX", "block", -1, static_cast<double>(block), "no such block");
  }
  const Evaluator evaluator(program, cube, positions, cash, threads);
  const Block& chosen = program.blocks[block];
  const detail::Plan& plan = evaluator.plan_of(chosen);
  Grid out{.group = plan.of_units ? evaluator.lines.unit : plan.group, .values = {}};
  out.values.resize(plan.groups() * chosen.width());
  evaluator.store(chosen, out.values.data(), static_cast<std::int64_t>(chosen.width()));
  return out;
}

}  // namespace riskslide
