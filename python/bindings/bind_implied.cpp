// Binds riskslide/value/implied.hpp.
#include "bind.hpp"
#include "convert.hpp"
#include "riskslide/value/implied.hpp"

namespace riskslide::python {
namespace {

void run(int model, bool discount, const py::list& inputs, const py::object& is_call,
         const py::object& vol, const py::object& status, int threads) {
  static const char* const names[6] = {"price", "underlying", "strike",
                                       "years", "rate",       "dividend_yield"};
  if (inputs.size() != 6 || model < 0 || model > 2) {
    throw InputError("E_SHAPE", "inputs", -1, static_cast<double>(inputs.size()),
                     "must be six arrays");
  }
  auto out = strict<double>(vol, "vol");
  const auto size = static_cast<std::size_t>(out.size());
  QuoteColumns quotes;
  OptionColumns& options = quotes.options;
  options.model = static_cast<Model>(model);
  options.discounting = discount ? Discounting::discount : Discounting::rate;
  options.size = size;
  Column* columns[6] = {&quotes.price,  &options.underlying, &options.strike,
                        &options.years, &options.rate,       &options.dividend_yield};
  std::vector<py::array_t<double>> in;
  for (std::size_t c = 0; c < 6; ++c) {
    in.push_back(strict<double>(inputs[c], names[c]));
    *columns[c] = Column::of(view(in[c]));
  }
  const auto side = strict<bool>(is_call, "is_call");
  if (static_cast<std::size_t>(side.size()) != size && side.size() != 1) {
    throw InputError("E_SHAPE", "is_call", -1, static_cast<double>(side.size()),
                     "must hold 1 or " + std::to_string(size) + " values");
  }
  options.is_call = reinterpret_cast<const std::uint8_t*>(side.data());
  options.is_call_scalar = side.size() == 1 && size != 1;
  const auto vol_out = writable(out, "vol");
  if (status.is_none()) {
    const py::gil_scoped_release unlocked;
    implied_vol(quotes, vol_out, threads);
    return;
  }
  auto reasons = strict<std::uint8_t>(status, "status");
  const auto bytes = writable(reasons, "status");
  const std::span<VolStatus> status_out{reinterpret_cast<VolStatus*>(bytes.data()), bytes.size()};
  const py::gil_scoped_release unlocked;
  implied_vol(quotes, vol_out, status_out, threads);
}

}  // namespace

void bind_implied(py::module_& module) {
  module.def("implied_vol", &run, py::arg("model"), py::arg("discount"), py::arg("inputs"),
             py::arg("is_call"), py::arg("vol"), py::arg("status"), py::arg("threads") = 0,
             "Fill vol and status; where status is None, refuse the first row that has no vol.");
}

}  // namespace riskslide::python
