// Binds riskslide/risk/tail.hpp.
#include "riskslide/risk/tail.hpp"

#include "bind.hpp"
#include "convert.hpp"

namespace riskslide::python {
namespace {

py::tuple run(const py::tuple& positions, const py::object& values, double level, int threads) {
  const auto matrix = strict<double>(values, "values", 2);
  const auto offsets = strict<std::int64_t>(positions[0], "offsets");
  const auto instrument = strict<std::int32_t>(positions[1], "instrument");
  const auto lots = strict<std::int64_t>(positions[2], "lots");
  const PositionsView rows{view(offsets), view(instrument), view(lots)};
  const CubeView cube{view(matrix),
                      {},
                      static_cast<std::size_t>(matrix.shape(0)),
                      static_cast<std::size_t>(matrix.shape(1))};
  const TailShape shape = TailShape::of(cube.scenarios, level);
  const auto n = static_cast<py::ssize_t>(rows.accounts());
  py::array_t<double> value_at_risk(n), expected_shortfall(n);
  py::array_t<std::int32_t> scenario({n, static_cast<py::ssize_t>(shape.size)});
  const auto var = writable(value_at_risk, "value_at_risk");
  const auto es = writable(expected_shortfall, "expected_shortfall");
  const auto members = writable(scenario, "scenario");
  {
    const py::gil_scoped_release unlocked;
    tail(rows, cube, shape, var, es, members, threads);
  }
  return py::make_tuple(value_at_risk, expected_shortfall, scenario);
}

}  // namespace

void bind_tail(py::module_& module) {
  module.def("tail", &run, py::arg("positions"), py::arg("values"), py::arg("level"),
             py::arg("threads") = 0,
             "(value at risk, expected shortfall, scenarios of the tail) of every row.");
}

}  // namespace riskslide::python
