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

// What the leaves have in common whose positions one run may hold: their parent and whether they
// are biased, or nothing but the leaf itself where it is the unit.
std::vector<std::int32_t> families_of_leaves(const Tree& tree, std::size_t leaves) {
  std::vector<std::int32_t> family(leaves);
  for (std::size_t leaf = 0; leaf < leaves; ++leaf) {
    if (tree.levels.empty()) {
      family[leaf] = static_cast<std::int32_t>(leaf);
    } else {
      const Level& level = tree.levels.front();
      family[leaf] = level.folds[leaf].biased ? -1 - level.parent[leaf] : level.parent[leaf];
    }
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
    starts[i] = 0;
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
  if (runs.size() > few && !std::is_sorted(runs.begin(), runs.end(), before)) {
    std::stable_sort(runs.begin(), runs.end(), before);
  } else if (!std::is_sorted(runs.begin(), runs.end(), before)) {
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

// Appends one account to the plan of a tree: runs and groups, without the units of these.
void plan_account(const Shape& shape, const Book& book, std::size_t account,
                  std::vector<Run>& scratch, std::uint8_t* starts, Plan& plan) {
  const std::vector<std::int32_t>& leaf = shape.tree.leaf;
  const std::int64_t begin = book.positions.offsets[account],
                     end = book.positions.offsets[account + 1];
  const auto append_cash = [&] {
    append_runs(leaf, book.cash.instrument, book.cash.offsets[account],
                book.cash.offsets[account + 1], true, scratch);
  };
  scratch.clear();
  append_stretches(leaf, shape.family, book.positions.instrument, begin, end, starts, scratch);
  append_cash();
  if (!sort_runs(scratch)) {  // then leaf by leaf
    scratch.clear();
    append_runs(leaf, book.positions.instrument, begin, end, false, scratch);
    append_cash();
    sort_runs(scratch);
  }
  std::int32_t last_group = -1;
  for (const Run& run : scratch) {
    const std::int32_t group = shape.group_of_leaf[static_cast<std::size_t>(leaf_of(run))];
    if (group != last_group) {
      plan.group.push_back(group);
      plan.group_runs.push_back(static_cast<std::int64_t>(plan.runs.size()));
      last_group = group;
    }
    plan.runs.push_back(run);
  }
}

// Plans of a stretch of accounts, whose places are counted from its own beginning.
struct Piece {
  Lines lines;
  std::vector<Plan> trees;
};

// Plans accounts one after the other.
class Planner {
 public:
  Planner(const Program& program, const std::vector<Shape>& shapes, const Book& book,
          const std::vector<Plan>& whole, std::size_t accounts, Piece& piece)
      : program_(program),
        shapes_(shapes),
        book_(book),
        whole_(whole),
        piece_(piece),
        of_units_(shapes.size() == 1 && shapes.front().tree.groups.empty()) {
    const auto reserve = [accounts](auto&... columns) { (columns.reserve(accounts), ...); };
    Lines& lines = piece.lines;
    reserve(lines.unit, lines.units, lines.account, lines.pool);
    piece.trees.resize(shapes.size());
    begins_.resize(shapes.size());
    for (Plan& plan : piece.trees) {
      reserve(plan.runs, plan.group_runs);
      if (!of_units_) reserve(plan.group, plan.group_unit);
    }
  }

  void add(std::size_t account) {
    units_.clear();
    for (std::size_t t = 0; t < shapes_.size(); ++t) {
      Plan& plan = piece_.trees[t];
      begins_[t] = plan.group.size();
      plan_account(shapes_[t], book_, account, runs_, whole_[t].starts.get(), plan);
      for (std::size_t g = begins_[t]; g < plan.group.size(); ++g) {
        const std::int32_t unit = shapes_[t].unit(plan.group[g]);
        if (units_.empty() || units_.back() != unit) units_.push_back(unit);
      }
    }
    if (shapes_.size() > 1) {
      std::sort(units_.begin(), units_.end());
      units_.erase(std::unique(units_.begin(), units_.end()), units_.end());
    }
    place_groups();
    line_up(program_, account, units_, piece_.lines);
  }

 private:
  // The units of the account's groups, whose places begin behind those of the accounts before.
  void place_groups() {
    if (of_units_) {
      piece_.trees.front().group.clear();
      return;
    }
    const std::size_t first = piece_.lines.unit.size();
    for (std::size_t t = 0; t < shapes_.size(); ++t) {
      Plan& plan = piece_.trees[t];
      std::size_t at = 0;
      for (std::size_t g = begins_[t]; g < plan.group.size(); ++g) {
        while (units_[at] != shapes_[t].unit(plan.group[g])) ++at;
        plan.group_unit.push_back(static_cast<std::int64_t>(first + at));
      }
    }
  }

  const Program& program_;
  const std::vector<Shape>& shapes_;
  Book book_;
  const std::vector<Plan>& whole_;
  Piece& piece_;
  bool of_units_;  // groups are units, and kept as these
  std::vector<Run> runs_;
  std::vector<std::int32_t> units_;
  std::vector<std::size_t> begins_;  // by tree: the account's first group
};

// Puts one column of all pieces behind each other.
template <class Column, class Of>
void join(std::vector<Piece>& pieces, Column& to, const Of& of) {
  std::size_t size = 1;  // what ends the offsets
  for (Piece& piece : pieces) size += of(piece).size();
  to.reserve(size);
  for (Piece& piece : pieces) {
    const Column& from = of(piece);
    to.insert(to.end(), from.begin(), from.end());
  }
}

// Counts the places of every piece from the beginning of the first.
void number(std::vector<Piece>& pieces) {
  std::int64_t units = 0;
  std::vector<std::int64_t> runs(pieces.empty() ? 0 : pieces.front().trees.size(), 0);
  for (Piece& piece : pieces) {
    for (std::int64_t& start : piece.lines.units) start += units;
    for (std::size_t t = 0; t < runs.size(); ++t) {
      for (std::int64_t& start : piece.trees[t].group_runs) start += runs[t];
      for (std::int64_t& place : piece.trees[t].group_unit) place += units;
      runs[t] += static_cast<std::int64_t>(piece.trees[t].runs.size());
    }
    units += static_cast<std::int64_t>(piece.lines.unit.size());
  }
}

void join(std::vector<Piece>& pieces, Plans& whole) {
  number(pieces);
  Lines& lines = whole.lines;
  join(pieces, lines.unit, [](Piece& piece) -> auto& { return piece.lines.unit; });
  join(pieces, lines.units, [](Piece& piece) -> auto& { return piece.lines.units; });
  join(pieces, lines.account, [](Piece& piece) -> auto& { return piece.lines.account; });
  join(pieces, lines.pool, [](Piece& piece) -> auto& { return piece.lines.pool; });
  lines.units.push_back(static_cast<std::int64_t>(lines.unit.size()));
  for (std::size_t t = 0; t < whole.trees.size(); ++t) {
    Plan& plan = whole.trees[t];
    join(pieces, plan.runs, [t](Piece& piece) -> auto& { return piece.trees[t].runs; });
    join(pieces, plan.group_runs, [t](Piece& piece) -> auto& { return piece.trees[t].group_runs; });
    join(pieces, plan.group, [t](Piece& piece) -> auto& { return piece.trees[t].group; });
    join(pieces, plan.group_unit, [t](Piece& piece) -> auto& { return piece.trees[t].group_unit; });
    plan.group_runs.push_back(static_cast<std::int64_t>(plan.runs.size()));
  }
}

// Whether the groups of a tree are units, and as many as there are: then they lie as these do.
bool are_units(const Tree& tree, const Plan& plan, const Lines& lines) {
  return tree.groups.empty() && plan.groups() == lines.unit.size();
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
  const std::vector<Shape> shapes(program.trees.begin(), program.trees.end());
  const std::size_t accounts = positions.accounts();
  const std::size_t block = task_length(accounts, 2048);
  const std::size_t blocks = (accounts + block - 1) / block;
  std::vector<Piece> pieces(blocks);
  Plans whole;
  whole.trees.resize(shapes.size());
  for (Plan& plan : whole.trees) {
    plan.starts = std::make_unique_for_overwrite<std::uint8_t[]>(positions.instrument.size());
  }
  parallel_for(static_cast<std::int64_t>(blocks), threads, [&](std::int64_t b) {
    const std::size_t first = static_cast<std::size_t>(b) * block;
    const std::size_t last = std::min(accounts, first + block);
    Planner planner(program, shapes, {positions, cash}, whole.trees, last - first,
                    pieces[static_cast<std::size_t>(b)]);
    for (std::size_t account = first; account < last; ++account) planner.add(account);
  });
  join(pieces, whole);
  for (std::size_t t = 0; t < shapes.size(); ++t) {
    whole.trees[t].of_units = are_units(shapes[t].tree, whole.trees[t], whole.lines);
  }
  return whole;
}

}  // namespace riskslide::detail
