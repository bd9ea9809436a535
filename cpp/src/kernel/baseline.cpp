// The kernels for baseline; the build sets the instruction set.
#define RISKSLIDE_KERNEL_NAME baseline
#define RISKSLIDE_KERNEL_TEXT "baseline"
#include "kernel/body.hpp"
