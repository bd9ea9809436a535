// Binds riskslide/value/revalue.hpp.
#include "bind.hpp"
#include "columns.hpp"

namespace riskslide::python {
namespace {

py::tuple run(const py::dict& instruments, const py::dict& shocks, int threads) {
  Columns held(instruments), moved(shocks);
  const InstrumentColumns rows = instruments_of(held);
  const ShockColumns columns = shocks_of(shocks, moved);
  const auto n = static_cast<py::ssize_t>(rows.size());
  py::array_t<double> values({n, static_cast<py::ssize_t>(columns.scenarios)}), base(n);
  const auto values_to = writable(values, "values"), base_to = writable(base, "base");
  std::int64_t floored = 0;
  {
    const py::gil_scoped_release unlocked;
    floored = revalue(rows, columns, values_to, base_to, threads);
  }
  return py::make_tuple(values, base, floored);
}

py::array_t<double> run_cash_delta(const py::dict& instruments, int threads) {
  Columns held(instruments);
  const InstrumentColumns rows = instruments_of(held);
  py::array_t<double> delta(static_cast<py::ssize_t>(rows.size()));
  const auto to = writable(delta, "delta");
  const py::gil_scoped_release unlocked;
  cash_delta(rows, to, threads);
  return delta;
}

}  // namespace

void bind_revalue(py::module_& module) {
  module.def("revalue", &run, py::arg("instruments"), py::arg("shocks"), py::arg("threads") = 0,
             "(values (N, S), base (N), floored cells) of instrument and shock columns.");
  module.def("cash_delta", &run_cash_delta, py::arg("instruments"), py::arg("threads") = 0,
             "Delta of one unit times its price, in the reporting currency, by instrument.");
}

}  // namespace riskslide::python
