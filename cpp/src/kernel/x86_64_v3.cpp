// The kernels for x86-64-v3; the build sets the instruction set.
#define RISKSLIDE_KERNEL_NAME x86_64_v3
#define RISKSLIDE_KERNEL_TEXT "x86-64-v3"
#include "kernel/body.hpp"
