// Decides how a refused input reaches Python: as riskslide.errors.InputError.
#include "convert.hpp"

#include "bind.hpp"

namespace riskslide::python {

void refuse_dtype(const py::handle& object, const char* name, const py::dtype& wanted) {
  const std::string text = py::str(wanted);
  if (!py::isinstance<py::array>(object)) {
    throw InputError("E_DTYPE", name, "must be a NumPy array of " + text);
  }
  const std::string found = py::str(py::reinterpret_borrow<py::array>(object).dtype());
  throw InputError("E_DTYPE", name, "must have dtype " + text + ", not " + found);
}

void bind_errors(py::module_& module) {
  (void)module;
  py::register_exception_translator([](std::exception_ptr pointer) {
    try {
      if (pointer) std::rethrow_exception(pointer);
    } catch (const InputError& error) {
      const auto type = py::module_::import("riskslide.errors").attr("InputError");
      py::object row = py::none();
      if (error.row() >= 0) row = py::int_(error.row());
      const py::object raised = type(
          py::arg("code") = error.code(), py::arg("column") = error.argument(),
          py::arg("row") = row, py::arg("value") = error.value(), py::arg("fix") = error.fix());
      PyErr_SetObject(type.ptr(), raised.ptr());
    }
  });
}

}  // namespace riskslide::python
