// Decides what a consistent Program is; see risk/program.hpp.
#include "riskslide/risk/program.hpp"

#include <algorithm>
#include <cmath>

#include "checks.hpp"
#include "kernel/table.hpp"
#include "plan.hpp"

namespace riskslide {
namespace {

using detail::inconsistent;

bool nested(const std::vector<std::int32_t>& parent, std::size_t parents) {
  std::int32_t last = 0;
  for (const std::int32_t p : parent) {
    if (p < last || static_cast<std::size_t>(p) >= parents) return false;
    last = p;
  }
  return true;
}

std::size_t index_of(const char* what, const std::vector<std::string>& names,
                     const std::string& name) {
  const auto found = std::find(names.begin(), names.end(), name);
  if (found == names.end()) {
    detail::refuse("E_UNKNOWN", what, -1, std::nan(""), "'" + name + "' is not in the program");
  }
  return static_cast<std::size_t>(found - names.begin());
}

void check_fold(const Fold& f) {
  const bool finite = std::isfinite(f.gain) && std::isfinite(f.loss) && std::isfinite(f.scale) &&
                      std::isfinite(f.deadband) && !std::isnan(f.cap);
  if (!finite || f.deadband < 0 || f.cap < 0) {
    inconsistent("fold", "gain, loss, scale must be finite, deadband and cap >= 0");
  }
}

std::size_t fold_sets(const Tree& tree) {
  std::size_t sets = 1;
  for (const Level& level : tree.levels) sets = std::max(sets, level.sets());
  return sets;
}

bool has_nodes(const Tree& tree) {
  return std::any_of(tree.levels.begin(), tree.levels.end(),
                     [](const Level& level) { return !level.parent.empty(); });
}

std::size_t groups_of(const Tree& tree, const Program& p) {
  return tree.groups.empty() ? p.units.size() : tree.groups.size();
}

void check_tiers(const Level& level) {
  if (!level.tiers.empty() && level.tiers.size() != level.parent.size()) {
    inconsistent("levels", "need the tiers of every node, or of none");
  }
  for (const auto& tiers : level.tiers) {
    double last = 0.0;
    for (const Tier& tier : tiers) {
      if (!(std::isfinite(tier.start) && tier.start >= last && std::isfinite(tier.gain))) {
        inconsistent("tiers", "must be finite, their starts >= 0 and not decreasing");
      }
      last = tier.start;
    }
  }
}

void check_level(const Level& level, bool lowest, std::size_t parents, std::size_t sets) {
  const std::size_t nodes = level.parent.size();
  if (level.folds.size() != sets * nodes) {
    inconsistent("levels", "need one fold a node, in as many sets as the other levels have");
  }
  if (!nested(level.parent, parents)) {
    inconsistent("levels", "parents must exist and not decrease");
  }
  for (std::size_t k = 0; k < level.folds.size(); ++k) {
    const Fold &fold = level.folds[k], &first = level.folds[k % nodes];
    check_fold(fold);
    if (!lowest && fold.biased) inconsistent("levels", "only the first level may be biased");
    if (fold.biased != first.biased || fold.anchored != first.anchored) {
      inconsistent("levels", "a node is biased and anchored in all sets of folds, or in none");
    }
  }
  check_tiers(level);
}

void check_tree(const Tree& tree, const Program& p) {
  if (tree.leaf.size() != p.rows.size()) inconsistent("leaf", "needs one entry a row");
  if (tree.levels.size() > kernel::max_levels) inconsistent("levels", "at most 16 are supported");
  const std::size_t groups = groups_of(tree, p);
  const std::size_t leaves = tree.levels.empty() ? groups : tree.levels.front().parent.size();
  for (const std::int32_t node : tree.leaf) {
    if (node < -1 || (node >= 0 && static_cast<std::size_t>(node) >= leaves)) {
      inconsistent("leaf", "must be a node of the first level, or -1");
    }
  }
  for (std::size_t l = 0; l < tree.levels.size(); ++l) {
    const bool last = l + 1 == tree.levels.size();
    check_level(tree.levels[l], l == 0, last ? groups : tree.levels[l + 1].parent.size(),
                fold_sets(tree));
  }
  if (tree.group_unit.size() != tree.groups.size() || !nested(tree.group_unit, p.units.size())) {
    inconsistent("group_unit", "needs one unit a group, not decreasing");
  }
}

void check_columns(const Block& block, const std::string& part, const Program& p) {
  if (block.scenarios()) {
    const auto first = static_cast<std::size_t>(block.first);
    if (block.first < 0 || first + block.weight.size() > p.scenarios.labels.size()) {
      inconsistent(part, "takes scenarios that there are not");
    }
    if (!block.attribute.empty()) inconsistent(part, "has scenarios or attributes, not both");
    if (block.measure != Measure::one) inconsistent(part, "measures attributes, and has none");
    if (block.reduction == Reduction::each && block.columns.size() != block.weight.size()) {
      inconsistent(part, "needs one column a scenario");
    }
  } else if (block.first != 0) {
    inconsistent(part, "has no scenarios, and so none that is the first");
  } else if (block.columns.empty()) {
    inconsistent(part, "needs weights of scenarios, or columns of attributes");
  } else if (block.attribute.size() != p.rows.size() * block.columns.size()) {
    inconsistent(part, "its attributes must be (rows, columns)");
  }
  if (!block.factor.empty() && block.factor.size() != block.width()) {
    inconsistent(part, "needs one factor a column");
  }
  for (const auto* numbers : {&block.weight, &block.attribute, &block.factor}) {
    if (!std::all_of(numbers->begin(), numbers->end(), [](double x) { return std::isfinite(x); })) {
      inconsistent(part, "weights, factors and attributes must be finite");
    }
  }
}

// Folds that take the worst of all columns need them side by side.
void check_worst(const Block& block, const Tree& tree, const std::string& part) {
  for (const Level& level : tree.levels) {
    const auto worst = [](const Fold& f) { return f.worst; };
    if (std::none_of(level.folds.begin(), level.folds.end(), worst)) continue;
    const bool one = std::all_of(block.fold_set.begin(), block.fold_set.end(),
                                 [&](std::int32_t set) { return set == block.fold_set.front(); });
    if (block.width() > most_worst || !one || !level.tiers.empty()) {
      inconsistent(part, "has too many columns, sets or tiers for a fold that takes the worst");
    }
  }
}

void check_block(const Block& block, const Program& p) {
  const std::string part = "block '" + block.name + "'";
  if (block.reduction > Reduction::each) inconsistent(part, "unknown reduction");
  if (block.measure > Measure::notional) inconsistent(part, "unknown measure");
  if (block.tree < 0 || static_cast<std::size_t>(block.tree) >= p.trees.size()) {
    inconsistent(part, "names a tree that there is not");
  }
  check_columns(block, part, p);
  if (!block.fold_set.empty() && block.fold_set.size() != block.width()) {
    inconsistent(part, "needs one set of folds a column");
  }
  const Tree& tree = p.trees[static_cast<std::size_t>(block.tree)];
  const std::size_t sets = fold_sets(tree);
  check_worst(block, tree, part);
  if (block.gross && block.scenarios()) inconsistent(part, "counts gross, and has scenarios");
  const bool folds = tree.levels.empty() || has_nodes(tree);  // else a set has nothing to hold
  for (const std::int32_t set : block.fold_set) {
    if (set < 0 || (folds && static_cast<std::size_t>(set) >= sets)) {
      inconsistent(part, "names a set of folds that the levels do not have");
    }
  }
}

// One unit a row, whatever the tree.
void check_units(const Program& p) {
  std::vector<std::int32_t> unit(p.rows.size(), -1);
  for (const Tree& tree : p.trees) {
    const std::vector<std::int32_t> found = detail::units_of_rows(tree);
    for (std::size_t row = 0; row < found.size(); ++row) {
      if (found[row] < 0) continue;
      if (unit[row] >= 0 && unit[row] != found[row]) {
        inconsistent("trees", "must lead row " + std::to_string(row) + " to one unit");
      }
      unit[row] = found[row];
    }
  }
}

void check_steps(const std::vector<Step>& steps, const char* part, std::size_t registers) {
  const auto known = [registers](std::int32_t r) {
    return r >= 0 && static_cast<std::size_t>(r) < registers;
  };
  for (const Step& step : steps) {
    if (!known(step.target) || !known(step.left) || !known(step.right) ||
        step.operation > Operation::divide) {
      inconsistent(part, "must name registers that exist and a known operation");
    }
  }
}

// Results and sums are put where the registers begin as 0.
bool begins_as_zero(const double* registers, std::size_t count) {
  return std::all_of(registers, registers + count, [](double x) { return x == 0.0; });
}

void check_beginnings(const Program& p) {
  const std::size_t results = p.first_register(p.blocks.size());
  bool zero = begins_as_zero(p.registers.data(), p.summed());
  for (std::size_t at = 0; at < p.unit_registers.size(); at += p.unit_width()) {
    zero = zero && begins_as_zero(p.unit_registers.data() + at, results);
  }
  for (const std::int32_t to : p.lift_to) {
    zero = zero && (to < 0 || begins_as_zero(p.registers.data() + to, p.lifted.size()));
  }
  if (!zero) inconsistent("registers", "must be 0 where results and sums will stand");
}

// What is lifted stands behind the sums, in registers that exist.
void check_lifted(const Program& p) {
  if (!p.lift_to.empty() && (p.unit_registers.empty() || p.lift_to.size() != p.units.size())) {
    inconsistent("lift_to", "needs one place a unit, and registers of units");
  }
  if (p.lift_to.empty() != p.lifted.empty()) inconsistent("lifted", "needs places, and they it");
  for (const std::int32_t r : p.lifted) {
    if (r < 0 || static_cast<std::size_t>(r) >= p.unit_width()) {
      inconsistent("lifted", "must name registers of units that exist");
    }
  }
  for (const std::int32_t to : p.lift_to) {
    if (to < -1) inconsistent("lift_to", "must be -1 or a register of the line");
    if (to < 0) continue;
    const auto first = static_cast<std::size_t>(to);
    if (first < p.summed() || first + p.lifted.size() > p.registers.size()) {
      inconsistent("lift_to", "must lie behind the sums, in registers that exist");
    }
  }
}

void check_registers(const Program& p) {
  const std::size_t results = p.first_register(p.blocks.size());
  if (p.unit_registers.empty()) {
    if (!p.unit_steps.empty() || !p.sums.empty()) {
      inconsistent("unit_registers", "are needed by what is worked out per unit");
    }
  } else if (p.units.empty() || p.unit_registers.size() % p.units.size() != 0 ||
             p.unit_width() < results) {
    inconsistent("unit_registers", "must hold the results of all blocks, of every unit");
  }
  check_steps(p.unit_steps, "unit_steps", p.unit_width());
  for (const std::int32_t r : p.sums) {
    if (r < 0 || static_cast<std::size_t>(r) >= p.unit_width()) {
      inconsistent("sums", "must name registers of units that exist");
    }
  }
  if (p.registers.size() < p.summed()) {
    inconsistent("registers", "must hold the results of all blocks, or the sums over units");
  }
  for (const auto* numbers : {&p.registers, &p.unit_registers}) {
    if (!std::all_of(numbers->begin(), numbers->end(), [](double x) { return std::isfinite(x); })) {
      inconsistent("registers", "must be finite");
    }
  }
  check_lifted(p);
  check_beginnings(p);
  check_steps(p.steps, "steps", p.registers.size());
  if (p.outputs.size() != p.output_register.size()) {
    inconsistent("outputs", "need one register each");
  }
  for (const std::int32_t r : p.output_register) {
    if (r < 0 || static_cast<std::size_t>(r) >= p.registers.size()) {
      inconsistent("outputs", "must name registers that exist");
    }
  }
}

void check_scenarios(const Scenarios& s) {
  const std::size_t cells = s.factors.size() * s.labels.size();
  for (const auto* matrix :
       {&s.price_scale, &s.price_shift, &s.vol_scale, &s.vol_shift, &s.vol_floor, &s.rate_shift}) {
    const bool absent = matrix == &s.rate_shift && matrix->empty();
    if (!absent && matrix->size() != cells) {
      inconsistent("scenarios", "must be (factors, scenarios)");
    }
    if (!std::all_of(matrix->begin(), matrix->end(), [](double x) { return std::isfinite(x); })) {
      inconsistent("scenarios", "must be finite");
    }
  }
  if (!s.horizon.empty() && s.horizon.size() != s.labels.size()) {
    inconsistent("scenarios", "need one horizon each, or none");
  }
  if (!std::all_of(s.horizon.begin(), s.horizon.end(),
                   [](double x) { return std::isfinite(x) && x >= 0; })) {
    inconsistent("scenarios", "horizons must be finite and >= 0");
  }
}

}  // namespace

std::size_t Program::first_register(std::size_t block) const {
  std::size_t next = 0;
  for (std::size_t b = 0; b < block; ++b) {
    next += blocks[b].reduction == Reduction::worst ? 1 : blocks[b].columns.size();
  }
  return next;
}

std::size_t Program::unit_width() const {
  return unit_registers.empty() ? first_register(blocks.size())
                                : unit_registers.size() / std::max<std::size_t>(units.size(), 1);
}

std::size_t Program::summed() const {
  return unit_registers.empty() ? first_register(blocks.size()) : sums.size();
}

void Program::check() const {
  if (lot.size() != rows.size()) inconsistent("lot", "needs one entry a row");
  for (const double size : lot) {
    if (!(std::isfinite(size) && size > 0)) inconsistent("lot", "must be finite and > 0");
  }
  if (trees.empty()) inconsistent("trees", "needs one or more");
  for (const Tree& tree : trees) check_tree(tree, *this);
  check_units(*this);
  if (pools.empty()) inconsistent("pools", "must name one pool or more");
  if (unit_pool.size() != units.size() || !nested(unit_pool, pools.size())) {
    inconsistent("unit_pool", "needs one pool a unit, not decreasing");
  }
  for (const Block& block : blocks) check_block(block, *this);
  check_registers(*this);
  check_scenarios(scenarios);
}

std::size_t Program::row(const std::string& wanted) const { return index_of("row", rows, wanted); }
std::size_t Program::factor(const std::string& wanted) const {
  return index_of("factor", scenarios.factors, wanted);
}
std::size_t Program::output(const std::string& wanted) const {
  return index_of("output", outputs, wanted);
}

}  // namespace riskslide
