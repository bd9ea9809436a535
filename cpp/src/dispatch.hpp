// Decides which kernel table this process uses.
#pragma once

#include "kernel/table.hpp"

namespace riskslide::detail {

const kernel::Table& kernels();

}  // namespace riskslide::detail
