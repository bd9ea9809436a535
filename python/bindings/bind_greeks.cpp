// Binds riskslide/value/greeks.hpp.
#include "bind.hpp"
#include "convert.hpp"
#include "riskslide/value/greeks.hpp"

namespace riskslide::python {
namespace {

void run(int model, bool discount, const py::list& inputs, const py::object& is_call,
         const py::list& outputs, int threads) {
  static const char* const names[6] = {"underlying", "strike", "years",
                                       "vol",        "rate",   "dividend_yield"};
  static const char* const results[9] = {"value", "delta", "gamma", "vega", "theta",
                                         "rho",   "vanna", "volga", "charm"};
  const std::size_t order = outputs.size();
  if (inputs.size() != 6 || (order != 6 && order != 9) || model < 0 || model > 3) {
    throw InputError("E_SHAPE", "inputs", -1, static_cast<double>(inputs.size()),
                     "must be six arrays, with six or nine outputs");
  }
  std::vector<py::array_t<double>> in, out;
  for (std::size_t c = 0; c < order; ++c) out.push_back(strict<double>(outputs[c], results[c]));
  const auto size = static_cast<std::size_t>(out[0].size());
  OptionColumns options;
  options.model = static_cast<Model>(model);
  options.discounting = discount ? Discounting::discount : Discounting::rate;
  options.size = size;
  Column* columns[6] = {&options.underlying, &options.strike, &options.years,
                        &options.vol,        &options.rate,   &options.dividend_yield};
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
  double* results_to[9] = {};
  for (std::size_t c = 0; c < order; ++c) {
    const auto to = writable(out[c], results[c]);
    if (to.size() != size) {
      throw InputError("E_SHAPE", results[c], -1, static_cast<double>(to.size()),
                       "all outputs must have one length");
    }
    results_to[c] = to.data();
  }
  const py::gil_scoped_release unlocked;
  greeks(options,
         {.value = results_to[0],
          .delta = results_to[1],
          .gamma = results_to[2],
          .vega = results_to[3],
          .theta = results_to[4],
          .rho = results_to[5],
          .vanna = results_to[6],
          .volga = results_to[7],
          .charm = results_to[8]},
         threads);
}

}  // namespace

void bind_greeks(py::module_& module) {
  module.def(
      "greeks", &run, py::arg("model"), py::arg("discount"), py::arg("inputs"), py::arg("is_call"),
      py::arg("outputs"), py::arg("threads") = 0,
      "Fill six arrays with value, delta, gamma, vega, theta, rho; nine: vanna, volga, charm too.");
}

}  // namespace riskslide::python
