// Binds riskslide/risk/evaluate.hpp.
#include <algorithm>

#include "bind.hpp"
#include "convert.hpp"
#include "riskslide/risk/evaluate.hpp"

namespace riskslide::python {
namespace {

template <class Quantity>
struct HeldRows {
  py::array_t<std::int64_t> offsets;
  py::array_t<std::int32_t> instrument;
  py::array_t<Quantity> quantity;

  HeldRows(const py::tuple& rows, const char* name)
      : offsets(strict<std::int64_t>(rows[0], "offsets")),
        instrument(strict<std::int32_t>(rows[1], "instrument")),
        quantity(strict<Quantity>(rows[2], name)) {}

  [[nodiscard]] RowsView<Quantity> get() const {
    return {view(offsets), view(instrument), view(quantity)};
  }
};

struct HeldCube {
  py::array_t<double> values, base, delta, notional;

  // cube: (values, base, delta, notional); the last two are empty where nothing measures them
  explicit HeldCube(const py::tuple& cube)
      : values(strict<double>(cube[0], "values", 2)),
        base(strict<double>(cube[1], "base")),
        delta(strict<double>(cube[2], "delta")),
        notional(strict<double>(cube[3], "notional")) {}

  [[nodiscard]] CubeView get() const {
    return {view(values),
            view(base),
            static_cast<std::size_t>(values.shape(0)),
            static_cast<std::size_t>(values.shape(1)),
            view(delta),
            view(notional)};
  }
};

// Views of a cube and a book, and what keeps them alive.
struct HeldBook {
  HeldCube held_cube;
  HeldRows<std::int64_t> held_lots;
  HeldRows<double> held_cash;
  CubeView cube;
  PositionsView lots;
  CashView cash;

  HeldBook(const py::tuple& of_rows, const py::tuple& positions, const py::tuple& amounts)
      : held_cube(of_rows),
        held_lots(positions, "lots"),
        held_cash(amounts, "amount"),
        cube(held_cube.get()),
        lots(held_lots.get()),
        cash(held_cash.get()) {}
};

py::dict run(const Program& program, const py::tuple& of_rows, const py::tuple& positions,
             const py::tuple& cash, int threads) {
  const HeldBook book(of_rows, positions, cash);
  Evaluation result;
  {
    const py::gil_scoped_release unlocked;
    result = evaluate(program, book.cube, book.lots, book.cash, threads);
  }
  const auto lines = static_cast<py::ssize_t>(result.account.size());
  const auto units = static_cast<py::ssize_t>(result.unit.size());
  const auto worst = static_cast<py::ssize_t>(
      std::count_if(program.blocks.begin(), program.blocks.end(),
                    [](const Block& b) { return b.reduction == Reduction::worst; }));
  py::dict out;
  out["account"] = owned(std::move(result.account));
  out["pool"] = owned(std::move(result.pool));
  out["outputs"] =
      owned(std::move(result.outputs), {lines, static_cast<py::ssize_t>(program.outputs.size())});
  out["unit_offsets"] = owned(std::move(result.unit_offsets));
  out["unit"] = owned(std::move(result.unit));
  out["unit_loss"] = owned(std::move(result.unit_loss), {units, worst});
  out["unit_scenario"] = owned(std::move(result.unit_scenario), {units, worst});
  return out;
}

py::tuple run_grid(const Program& program, std::size_t block, const py::tuple& of_rows,
                   const py::tuple& positions, const py::tuple& cash, int threads) {
  const HeldBook book(of_rows, positions, cash);
  Grid out;
  {
    const py::gil_scoped_release unlocked;
    out = grid(program, block, book.cube, book.lots, book.cash, threads);
  }
  const auto groups = static_cast<py::ssize_t>(out.group.size());
  const auto columns = static_cast<py::ssize_t>(program.blocks[block].width());
  return py::make_tuple(owned(std::move(out.group)),
                        owned(std::move(out.values), {groups, columns}));
}

py::array_t<double> run_unit_figures(const Program& program, const py::tuple& of_rows,
                                     const py::tuple& positions, const py::tuple& cash,
                                     int threads) {
  const HeldBook book(of_rows, positions, cash);
  std::vector<double> out;
  {
    const py::gil_scoped_release unlocked;
    out = unit_figures(program, book.cube, book.lots, book.cash, threads);
  }
  const auto width = static_cast<py::ssize_t>(program.unit_width());
  const py::ssize_t units = width == 0 ? 0 : static_cast<py::ssize_t>(out.size()) / width;
  return owned(std::move(out), {units, width});
}

CubeView plain(const py::array_t<double>& values) {
  return {view(values),
          {},
          static_cast<std::size_t>(values.shape(0)),
          static_cast<std::size_t>(values.shape(1))};
}

py::array_t<double> run_aggregate(const py::tuple& positions, const py::object& values,
                                  int threads) {
  const auto matrix = strict<double>(values, "values", 2);
  const HeldRows<std::int64_t> lots(positions, "lots");
  const auto rows = lots.get();
  py::array_t<double> out({static_cast<py::ssize_t>(rows.accounts()), matrix.shape(1)});
  const auto to = writable(out, "out");
  const CubeView cube = plain(matrix);
  const py::gil_scoped_release unlocked;
  aggregate(rows, cube, to, threads);
  return out;
}

py::tuple run_worst(const py::tuple& positions, const py::object& values, int threads) {
  const auto matrix = strict<double>(values, "values", 2);
  const HeldRows<std::int64_t> lots(positions, "lots");
  const auto rows = lots.get();
  const auto n = static_cast<py::ssize_t>(rows.accounts());
  py::array_t<double> loss(n);
  py::array_t<std::int32_t> scenario(n);
  const auto loss_to = writable(loss, "loss");
  const auto scenario_to = writable(scenario, "scenario");
  const CubeView cube = plain(matrix);
  {
    const py::gil_scoped_release unlocked;
    worst_loss(rows, cube, loss_to, scenario_to, threads);
  }
  return py::make_tuple(loss, scenario);
}

}  // namespace

void bind_evaluate(py::module_& module) {
  module.def("evaluate", &run, py::arg("program"), py::arg("cube"), py::arg("positions"),
             py::arg("cash"), py::arg("threads") = 0,
             "Fold a cube (values, base, delta, notional): one line per "
             "(account, pool).");
  module.def("unit_figures", &run_unit_figures, py::arg("program"), py::arg("cube"),
             py::arg("positions"), py::arg("cash"), py::arg("threads") = 0,
             "Registers (units, width) of every unit after its steps.");
  module.def("grid", &run_grid, py::arg("program"), py::arg("block"), py::arg("cube"),
             py::arg("positions"), py::arg("cash"), py::arg("threads") = 0,
             "(group, P&L (groups, columns)) of one block.");
  module.def("aggregate", &run_aggregate, py::arg("positions"), py::arg("values"),
             py::arg("threads") = 0, "Sums (row, scenario) of lots times values.");
  module.def("worst_loss", &run_worst, py::arg("positions"), py::arg("values"),
             py::arg("threads") = 0, "(loss >= 0, scenario) of every row.");
}

}  // namespace riskslide::python
