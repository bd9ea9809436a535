// Decides what a compiled rule book is: data, no code and no pointers, that one evaluator folds.
#pragma once

#include <cstdint>
#include <limits>
#include <string>
#include <vector>

#include "riskslide/types.hpp"
#include "riskslide/value/revalue.hpp"

namespace riskslide {

/// What a netting node does to the summed change x of its rows, per scenario, with b its base value
/// (0 if not biased):
///   z = x + b, drawn towards zero by deadband;  f(z) = z >= 0 ? min(gain * z, cap) : loss * z
///   passed to the parent: y = scale * (f(x + b) - (anchored ? f(b) : b)), or -|y| if against;
/// if worst, the most negative y of all columns, or 0, in the first column, and nothing in the rest
struct Fold {
  double gain = 1.0;
  double loss = 1.0;
  double scale = 1.0;
  double deadband = 0.0;
  double cap = std::numeric_limits<double>::infinity();
  bool biased = false;
  bool anchored = false;
  bool against = false;
  bool worst = false;

  [[nodiscard]] bool identity() const noexcept {
    return gain == 1.0 && loss == 1.0 && scale == 1.0 && deadband == 0.0 &&
           cap == std::numeric_limits<double>::infinity() && !against && !worst;
  }
};

/// From `start` on, what a node passes of a gain grows by `gain` for each unit instead.
struct Tier {
  double start = 0.0;
  double gain = 0.0;
};

/// One level of a netting tree: node n folds into node `parent[n]` of the next level. Parents do
/// not decrease, so that every subtree is a run of leaves. `folds` holds one or several sets, row
/// by row: (sets, nodes). A column folds by the set that its block names. `tiers` is empty or holds
/// those of every node, whatever the set: the gain of the fold counts up to the first start.
struct Level {
  std::vector<std::int32_t> parent;
  std::vector<Fold> folds;
  // NOLINTNEXTLINE(readability-redundant-member-init): may be left out without a warning
  std::vector<std::vector<Tier>> tiers = {};

  [[nodiscard]] std::size_t sets() const noexcept {
    return parent.empty() ? 1 : folds.size() / parent.size();
  }
};

/// A netting tree: R leaves (-1: the row is not in it), leaf -> ... -> group, and the unit of each
/// group, not decreasing. Without `groups` they are the units themselves. A row has one unit in all
/// the trees that it stands in.
struct Tree {
  std::vector<std::int32_t> leaf;
  std::vector<Level> levels;
  std::vector<std::string> groups;
  std::vector<std::int32_t> group_unit;
};

enum class Reduction : std::uint8_t {
  worst = 0,  ///< loss >= 0 of the worst column of each group, summed over the groups of a unit
  each = 1,   ///< every column, summed over the groups of a unit
};

/// What an attribute counts: itself, or so much of the row's value, cash delta or notional
/// (CubeView).
enum class Measure : std::uint8_t { one = 0, value = 1, delta = 2, notional = 3 };

/// Columns that run through a tree. With `weight` they are as many scenarios of the cube, from
/// `first` on, and `attribute` is empty; without, `attribute` is row-major (rows, columns), times
/// the row's `measure`. `weight` multiplies what goes into the tree, `factor` (empty: 1) the sum of
/// a group. `fold_set` names the set of folds of every column; empty: the first. `gross`: what
/// counts is the size of each row, |quantity| times |attribute|. A tree with a `worst` fold takes
/// blocks of up to `most_worst` columns of one set.
struct Block {
  std::string name;
  Reduction reduction = Reduction::worst;
  std::vector<std::string> columns;
  std::vector<double> weight;
  std::vector<double> attribute;
  Measure measure = Measure::one;
  std::vector<std::int32_t> fold_set;
  // NOLINTNEXTLINE(readability-redundant-member-init): may be left out without a warning
  std::vector<double> factor = {};
  std::int32_t first = 0;
  std::int32_t tree = 0;
  bool gross = false;

