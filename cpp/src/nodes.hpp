// Decides how the kernel reads a netting tree for the columns of a block.
#pragma once

#include <vector>

#include "kernel/table.hpp"
#include "riskslide/risk/program.hpp"

namespace riskslide::detail {

/// One level: (sets, nodes) row-major with special cases resolved, and the tiers that they name.
struct NodesOfLevel {
  std::vector<kernel::FoldNode> nodes;
  std::vector<kernel::FoldTier> tiers;
};

std::vector<NodesOfLevel> nodes_of(const Tree& tree, const Block& block);

}  // namespace riskslide::detail
