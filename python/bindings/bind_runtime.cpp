// Binds riskslide/runtime.hpp.
#include "bind.hpp"
#include "riskslide/runtime.hpp"

namespace riskslide::python {

void bind_runtime(pybind11::module_& module) {
  module.def("instruction_set", &instruction_set, "Kernels in use.");
  module.def("default_threads", &default_threads, "Threads used where a call asks for 0.");
  module.def("compiler", &compiler, "Compiler that built the extension.");
}

}  // namespace riskslide::python