  [[nodiscard]] bool scenarios() const noexcept { return !weight.empty(); }
  [[nodiscard]] std::size_t width() const noexcept {
    return scenarios() ? weight.size() : columns.size();
  }
};

inline constexpr std::size_t most_worst = 16;

/// greater: 1 where left > right, else 0; divide: 0 where right is 0.
enum class Operation : std::uint8_t {
  add = 0,
  subtract,
  multiply,
  minimum,
  maximum,
  greater,
  divide
};

/// register[target] = register[left] (operation) register[right]
struct Step {
  Operation operation;
  std::int32_t target;
  std::int32_t left;
  std::int32_t right;
};

/// Shocks of the risk factors, row-major (factors, scenarios); see revalue.hpp.
struct Scenarios {
  std::vector<std::string> labels;   // one a scenario
  std::vector<std::string> factors;  // one a risk factor
  std::vector<double> price_scale, price_shift, vol_scale, vol_shift, vol_floor;
  std::vector<double> horizon;     // (scenarios) years that pass, or empty
  std::vector<double> rate_shift;  // (factors, scenarios), or empty

  /// What `revalue` takes; it points into this.
  [[nodiscard]] ShockColumns columns() const noexcept {
    return {factors.size(), labels.size(), price_scale, price_shift, vol_scale,
            vol_shift,      vol_floor,     horizon,     rate_shift};
  }
};

/// A compiled rule book for R rows (instruments, then balances, then unrealised P&L by currency).
/// as_of, coin_at_index and option_over_index bind who fills the rows; the evaluator reads none.
struct Program {
  std::string name;
  std::string rulebook_sha256;          // hash of the rule book it was compiled from
  std::int64_t as_of = 0;               // UTC nanoseconds its days count from; 0: it counts none
  bool coin_at_index = false;           // no scenario moves a rate of exchange: fx_factor is -1
  bool option_over_index = false;       // coin options: multiplier times price over index
  std::vector<std::string> rows;        // R names, for evidence
  std::vector<double> lot;              // R: contract units of one lot
  std::vector<Tree> trees;              // one or more
  std::vector<std::string> units;       // U names
  std::vector<std::int32_t> unit_pool;  // U: pool of each unit, not decreasing
  std::vector<std::string> pools;       // names
  std::vector<Block> blocks;
  // Per unit: registers begin as the results of the blocks (0 here), constants, ...; after the
  // steps those that `sums` names are added up over the units of a line. Empty: all results are.
  std::vector<double> unit_registers;  // (U, registers of a unit) row-major
  std::vector<Step> unit_steps;
  std::vector<std::int32_t> sums;
  // What a line sees of single units: the registers that `lifted` names, put one after the other
  // where `lift_to` (U) says, -1: nowhere. Both are empty where a line sees sums alone.
  std::vector<std::int32_t> lifted;
  std::vector<std::int32_t> lift_to;
  std::vector<double> registers;  // per line: the sums and what is lifted (0 here), constants, ...
  std::vector<Step> steps;
  std::vector<std::string> outputs;  // names
  std::vector<std::int32_t> output_register;
  Scenarios scenarios;

  /// @throws InputError E_PROGRAM naming the part that is inconsistent.
  void check() const;
  /// First register of block b: `worst` fills one register, `each` one a column.
  [[nodiscard]] std::size_t first_register(std::size_t block) const;
  /// Registers of a unit: those of the blocks where nothing is worked out per unit.
  [[nodiscard]] std::size_t unit_width() const;
  /// Registers of a line that are sums over its units.
  [[nodiscard]] std::size_t summed() const;

  /// Index of a row, a risk factor or an output by its name.
  /// @throws InputError E_UNKNOWN.
  [[nodiscard]] std::size_t row(const std::string& wanted) const;
  [[nodiscard]] std::size_t factor(const std::string& wanted) const;
  [[nodiscard]] std::size_t output(const std::string& wanted) const;

  /// Canonical bytes: equal programs give equal bytes. Little-endian, with a checksum.
  [[nodiscard]] std::string to_bytes() const;
  /// @throws InputError E_PROGRAM for bytes that are truncated, damaged or of another version.
  static Program from_bytes(const std::string& bytes);
  void save(const std::string& path) const;
  static Program load(const std::string& path);
};

}  // namespace riskslide
