// Decides how a whole cube is filled, rows over threads; see value/revalue.hpp.
#include "riskslide/value/revalue.hpp"

#include <algorithm>
#include <atomic>

#include "cells.hpp"
#include "checks.hpp"
#include "contracts.hpp"
#include "threads.hpp"

namespace riskslide {

std::int64_t revalue(const InstrumentColumns& instruments, const ShockColumns& shocks,
                     std::span<double> values, std::span<double> base, int threads) {
  const std::size_t n = instruments.size();
  detail::check_shocks(shocks);
  detail::check_contracts(instruments);
  const detail::Reach reach(shocks);
  detail::check_factors(instruments, shocks, reach);
  detail::need_size("values", values.size(), n * shocks.scenarios);
  detail::need_size("base", base.size(), n);
  const detail::ShockBlock columns(shocks, 0, shocks.scenarios);

  const std::size_t block = detail::task_length(n, 32);
  const auto blocks = static_cast<std::int64_t>((n + block - 1) / block);
  std::atomic<std::int64_t> refused{static_cast<std::int64_t>(n)};
  detail::parallel_for(blocks, threads, [&](std::int64_t b) {
    detail::Workspace workspace(columns.padded);
    const std::size_t first = static_cast<std::size_t>(b) * block;
    for (std::size_t i = first; i < std::min(n, first + block); ++i) {
      const kernel::Contract contract = detail::contract_of(instruments, i);
      base[i] = detail::base_of(instruments, i, contract);
      const auto row = values.subspan(i * shocks.scenarios, shocks.scenarios);
      if (detail::fill_row(instruments, i, contract, base[i], columns, workspace, row)) continue;
      detail::lower(refused, static_cast<std::int64_t>(i));
    }
  });
  const auto bad = refused.load();
  if (bad < static_cast<std::int64_t>(n)) detail::refuse_value(instruments, bad);
  return detail::floored_cells(instruments, shocks, reach, threads);
}

}  // namespace riskslide
