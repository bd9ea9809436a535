// Decides the order in which a book's rows meet the netting tree; see plan.hpp.
#include "plan.hpp"

#include <algorithm>

#include "threads.hpp"

namespace riskslide::detail {
namespace {

using kernel::leaf_of;
using kernel::Run;

// Group above every leaf.
std::vector<std::int32_t> groups_of_leaves(const Tree& tree) {
  std::size_t leaves = tree.levels.empty() ? 0 : tree.levels.front().parent.size();
  if (tree.levels.empty()) {
    for (const std::int32_t leaf : tree.leaf) {
      leaves = std::max(leaves, static_cast<std::size_t>(leaf + 1));
    }
  }
  std::vector<std::int32_t> group(leaves);
  for (std::size_t leaf = 0; leaf < leaves; ++leaf) {
    auto node = static_cast<std::int32_t>(leaf);
    for (const Level& level : tree.levels) node = level.parent[static_cast<std::size_t>(node)];
    group[leaf] = node;
  }
  return group;
}

constexpr std::int32_t longest = INT32_MAX;

// What the leaves have in common whose positions one run may hold: their parent, or nothing but the
// leaf itself where it is biased or is the unit.
std::vector<std::int32_t> families_of_leaves(const Tree& tree, std::size_t leaves) {
  std::vector<std::int32_t> family(leaves);
  for (std::size_t leaf = 0; leaf < leaves; ++leaf) {
    const bool alone = tree.levels.empty() || tree.levels.front().folds[leaf].biased;
    family[leaf] = alone ? -1 - static_cast<std::int32_t>(leaf) : tree.levels.front().parent[leaf];
  }
  return family;
}

// Maximal stretches of equal leaf in [begin, end) of `row`; cash runs carry -1 - leaf.
void append_runs(const std::vector<std::int32_t>& leaf, std::span<const std::int32_t> row,
                 std::int64_t begin, std::int64_t end, bool cash, std::vector<Run>& runs) {
  const auto leaf_at = [&](std::int64_t i) {
    return leaf[static_cast<std::size_t>(row[static_cast<std::size_t>(i)])];
  };
  for (std::int64_t i = begin; i < end;) {
    const std::int32_t node = leaf_at(i);
    std::int64_t next = i + 1;
    while (next < end && leaf_at(next) == node) ++next;
    if (node < 0) i = next;
    for (; i < next; i += std::min<std::int64_t>(next - i, longest)) {
      const auto count = static_cast<std::int32_t>(std::min<std::int64_t>(next - i, longest));
      runs.push_back({.begin = i, .count = count, .leaf = cash ? -1 - node : node});
    }
  }
}

// Maximal stretches of positions whose leaves do not decrease within one family; marks in `starts`
// where a leaf begins. Which leaf follows is too uneven for a branch to foresee.
void append_stretches(const std::vector<std::int32_t>& leaf,
                      const std::vector<std::int32_t>& family, std::span<const std::int32_t> row,
                      std::int64_t begin, std::int64_t end, std::uint8_t* starts,
                      std::vector<Run>& runs) {
  const auto leaf_at = [&](std::int64_t i) {
    return leaf[static_cast<std::size_t>(row[static_cast<std::size_t>(i)])];
  };
  for (std::int64_t i = begin; i < end;) {
    const std::int32_t first = leaf_at(i);
    if (first < 0) {
      ++i;
      continue;
    }
    const std::int32_t of = family[static_cast<std::size_t>(first)];
    const std::int64_t limit = std::min<std::int64_t>(end, i + longest);
    std::int32_t last = first;
    std::int64_t next = i + 1;
    for (; next < limit; ++next) {
      const std::int32_t node = leaf_at(next);
      if (node < last || family[static_cast<std::size_t>(node)] != of) break;
      starts[next] = node != last ? 1 : 0;
      last = node;
    }
    runs.push_back({.begin = i,
                    .count = static_cast<std::int32_t>(next - i),
                    .leaf = first,
                    .beyond = last - first});
    i = next;
  }
}

// In the order of the tree, in one leaf those of positions first, as they lie. False where runs of
// several leaves do not allow it.
bool sort_runs(std::vector<Run>& runs) {
  const auto before = [](const Run& a, const Run& b) { return leaf_of(a) < leaf_of(b); };
  constexpr std::size_t few = 32;  // up to which insertion costs less than a buffer
  if (runs.size() > few) {
    std::stable_sort(runs.begin(), runs.end(), before);
  } else {
    for (auto next = runs.begin(); next != runs.end(); ++next) {
      std::rotate(std::upper_bound(runs.begin(), next, *next, before), next, next + 1);
    }
  }
  for (std::size_t k = 1; k < runs.size(); ++k) {
    const Run &run = runs[k - 1], &next = runs[k];
    const std::int32_t last = leaf_of(run) + run.beyond;
    if (last > leaf_of(next)) return false;
    if (last == leaf_of(next) && next.leaf >= 0 && next.begin < run.begin) return false;
  }
  return true;
}

// What a tree says of its leaves and rows.
struct Shape {
  const Tree& tree;
  std::vector<std::int32_t> group_of_leaf;
  std::vector<std::int32_t> family;

