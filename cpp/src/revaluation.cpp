// Decides what is checked before a cube is valued piece by piece; see value/revaluation.hpp.
#include "riskslide/value/revaluation.hpp"

#include <algorithm>
#include <cmath>

#include "cells.hpp"
#include "checks.hpp"
#include "contracts.hpp"
#include "threads.hpp"

namespace riskslide {

Revaluation::Revaluation(const InstrumentColumns& instruments, const ShockColumns& shocks,
                         std::span<const double> lot, std::span<const double> weight,
                         std::size_t memory, int threads)
    : instruments_(instruments),
      shocks_(shocks),
      lot_(lot),
      weight_(weight),
      memory_(memory),
      base_(instruments.size()) {
  detail::check_shocks(shocks);
  detail::check_contracts(instruments);
  const detail::Reach reach(shocks);
  detail::check_factors(instruments, shocks, reach);
  detail::need_size("lot", lot.size(), lot.empty() ? 0 : rows());
  detail::need_finite("lot", lot);
  detail::need_size("weight", weight.size(), weight.empty() ? 0 : scenarios());
  detail::need_finite("weight", weight);
  constexpr std::size_t block = 256;
  detail::parallel_for(static_cast<std::int64_t>((rows() + block - 1) / block), threads,
                       [&](std::int64_t b) {
                         const std::size_t first = static_cast<std::size_t>(b) * block;
                         for (std::size_t i = first; i < std::min(rows(), first + block); ++i) {
                           const kernel::Contract contract = detail::contract_of(instruments, i);
                           base_[i] = detail::base_of(instruments, i, contract);
                         }
                       });
  const auto bad =
      std::find_if(base_.begin(), base_.end(), [](double x) { return !std::isfinite(x); });
  if (bad != base_.end()) detail::refuse_value(instruments, bad - base_.begin());
  floored_ = detail::floored_cells(instruments, shocks, reach, threads);
}

}  // namespace riskslide
