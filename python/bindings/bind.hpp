// Decides which parts of the extension exist.
#pragma once

#include <pybind11/pybind11.h>

namespace riskslide::python {

void bind_errors(pybind11::module_& module);
void bind_runtime(pybind11::module_& module);
void bind_functions(pybind11::module_& module);
void bind_greeks(pybind11::module_& module);
void bind_implied(pybind11::module_& module);
void bind_american(pybind11::module_& module);
void bind_revalue(pybind11::module_& module);
void bind_revaluation(pybind11::module_& module);
void bind_positions(pybind11::module_& module);
void bind_program(pybind11::module_& module);
void bind_evaluate(pybind11::module_& module);
void bind_tail(pybind11::module_& module);

}  // namespace riskslide::python
