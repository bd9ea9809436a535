// Decides how a refused column is worded: code, argument, row, value and the fix, in one place.
#pragma once

#include <cmath>
#include <cstddef>
#include <cstdint>
#include <limits>
#include <span>
#include <string>

#include "riskslide/types.hpp"

namespace riskslide::detail {

/// Throws InputError; `fix` says what the value must be.
[[noreturn]] inline void refuse(const char* code, const std::string& argument, std::int64_t row,
                                double value, const std::string& fix) {
  throw InputError(code, argument, row, value, fix);
}

inline void need_size(const char* argument, std::size_t found, std::size_t wanted) {
  if (found == wanted) return;
  refuse("E_SHAPE", argument, -1, static_cast<double>(found),
         "its length must be " + std::to_string(wanted));
}

inline void need_finite(const char* argument, std::span<const double> column) {
  for (std::size_t i = 0; i < column.size(); ++i) {
    if (!std::isfinite(column[i])) {
      refuse("E_NOT_FINITE", argument, static_cast<std::int64_t>(i), column[i],
             "must be a finite number");
    }
  }
}

/// Throws E_PROGRAM for a part of a program.
[[noreturn]] inline void inconsistent(const std::string& part, const std::string& reason) {
  refuse("E_PROGRAM", part, -1, std::nan(""), reason);
}

/// Throws E_OVERFLOW for the account whose sums are not finite.
[[noreturn]] inline void refuse_sum(std::int64_t account) {
  refuse("E_OVERFLOW", "account", account, std::numeric_limits<double>::quiet_NaN(),
         "its P&L leaves the range of float64; check the units of quantities and prices");
}

}  // namespace riskslide::detail
