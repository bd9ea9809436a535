// Decides the order in which a book's rows meet the netting tree; see plan.hpp.
#include "plan.hpp"

#include <algorithm>

#include "threads.hpp"

namespace riskslide::detail {
namespace {

using kernel::leaf_of;
using kernel::Run;

// Unit above every leaf.
std::vector<std::int32_t> units_of_leaves(const Program& p) {
  const std::size_t leaves = p.levels.empty() ? p.units.size() : p.levels.front().parent.size();
  std::vector<std::int32_t> unit(leaves);
  for (std::size_t leaf = 0; leaf < leaves; ++leaf) {
    auto node = static_cast<std::int32_t>(leaf);
    for (const Level& level : p.levels) node = level.parent[static_cast<std::size_t>(node)];
    unit[leaf] = node;
  }
  return unit;
}

constexpr std::int32_t longest = INT32_MAX;

// What the leaves have in common whose positions one run may hold: their parent, or nothing but the
// leaf itself where it is biased or is the unit.
std::vector<std::int32_t> groups_of_leaves(const Program& p) {
  std::vector<std::int32_t> group(p.levels.empty() ? p.units.size()
                                                   : p.levels.front().parent.size());
  for (std::size_t leaf = 0; leaf < group.size(); ++leaf) {
    const bool alone = p.levels.empty() || p.levels.front().folds[leaf].biased;
    group[leaf] = alone ? -1 - static_cast<std::int32_t>(leaf) : p.levels.front().parent[leaf];
  }
  return group;
}

// Maximal stretches of equal leaf in [begin, end) of `row`; cash runs carry -1 - leaf.
void append_runs(const std::vector<std::int32_t>& leaf, std::span<const std::int32_t> row,
                 std::int64_t begin, std::int64_t end, bool cash, std::vector<Run>& runs) {
  for (std::int64_t i = begin; i < end;) {
    const std::int32_t node = leaf[static_cast<std::size_t>(row[static_cast<std::size_t>(i)])];
    std::int64_t next = i + 1;
    while (next < end &&
           leaf[static_cast<std::size_t>(row[static_cast<std::size_t>(next)])] == node) {
      ++next;
    }
    for (; i < next; i += std::min<std::int64_t>(next - i, longest)) {
      const auto count = static_cast<std::int32_t>(std::min<std::int64_t>(next - i, longest));
      runs.push_back({.begin = i, .count = count, .leaf = cash ? -1 - node : node});
    }
  }
}

// Maximal stretches of positions whose leaves do not decrease within one group; marks in `starts`
// where a leaf begins. Which leaf follows is too uneven for a branch to foresee.
void append_stretches(const std::vector<std::int32_t>& leaf, const std::vector<std::int32_t>& group,
                      std::span<const std::int32_t> row, std::int64_t begin, std::int64_t end,
                      std::uint8_t* starts, std::vector<Run>& runs) {
  for (std::int64_t i = begin; i < end;) {
    const std::int32_t first = leaf[static_cast<std::size_t>(row[static_cast<std::size_t>(i)])];
    const std::int32_t of = group[static_cast<std::size_t>(first)];
    const std::int64_t limit = std::min<std::int64_t>(end, i + longest);
    std::int32_t last = first;
    std::int64_t next = i + 1;
    for (; next < limit; ++next) {
      const std::int32_t node = leaf[static_cast<std::size_t>(row[static_cast<std::size_t>(next)])];
      if (node < last || group[static_cast<std::size_t>(node)] != of) break;
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

// Appends one account to the plan of its stretch of accounts.
void plan_account(const Program& program, const std::vector<std::int32_t>& unit_of_leaf,
                  const std::vector<std::int32_t>& group_of_leaf, const PositionsView& positions,
                  const CashView& cash, std::size_t account, std::vector<Run>& scratch,
                  std::uint8_t* starts, Plan& plan) {
  const std::int64_t begin = positions.offsets[account], end = positions.offsets[account + 1];
  const auto append_cash = [&] {
    append_runs(program.leaf, cash.instrument, cash.offsets[account], cash.offsets[account + 1],
                true, scratch);
  };
  scratch.clear();
  append_stretches(program.leaf, group_of_leaf, positions.instrument, begin, end, starts, scratch);
  append_cash();
  if (!sort_runs(scratch)) {  // then leaf by leaf
    scratch.clear();
    append_runs(program.leaf, positions.instrument, begin, end, false, scratch);
    append_cash();
    sort_runs(scratch);
  }
  std::int32_t last_unit = -1, last_pool = -1;
  const auto open_line = [&](std::int32_t pool) {
    plan.line_account.push_back(static_cast<std::int64_t>(account));
    plan.line_pool.push_back(pool);
    plan.line_units.push_back(static_cast<std::int64_t>(plan.unit.size()));
    last_pool = pool;
  };
  for (const Run& run : scratch) {
    const std::int32_t unit = unit_of_leaf[static_cast<std::size_t>(leaf_of(run))];
    const std::int32_t pool = program.unit_pool[static_cast<std::size_t>(unit)];
    if (pool != last_pool) open_line(pool);
    if (unit != last_unit) {
      plan.unit.push_back(unit);
      plan.unit_runs.push_back(static_cast<std::int64_t>(plan.runs.size()));
      last_unit = unit;
    }
    plan.runs.push_back(run);
  }
  if (scratch.empty()) open_line(0);
}

}  // namespace

Plan make_plan(const Program& program, const PositionsView& positions, const CashView& cash,
               int threads) {
  const std::vector<std::int32_t> unit_of_leaf = units_of_leaves(program);
  const std::vector<std::int32_t> group_of_leaf = groups_of_leaves(program);
  const std::size_t accounts = positions.accounts();
  const std::size_t block = task_length(accounts, 2048);
  const std::size_t blocks = (accounts + block - 1) / block;
  std::vector<Plan> pieces(blocks);
  Plan whole;
  whole.starts.resize(positions.instrument.size());
  parallel_for(static_cast<std::int64_t>(blocks), threads, [&](std::int64_t b) {
    std::vector<Run> scratch;
    Plan& piece = pieces[static_cast<std::size_t>(b)];
    const std::size_t first = static_cast<std::size_t>(b) * block;
    const std::size_t last = std::min(accounts, first + block);
    const auto reserve = [&](auto&... columns) { (columns.reserve(last - first), ...); };
    reserve(piece.unit, piece.unit_runs, piece.runs);  // an account has one line or more of each
    reserve(piece.line_units, piece.line_account, piece.line_pool);
    for (std::size_t a = first; a < last; ++a) {
      plan_account(program, unit_of_leaf, group_of_leaf, positions, cash, a, scratch,
                   whole.starts.data(), piece);
    }
  });
  for (Plan& piece : pieces) {
    const auto runs = static_cast<std::int64_t>(whole.runs.size());
    const auto units = static_cast<std::int64_t>(whole.unit.size());
    for (std::int64_t& start : piece.unit_runs) start += runs;
    for (std::int64_t& start : piece.line_units) start += units;
    const auto append = [](auto& to, const auto& from) {
      to.insert(to.end(), from.begin(), from.end());
    };
    append(whole.runs, piece.runs);
    append(whole.unit_runs, piece.unit_runs);
    append(whole.unit, piece.unit);
    append(whole.line_units, piece.line_units);
    append(whole.line_account, piece.line_account);
    append(whole.line_pool, piece.line_pool);
    piece = Plan();
  }
  whole.unit_runs.push_back(static_cast<std::int64_t>(whole.runs.size()));
  whole.line_units.push_back(static_cast<std::int64_t>(whole.unit.size()));
  return whole;
}

}  // namespace riskslide::detail
