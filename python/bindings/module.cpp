// The map of the extension: one bind_* for each public header.
#include "bind.hpp"

PYBIND11_MODULE(_core, module) {
  module.doc() = "Compiled kernels of riskslide: strict arguments, see the Python functions.";
  riskslide::python::bind_errors(module);
  riskslide::python::bind_runtime(module);
  riskslide::python::bind_functions(module);
  riskslide::python::bind_greeks(module);
  riskslide::python::bind_implied(module);
  riskslide::python::bind_american(module);
  riskslide::python::bind_revalue(module);
  riskslide::python::bind_revaluation(module);
  riskslide::python::bind_positions(module);
  riskslide::python::bind_program(module);
  riskslide::python::bind_evaluate(module);
  riskslide::python::bind_tail(module);
}
