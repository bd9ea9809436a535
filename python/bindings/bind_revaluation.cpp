// Binds riskslide/value/revaluation.hpp, and what risk/ sums over one.
#include "riskslide/value/revaluation.hpp"

#include "bind.hpp"
#include "columns.hpp"
#include "riskslide/risk/evaluate.hpp"
#include "riskslide/risk/tail.hpp"

namespace riskslide::python {
namespace {

// A revaluation and the arrays that it points into.
class Held {
 public:
  Held(const py::dict& instruments, const py::dict& shocks, const py::object& lot,
       const py::object& weight, std::size_t memory, int threads)
      : instruments_(instruments),
        shocks_(shocks),
        lot_(strict<double>(lot, "lot")),
        weight_(strict<double>(weight, "weight")),
        cube_(valued(shocks, memory, threads)) {}

  [[nodiscard]] const Revaluation& cube() const { return cube_; }

 private:
  // Python's objects are read before the GIL goes: the bases are valued without it.
  Revaluation valued(const py::dict& shocks, std::size_t memory, int threads) {
    const InstrumentColumns rows = instruments_of(instruments_);
    const ShockColumns columns = shocks_of(shocks, shocks_);
    const auto lot = view(lot_), weight = view(weight_);
    const py::gil_scoped_release unlocked;
    return {rows, columns, lot, weight, memory, threads};
  }

  Columns instruments_, shocks_;
  py::array_t<double> lot_, weight_;
  Revaluation cube_;
};

struct Rows {
  py::array_t<std::int64_t> offsets, lots;
  py::array_t<std::int32_t> instrument;

  explicit Rows(const py::tuple& rows)
      : offsets(strict<std::int64_t>(rows[0], "offsets")),
        lots(strict<std::int64_t>(rows[2], "lots")),
        instrument(strict<std::int32_t>(rows[1], "instrument")) {}

  [[nodiscard]] PositionsView get() const { return {view(offsets), view(instrument), view(lots)}; }
};

py::array_t<double> sum(const Held& held, const py::tuple& positions, int threads) {
  const Rows rows(positions);
  const auto accounts = static_cast<py::ssize_t>(rows.get().accounts());
  py::array_t<double> out({accounts, static_cast<py::ssize_t>(held.cube().scenarios())});
  const auto to = writable(out, "out");
  const auto taken = rows.get();
  const py::gil_scoped_release unlocked;
  aggregate(taken, held.cube(), to, threads);
  return out;
}

py::tuple worst(const Held& held, const py::tuple& positions, int threads) {
  const Rows rows(positions);
  const auto taken = rows.get();
  py::array_t<double> loss(static_cast<py::ssize_t>(taken.accounts()));
  py::array_t<std::int32_t> scenario(loss.size());
  const auto loss_to = writable(loss, "loss");
  const auto scenario_to = writable(scenario, "scenario");
  {
    const py::gil_scoped_release unlocked;
    worst_loss(taken, held.cube(), loss_to, scenario_to, threads);
  }
  return py::make_tuple(loss, scenario);
}

py::tuple tails(const Held& held, const py::tuple& positions, double level, int threads) {
  const Rows rows(positions);
  const auto taken = rows.get();
  const TailShape shape = TailShape::of(held.cube().scenarios(), level);
  py::array_t<double> value_at_risk(static_cast<py::ssize_t>(taken.accounts()));
  py::array_t<double> expected_shortfall(value_at_risk.size());
  py::array_t<std::int32_t> scenario({value_at_risk.size(), static_cast<py::ssize_t>(shape.size)});
  const auto var = writable(value_at_risk, "value_at_risk");
  const auto es = writable(expected_shortfall, "expected_shortfall");
  const auto members = writable(scenario, "scenario");
  {
    const py::gil_scoped_release unlocked;
    tail(taken, held.cube(), shape, var, es, members, threads);
  }
  return py::make_tuple(value_at_risk, expected_shortfall, scenario);
}

}  // namespace

void bind_revaluation(py::module_& module) {
  py::class_<Held>(module, "Revaluation", "A cube that is valued while sums read it.")
      .def(py::init<const py::dict&, const py::dict&, const py::object&, const py::object&,
                    std::size_t, int>(),
           py::arg("instruments"), py::arg("shocks"), py::arg("lot"), py::arg("weight"),
           py::arg("memory"), py::arg("threads") = 0)
      .def_property_readonly("base",
                             [](const Held& held) {
                               const auto base = held.cube().base();
                               return owned(std::vector<double>(base.begin(), base.end()));
                             })
      .def_property_readonly("floored", [](const Held& held) { return held.cube().floored(); })
      .def("aggregate", &sum, py::arg("positions"), py::arg("threads") = 0)
      .def("worst_loss", &worst, py::arg("positions"), py::arg("threads") = 0)
      .def("tail", &tails, py::arg("positions"), py::arg("level"), py::arg("threads") = 0);
}

}  // namespace riskslide::python
