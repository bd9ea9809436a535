// Decides how positions are stored: sorted, summed rows (CSR) of integer lots per account.
#pragma once

#include <cstddef>
#include <cstdint>
#include <span>
#include <vector>

#include "riskslide/types.hpp"

namespace riskslide {

/// Rows of A accounts: entries of account a are [offsets[a], offsets[a + 1]).
template <class Quantity>
struct Rows {
  std::vector<std::int64_t> offsets;     // A + 1
  std::vector<std::int32_t> instrument;  // sums run in this order
  std::vector<Quantity> quantity;
};

/// A view of rows owned by the caller.
template <class Quantity>
struct RowsView {
  std::span<const std::int64_t> offsets;
  std::span<const std::int32_t> instrument;
  std::span<const Quantity> quantity;

  [[nodiscard]] std::size_t accounts() const noexcept {
    return offsets.empty() ? 0 : offsets.size() - 1;
  }
};

using PositionsView = RowsView<std::int64_t>;
using CashView = RowsView<double>;

/// Sorts (account, instrument, lots) triples of any order; equal pairs are summed exactly, and a
/// sum of zero stays as a zero. The result does not depend on the order of the input.
/// @throws InputError E_INDEX (row) for an index out of range, E_OVERFLOW (row: the account) where
///   a sum leaves int64.
Rows<std::int64_t> positions_from_columns(std::span<const std::int64_t> account,
                                          std::span<const std::int64_t> instrument,
                                          std::span<const std::int64_t> lots, std::int64_t accounts,
                                          std::int64_t instruments, int threads = 0);

/// The same for float64 amounts; equal pairs stay apart, ordered by amount, and the evaluator sums
/// them in that order.
Rows<double> cash_from_columns(std::span<const std::int64_t> account,
                               std::span<const std::int64_t> instrument,
                               std::span<const double> amount, std::int64_t accounts,
                               std::int64_t instruments, int threads = 0);

/// Checks shape and bounds of rows that came from elsewhere.
/// @throws InputError E_SHAPE or E_INDEX.
void check_rows(std::span<const std::int64_t> offsets, std::span<const std::int32_t> instrument,
                std::size_t quantities, std::size_t instruments);

}  // namespace riskslide
