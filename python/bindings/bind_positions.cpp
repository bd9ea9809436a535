// Binds riskslide/book/positions.hpp.
#include "bind.hpp"
#include "convert.hpp"
#include "riskslide/book/positions.hpp"

namespace riskslide::python {
namespace {

template <class Quantity, class Build>
py::tuple rows_of(const py::object& account, const py::object& instrument,
                  const py::object& quantity, std::int64_t accounts, std::int64_t instruments,
                  int threads, const char* name, Build build) {
  const auto a = strict<std::int64_t>(account, "account");
  const auto i = strict<std::int64_t>(instrument, "instrument");
  const auto q = strict<Quantity>(quantity, name);
  const auto av = view(a), iv = view(i);
  const auto qv = view(q);
  Rows<Quantity> rows;
  {
    const py::gil_scoped_release unlocked;
    rows = build(av, iv, qv, accounts, instruments, threads);
  }
  return py::make_tuple(owned(std::move(rows.offsets)), owned(std::move(rows.instrument)),
                        owned(std::move(rows.quantity)));
}

}  // namespace

void bind_positions(py::module_& module) {
  module.def(
      "positions_from_columns",
      [](const py::object& account, const py::object& instrument, const py::object& lots,
         std::int64_t accounts, std::int64_t instruments, int threads) {
        return rows_of<std::int64_t>(account, instrument, lots, accounts, instruments, threads,
                                     "lots", positions_from_columns);
      },
      py::arg("account"), py::arg("instrument"), py::arg("lots"), py::arg("accounts"),
      py::arg("instruments"), py::arg("threads") = 0,
      "(offsets, instrument, lots): sorted rows, equal pairs summed.");
  module.def(
      "cash_from_columns",
      [](const py::object& account, const py::object& row, const py::object& amount,
         std::int64_t accounts, std::int64_t rows, int threads) {
        return rows_of<double>(account, row, amount, accounts, rows, threads, "amount",
                               cash_from_columns);
      },
      py::arg("account"), py::arg("row"), py::arg("amount"), py::arg("accounts"), py::arg("rows"),
      py::arg("threads") = 0, "(offsets, row, amount): sorted rows, equal pairs kept apart.");
}

}  // namespace riskslide::python
