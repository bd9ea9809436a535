// Decides the special cases of folds, once for a block; see nodes.hpp.
#include "nodes.hpp"

#include <algorithm>
#include <cmath>
#include <utility>

namespace riskslide::detail {
namespace {

bool same(const Fold& a, const Fold& b) {
  return a.gain == b.gain && a.loss == b.loss && a.scale == b.scale && a.deadband == b.deadband &&
         a.cap == b.cap && a.anchored == b.anchored && a.against == b.against && a.worst == b.worst;
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

// Finds for every node where the stretch of nodes ends that pass on sums as they are. Any other
// stands alone.
void mark_ends(std::vector<kernel::FoldNode>& nodes, std::size_t count) {
  for (std::size_t n = nodes.size(); n-- > 0;) {
    const bool last = n % count + 1 == count;
    const bool joins = !last && nodes[n].form == kernel::FoldNode::identity &&
                       nodes[n + 1].form == kernel::FoldNode::identity;
    nodes[n].until = joins ? nodes[n + 1].until : static_cast<std::int32_t>(n % count) + 1;
  }
}

// Adds the tiers of all nodes, each as what it passes more than the tier before it. The first is
// whole: sets of folds may differ in the gain that ends where it starts.
void add_tiers(const Level& level, NodesOfLevel& out) {
  if (level.tiers.empty()) return;
  const std::size_t count = level.parent.size();
  std::vector<std::int32_t> first;
  for (const auto& tiers : level.tiers) {
    first.push_back(static_cast<std::int32_t>(out.tiers.size()));
    double gain = 0.0;
    for (const Tier& tier : tiers) {
      out.tiers.push_back({tier.start, tier.gain - gain});
      gain = tier.gain;
    }
  }
  for (std::size_t k = 0; k < out.nodes.size(); ++k) {
    const std::size_t n = k % count;
    kernel::FoldNode& node = out.nodes[k];
    node.tier = first[n];
    node.tiers = static_cast<std::int32_t>(level.tiers[n].size());
    if (node.tiers != 0) node.form = kernel::FoldNode::general;
  }
}

}  // namespace

std::vector<NodesOfLevel> nodes_of(const Tree& tree, const Block& block) {
  using Node = kernel::FoldNode;
  std::vector<NodesOfLevel> levels;
  for (const Level& level : tree.levels) {
    const std::size_t count = level.parent.size();
    NodesOfLevel out;
    std::vector<kernel::FoldNode>& nodes = out.nodes;
    for (std::size_t n = 0; n < level.folds.size(); ++n) {
      const Fold& f = level.folds[n];
      const bool biases = f.biased && block.scenarios();
      const auto form = f.identity()                           ? Node::identity
                        : f.deadband == 0 && std::isinf(f.cap) ? Node::slopes
                                                               : Node::general;
      const bool mixed = n < count ? mixes(level, block, n) : nodes[n % count].mixed != 0;
      const bool anchored = f.anchored && block.scenarios();
      nodes.push_back({.gain = f.gain,
                       .loss = f.loss,
                       .scale = f.scale,
                       .deadband = f.deadband,
                       .cap = f.cap,
                       .parent = level.parent[n % count],
                       .until = 0,
                       .tier = 0,
                       .tiers = 0,
                       .form = form,
                       .anchored = static_cast<std::int8_t>(anchored ? 1 : 0),
                       .mixed = static_cast<std::int8_t>(mixed ? 1 : 0),
                       .against = static_cast<std::int8_t>(f.against ? 1 : 0),
                       .biases = static_cast<std::int8_t>(biases ? 1 : 0),
                       .worst = static_cast<std::int8_t>(f.worst ? 1 : 0)});
    }
    add_tiers(level, out);
    mark_ends(nodes, count);
    levels.push_back(std::move(out));
  }
  return levels;
}

}  // namespace riskslide::detail
