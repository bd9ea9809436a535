// Binds riskslide/value/revalue.hpp.
#include "bind.hpp"
#include "convert.hpp"
#include "riskslide/value/revalue.hpp"

namespace riskslide::python {
namespace {

// Keeps the arrays that a struct of spans points into.
class Columns {
 public:
  explicit Columns(const py::dict& columns) : columns_(columns) {}

  template <class T>
  std::span<const T> get(const char* name, py::ssize_t dimensions = 1) {
    if (!columns_.contains(name)) throw InputError("E_SHAPE", name, "is missing");
    kept_.push_back(strict<T>(columns_[name], name, dimensions));
    return {static_cast<const T*>(kept_.back().data()),
            static_cast<std::size_t>(kept_.back().size())};
  }

  // A bool or uint8 enumeration column as its bytes.
  template <class T, class Stored>
  std::span<const T> bytes(const char* name) {
    const auto raw = get<Stored>(name);
    return {reinterpret_cast<const T*>(raw.data()), raw.size()};
  }

 private:
  const py::dict& columns_;
  std::vector<py::array> kept_;
};

InstrumentColumns rows_of(Columns& held) {
  return {.payoff = held.bytes<Payoff, std::uint8_t>("payoff"),
          .is_call = held.bytes<std::uint8_t, bool>("is_call"),
          .inverse = held.bytes<std::uint8_t, bool>("inverse"),
          .factor = held.get<std::int32_t>("factor"),
          .fx_factor = held.get<std::int32_t>("fx_factor"),
          .price = held.get<double>("price"),
          .strike = held.get<double>("strike"),
          .years = held.get<double>("years"),
          .vol = held.get<double>("vol"),
          .discount = held.get<double>("discount"),
          .multiplier = held.get<double>("multiplier"),
          .fx = held.get<double>("fx")};
}

py::tuple run(const py::dict& instruments, const py::dict& shocks, int threads) {
  Columns held(instruments), moved(shocks);
  const InstrumentColumns rows = rows_of(held);
  const auto shape = strict<double>(shocks["price_scale"], "price_scale", 2);
  const ShockColumns columns{.factors = static_cast<std::size_t>(shape.shape(0)),
                             .scenarios = static_cast<std::size_t>(shape.shape(1)),
                             .price_scale = moved.get<double>("price_scale", 2),
                             .price_shift = moved.get<double>("price_shift", 2),
                             .vol_scale = moved.get<double>("vol_scale", 2),
                             .vol_shift = moved.get<double>("vol_shift", 2),
                             .vol_floor = moved.get<double>("vol_floor", 2)};
  for (const char* name : {"price_shift", "vol_scale", "vol_shift", "vol_floor"}) {
    need_shape(strict<double>(shocks[name], name, 2), shape.shape(0), shape.shape(1), name);
  }
  const auto n = static_cast<py::ssize_t>(rows.size());
  py::array_t<double> values({n, shape.shape(1)}), base(n);
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
  const InstrumentColumns rows = rows_of(held);
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
