// The kernels for x86-64-v4; the build sets the instruction set.
#define RISKSLIDE_KERNEL_NAME x86_64_v4
#define RISKSLIDE_KERNEL_TEXT "x86-64-v4"
#include "kernel/body.hpp"
