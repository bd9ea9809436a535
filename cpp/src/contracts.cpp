// Decides what a column of instruments may hold, whatever is asked of it afterwards.
#include "contracts.hpp"

#include <cmath>
#include <utility>

#include "checks.hpp"

namespace riskslide::detail {

void check_contracts(const InstrumentColumns& x) {
  const std::size_t n = x.size();
  need_size("is_call", x.is_call.size(), n);
  need_size("inverse", x.inverse.size(), n);
  for (const auto& [name, column] : {std::pair{"price", x.price},
                                     {"strike", x.strike},
                                     {"years", x.years},
                                     {"vol", x.vol},
                                     {"discount", x.discount},
                                     {"multiplier", x.multiplier},
                                     {"fx", x.fx}}) {
    need_size(name, column.size(), n);
  }
  if (!x.spot.empty()) need_size("spot", x.spot.size(), n);
  for (std::size_t i = 0; i < n; ++i) {
    const auto row = static_cast<std::int64_t>(i);
    const auto need = [row](bool good, const char* code, const char* argument, double value,
                            const char* reason) {
      if (!good) refuse(code, argument, row, value, reason);
    };
    const Payoff payoff = x.payoff[i];
    const double price = x.price[i];
    need(payoff <= Payoff::american, "E_KIND", "payoff", static_cast<double>(payoff),
         "unknown payoff");
    need(std::isfinite(price), "E_NOT_FINITE", "price", price, "must be a finite number");
    need(std::isfinite(x.multiplier[i]), "E_NOT_FINITE", "multiplier", x.multiplier[i],
         "must be a finite number");
    need(std::isfinite(x.fx[i]) && x.fx[i] > 0, "E_FX", "fx", x.fx[i], "must be a finite rate > 0");
    need(x.inverse[i] == 0 || price >= smallest, "E_DOMAIN_FORWARD", "price", price,
         "must be > 0 where the instrument settles in coin");
    if (!is_option(payoff)) continue;
    need(std::isfinite(x.strike[i]), "E_NOT_FINITE", "strike", x.strike[i],
         "must be a finite number");
    need(std::isfinite(x.vol[i]), "E_NOT_FINITE", "vol", x.vol[i], "must be a finite number");
    need(std::isfinite(x.years[i]), "E_NOT_FINITE", "years", x.years[i], "must be a finite number");
    need(x.years[i] >= 0, "E_EXPIRED", "years", x.years[i],
         "must be >= 0; settle an expired option at its settlement price");
    need(x.vol[i] >= 0, "E_VOL_NEGATIVE", "vol", x.vol[i], "must be >= 0 (0.6 is 60 %)");
    need(std::isfinite(x.discount[i]) && x.discount[i] > 0, "E_DOMAIN_DISCOUNT", "discount",
         x.discount[i], "must be a finite number > 0");
    if (!is_lognormal(payoff)) continue;
    need(price >= smallest, "E_DOMAIN_FORWARD", "price", price,
         "must be > 0 under a lognormal model; model = bachelier takes any sign");
    need(x.strike[i] >= smallest, "E_DOMAIN_STRIKE", "strike", x.strike[i],
         "must be > 0 under a lognormal model; model = bachelier takes any sign");
    need(payoff != Payoff::american || x.inverse[i] == 0, "E_KIND", "inverse", 1,
         "an American option settled in coin is not modelled; value it as European");
    if (x.spot.empty()) continue;
    need(x.spot[i] == 0 || (std::isfinite(x.spot[i]) && x.spot[i] >= smallest), "E_DOMAIN_FORWARD",
         "spot", x.spot[i], "must be a finite price > 0, or 0 where the forward is held");
  }
}

double unit_of(const InstrumentColumns& x, std::size_t i) {
  double unit = x.multiplier[i] * x.fx[i];
  if (x.inverse[i] != 0) {
    unit /= x.price[i];
    if (x.payoff[i] == Payoff::margined) unit /= x.price[i];  // 1/p - 1/p' = (p' - p) / (p p')
  }
  return unit;
}

}  // namespace riskslide::detail