  explicit Shape(const Tree& of)
      : tree(of),
        group_of_leaf(groups_of_leaves(of)),
        family(families_of_leaves(of, group_of_leaf.size())) {}

  [[nodiscard]] std::int32_t unit(std::int32_t group) const {
    return tree.groups.empty() ? group : tree.group_unit[static_cast<std::size_t>(group)];
  }
};

// A book, and what is planned of it.
struct Book {
  const PositionsView& positions;
  const CashView& cash;
};

// The units that an account's rows lead to, in order.
void units_of_account(const std::vector<std::int32_t>& unit_of_row, const Book& book,
                      std::size_t account, std::vector<std::int32_t>& units) {
  units.clear();
  const auto add = [&](const auto& rows) {
    for (auto i = static_cast<std::size_t>(rows.offsets[account]);
         i < static_cast<std::size_t>(rows.offsets[account + 1]); ++i) {
      const std::int32_t unit = unit_of_row[static_cast<std::size_t>(rows.instrument[i])];
      if (unit >= 0 && (units.empty() || units.back() != unit)) units.push_back(unit);
    }
  };
  add(book.positions);
  add(book.cash);
  std::sort(units.begin(), units.end());
  units.erase(std::unique(units.begin(), units.end()), units.end());
}

// Appends the lines of one account.
void line_up(const Program& program, std::size_t account, const std::vector<std::int32_t>& units,
             Lines& lines) {
  std::int32_t last_pool = -1;
  const auto open_line = [&](std::int32_t pool) {
    lines.account.push_back(static_cast<std::int64_t>(account));
    lines.pool.push_back(pool);
    lines.units.push_back(static_cast<std::int64_t>(lines.unit.size()));
    last_pool = pool;
  };
  for (const std::int32_t unit : units) {
    const std::int32_t pool = program.unit_pool[static_cast<std::size_t>(unit)];
    if (pool != last_pool) open_line(pool);
    lines.unit.push_back(unit);
  }
  if (units.empty()) open_line(0);
}

// Appends one account to the plan of a tree; its units stand from `first_unit` on.
void plan_account(const Shape& shape, const Book& book, std::size_t account,
                  const std::vector<std::int32_t>& units, std::int64_t first_unit,
                  std::vector<Run>& scratch, std::uint8_t* starts, Plan& plan) {
  const std::int64_t begin = book.positions.offsets[account],
                     end = book.positions.offsets[account + 1];
  const auto append_cash = [&] {
    append_runs(shape.tree.leaf, book.cash.instrument, book.cash.offsets[account],
                book.cash.offsets[account + 1], true, scratch);
  };
  scratch.clear();
  append_stretches(shape.tree.leaf, shape.family, book.positions.instrument, begin, end, starts,
                   scratch);
  append_cash();
  if (!sort_runs(scratch)) {  // then leaf by leaf
    scratch.clear();
    append_runs(shape.tree.leaf, book.positions.instrument, begin, end, false, scratch);
    append_cash();
    sort_runs(scratch);
  }
  std::int32_t last_group = -1;
  std::size_t at = 0;
  for (const Run& run : scratch) {
    const std::int32_t group = shape.group_of_leaf[static_cast<std::size_t>(leaf_of(run))];
    if (group != last_group) {
      while (units[at] != shape.unit(group)) ++at;
      plan.group.push_back(group);
      plan.group_runs.push_back(static_cast<std::int64_t>(plan.runs.size()));
      plan.group_unit.push_back(first_unit + static_cast<std::int64_t>(at));
      last_group = group;
    }
    plan.runs.push_back(run);
  }
}

std::vector<std::int32_t> units_of_all_rows(const Program& program) {
  std::vector<std::int32_t> unit(program.rows.size(), -1);
  for (const Tree& tree : program.trees) {
    const std::vector<std::int32_t> found = units_of_rows(tree);
    for (std::size_t row = 0; row < unit.size(); ++row) unit[row] = std::max(unit[row], found[row]);
  }
  return unit;
}

// Plans of a stretch of accounts, whose places are counted from its own beginning.
struct Piece {
  Lines lines;
  std::vector<Plan> trees;
};

template <class Column>
void append(Column& to, const Column& from) {
  to.insert(to.end(), from.begin(), from.end());
}

// Puts the pieces behind each other.
void join(std::vector<Piece>& pieces, Plans& whole) {
  for (Piece& piece : pieces) {
    const auto units = static_cast<std::int64_t>(whole.lines.unit.size());
    for (std::int64_t& start : piece.lines.units) start += units;
    append(whole.lines.unit, piece.lines.unit);
    append(whole.lines.units, piece.lines.units);
    append(whole.lines.account, piece.lines.account);
    append(whole.lines.pool, piece.lines.pool);
    for (std::size_t t = 0; t < piece.trees.size(); ++t) {
      Plan &from = piece.trees[t], &to = whole.trees[t];
      const auto runs = static_cast<std::int64_t>(to.runs.size());
      for (std::int64_t& start : from.group_runs) start += runs;
      for (std::int64_t& place : from.group_unit) place += units;
      append(to.runs, from.runs);
      append(to.group_runs, from.group_runs);
      append(to.group, from.group);
      append(to.group_unit, from.group_unit);
    }
    piece = Piece();
  }
  for (Plan& plan : whole.trees) {
    plan.group_runs.push_back(static_cast<std::int64_t>(plan.runs.size()));
  }
  whole.lines.units.push_back(static_cast<std::int64_t>(whole.lines.unit.size()));
}

}  // namespace

std::vector<std::int32_t> units_of_rows(const Tree& tree) {
  const std::vector<std::int32_t> group = groups_of_leaves(tree);
  std::vector<std::int32_t> unit(tree.leaf.size(), -1);
  for (std::size_t row = 0; row < unit.size(); ++row) {
    if (tree.leaf[row] < 0) continue;
    unit[row] = group[static_cast<std::size_t>(tree.leaf[row])];
    if (!tree.groups.empty()) unit[row] = tree.group_unit[static_cast<std::size_t>(unit[row])];
  }
  return unit;
}

Plans make_plans(const Program& program, const PositionsView& positions, const CashView& cash,
                 int threads) {
  const std::vector<std::int32_t> unit_of_row = units_of_all_rows(program);
  const std::vector<Shape> shapes(program.trees.begin(), program.trees.end());
  const std::size_t accounts = positions.accounts();
  const std::size_t block = task_length(accounts, 2048);
  const std::size_t blocks = (accounts + block - 1) / block;
  std::vector<Piece> pieces(blocks);
  Plans whole;
  whole.trees.resize(shapes.size());
  for (Plan& plan : whole.trees) plan.starts.resize(positions.instrument.size());
  parallel_for(static_cast<std::int64_t>(blocks), threads, [&](std::int64_t b) {
    const Book book{positions, cash};
    std::vector<Run> scratch;
    std::vector<std::int32_t> units;
    Piece& piece = pieces[static_cast<std::size_t>(b)];
    piece.trees.resize(shapes.size());
    const std::size_t first = static_cast<std::size_t>(b) * block;
    const std::size_t last = std::min(accounts, first + block);
    const auto reserve = [&](auto&... columns) { (columns.reserve(last - first), ...); };
    reserve(piece.lines.unit, piece.lines.units, piece.lines.account, piece.lines.pool);
    for (Plan& plan : piece.trees) {
      reserve(plan.runs, plan.group, plan.group_runs, plan.group_unit);
    }
    for (std::size_t a = first; a < last; ++a) {
      units_of_account(unit_of_row, book, a, units);
      const auto first_unit = static_cast<std::int64_t>(piece.lines.unit.size());
      line_up(program, a, units, piece.lines);
      for (std::size_t t = 0; t < shapes.size(); ++t) {
        plan_account(shapes[t], book, a, units, first_unit, scratch, whole.trees[t].starts.data(),
                     piece.trees[t]);
      }
    }
  });
  join(pieces, whole);
  return whole;
}

}  // namespace riskslide::detail
