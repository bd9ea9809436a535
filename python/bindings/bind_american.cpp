// Binds riskslide/value/american_implied_vol.hpp.
#include "riskslide/value/american_implied_vol.hpp"

#include "bind.hpp"
#include "convert.hpp"

namespace riskslide::python {
namespace {

py::tuple run(const py::list& inputs, const py::object& is_call, int threads) {
  static const char* const names[6] = {"price", "spot", "strike",
                                       "years", "rate", "dividend_yield"};
  if (inputs.size() != 6) {
    throw InputError("E_SHAPE", "inputs", -1, static_cast<double>(inputs.size()),
                     "must be six arrays");
  }
  AmericanPrices prices;
  Column* columns[6] = {&prices.price, &prices.spot, &prices.strike,
                        &prices.years, &prices.rate, &prices.dividend_yield};
  std::vector<py::array_t<double>> in;
  for (std::size_t c = 0; c < 6; ++c) {
    in.push_back(strict<double>(inputs[c], names[c]));
    *columns[c] = Column::of(view(in[c]));
    if (!columns[c]->scalar()) prices.size = columns[c]->values.size();
  }
  const auto side = strict<bool>(is_call, "is_call");
  const auto sides = static_cast<std::size_t>(side.size());
  if (prices.size == 0) prices.size = sides;
  if (sides != prices.size && sides != 1) {
    throw InputError("E_SHAPE", "is_call", -1, static_cast<double>(sides),
                     "must hold 1 or " + std::to_string(prices.size) + " values");
  }
  prices.is_call = reinterpret_cast<const std::uint8_t*>(side.data());
  prices.is_call_scalar = sides == 1;
  const auto n = static_cast<py::ssize_t>(prices.size);
  py::array_t<double> vol(n);
  py::array_t<std::uint8_t> status(n);
  const std::span<double> vol_to(vol.mutable_data(), prices.size);
  const std::span<VolStatus> status_to(reinterpret_cast<VolStatus*>(status.mutable_data()),
                                       prices.size);
  {
    const py::gil_scoped_release unlocked;
    american_implied_vol(prices, vol_to, status_to, threads);
  }
  return py::make_tuple(vol, status);
}

}  // namespace

void bind_american(py::module_& module) {
  module.def("american_implied_vol", &run, py::arg("inputs"), py::arg("is_call"),
             py::arg("threads") = 0,
             "(vol, status) of prices, spots, strikes, years, rates, dividend yields: VolStatus.");
}

}  // namespace riskslide::python
