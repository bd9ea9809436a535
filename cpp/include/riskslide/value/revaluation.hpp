// Decides what a cube that is never held is: its cells are valued while sums read them.
#pragma once

#include <cstddef>
#include <cstdint>
#include <span>
#include <vector>

#include "riskslide/value/revalue.hpp"

namespace riskslide {

/// The cells that `revalue` gives, to the bit, valued a block of columns at a time by `aggregate`,
/// `worst_loss` and `tail`: only rows that positions hold, once for every block of accounts. The
/// columns are checked here and are the caller's, who keeps them.
class Revaluation {
 public:
  static constexpr std::size_t default_memory = std::size_t{1} << 30;

  /// lot (rows) and weight (scenarios) multiply the cells; empty: 1. memory: bytes of cells and
  /// sums that are held at a time, though never less than 16 columns of all rows and one row of
  /// sums.
  /// @throws InputError naming column and row, as `revalue` does but for cells that overflow.
  Revaluation(const InstrumentColumns& instruments, const ShockColumns& shocks,
              std::span<const double> lot = {}, std::span<const double> weight = {},
              std::size_t memory = default_memory, int threads = 0);

  [[nodiscard]] std::size_t rows() const noexcept { return instruments_.size(); }
  [[nodiscard]] std::size_t scenarios() const noexcept { return shocks_.scenarios; }
  [[nodiscard]] std::size_t memory() const noexcept { return memory_; }
  [[nodiscard]] const InstrumentColumns& instruments() const noexcept { return instruments_; }
  [[nodiscard]] const ShockColumns& shocks() const noexcept { return shocks_; }
  [[nodiscard]] std::span<const double> lot() const noexcept { return lot_; }
  [[nodiscard]] std::span<const double> weight() const noexcept { return weight_; }
  /// Value of one unit of every row now, as `revalue` gives it.
  [[nodiscard]] std::span<const double> base() const noexcept { return base_; }
  /// Cells of all rows that drive a lognormal forward to zero or below, as `revalue` counts them.
  [[nodiscard]] std::int64_t floored() const noexcept { return floored_; }

 private:
  InstrumentColumns instruments_;
  ShockColumns shocks_;
  std::span<const double> lot_, weight_;
  std::size_t memory_;
  std::vector<double> base_;
  std::int64_t floored_ = 0;
};

}  // namespace riskslide
