// Binds riskslide/value/functions.hpp.
#include "bind.hpp"
#include "convert.hpp"
#include "riskslide/value/functions.hpp"

namespace riskslide::python {
namespace {

using Unary = void (*)(std::span<const double>, std::span<double>);
using Binary = void (*)(std::span<const double>, std::span<const double>, std::span<double>);

template <Unary function>
void unary(py::module_& module, const char* name, const char* argument, const char* text) {
  module.def(
      name,
      [argument](const py::object& x) {
        const auto from = strict<double>(x, argument);
        py::array_t<double> out(from.size());
        function(view(from), writable(out, "out"));
        return out;
      },
      py::arg(argument), text);
}

template <Binary function>
void binary(py::module_& module, const char* name, const char* first, const char* second,
            const char* text) {
  module.def(
      name,
      [first, second](const py::object& a, const py::object& b) {
        const auto left = strict<double>(a, first), right = strict<double>(b, second);
        py::array_t<double> out(left.size());
        function(view(left), view(right), writable(out, "out"));
        return out;
      },
      py::arg(first), py::arg(second), text);
}

}  // namespace

void bind_functions(py::module_& module) {
  unary<exponential>(module, "exponential", "exponent",
                     "e^x, the same bits on every machine; 0 below -690.");
  binary<log_ratio>(module, "log_ratio", "a", "b",
                    "ln(a / b) of positive numbers, the same bits on every machine.");
  binary<power>(module, "power", "x", "y",
                "x^y of positive x, the same bits on every machine; 0 below e^-690.");
  unary<normal_tail>(module, "normal_tail", "x",
                     "Probability that a standard normal variable exceeds x; 0 above 37.148.");
  unary<normal_inverse>(module, "normal_inverse", "p",
                        "Point below which a standard normal variable lies with probability p.");
}

}  // namespace riskslide::python
