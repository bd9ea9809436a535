// Decides how the results of blocks become figures of units and lines; see evaluate.hpp.
#include "riskslide/risk/evaluate.hpp"

#include <algorithm>
#include <atomic>
#include <bit>
#include <memory>
#include <span>
#include <utility>

#include "checks.hpp"
#include "evaluator.hpp"
#include "steps.hpp"
#include "threads.hpp"

namespace riskslide {
namespace {

using detail::Evaluator;
using detail::lanes;
using detail::Registers;

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
    again_ = detail::set_again(program.unit_steps, std::move(differs));
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
    detail::take(program_.unit_steps, registers, unsound);
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
    again_ = detail::set_again(program.steps, std::move(gathered));
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
    detail::take(program.steps, of_line, unsound);
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
