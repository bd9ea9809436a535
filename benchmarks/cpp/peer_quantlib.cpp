// Decides how QuantLib values the options of W1: one BlackCalculator an option, on the stack.
#include "peer_quantlib.hpp"

#include <cmath>
#include <ql/pricingengines/blackcalculator.hpp>
#include <thread>

namespace bench {
namespace {

void rows(Options& o, std::size_t first, std::size_t last) {
  for (std::size_t k = first; k < last; ++k) {
    const auto side = o.is_call[k] != 0 ? QuantLib::Option::Call : QuantLib::Option::Put;
    const double deviation = o.vol[k] * std::sqrt(o.years[k]);
    const double discount = std::exp(-o.rate[k] * o.years[k]);
    const QuantLib::BlackCalculator found(side, o.strike[k], o.underlying[k], deviation, discount);
    o.out[0][k] = found.value();
    o.out[1][k] = found.deltaForward();
    o.out[2][k] = found.gammaForward();
    o.out[3][k] = found.vega(o.years[k]);
    o.out[4][k] = found.theta(o.underlying[k], o.years[k]);
    o.out[5][k] = -o.years[k] * o.out[0][k];
  }
}

}  // namespace

void quantlib_greeks(Options& options, int threads) {
  const std::size_t size = options.is_call.size(), half = threads > 1 ? size / 2 : size;
  if (half == size) return rows(options, 0, size);
  std::thread other([&] { rows(options, half, size); });
  rows(options, 0, half);
  other.join();
}

}  // namespace bench
