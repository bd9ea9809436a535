// Decides which instruction set runs and how many threads; says so on request.
#pragma once

#include <string>

namespace riskslide {

/// Name of the kernels in use: "x86-64-v4", "x86-64-v3" or "baseline".
/// Chosen once from the processor; the environment variable RISKSLIDE_ISA forces one of them.
/// @throws InputError (E_ISA) if the forced one is unknown or this processor lacks it.
[[nodiscard]] std::string instruction_set();

/// Threads used where a call asks for 0: RISKSLIDE_THREADS, else the cores this process may use.
/// @throws InputError (E_THREADS) if the variable is not a whole number from 1 to 1024.
[[nodiscard]] int default_threads();

/// Compiler and version that built the library.
[[nodiscard]] std::string compiler();

}  // namespace riskslide
