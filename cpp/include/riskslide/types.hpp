// Decides how a refused input is reported.
#pragma once

#include <cstdint>
#include <limits>
#include <stdexcept>
#include <string>
#include <utility>

#include "riskslide/kinds.hpp"

namespace riskslide {

/// A refused input: what is wrong (code), where (argument, row), the value found there and the fix.
/// `row` is -1 where the argument as a whole is wrong; `value` is NaN where none is meant.
class InputError : public std::invalid_argument {
 public:
  InputError(std::string code, std::string argument, std::int64_t row, double value,
             std::string fix)
      : std::invalid_argument(where(argument, row) + ": " + fix),
        code_(std::move(code)),
        argument_(std::move(argument)),
        row_(row),
        value_(value),
        fix_(std::move(fix)) {}

  /// The argument as a whole is wrong, and no value says why.
  InputError(std::string code, std::string argument, std::string fix)
      : InputError(std::move(code), std::move(argument), -1,
                   std::numeric_limits<double>::quiet_NaN(), std::move(fix)) {}

  [[nodiscard]] const std::string& code() const noexcept { return code_; }
  [[nodiscard]] const std::string& argument() const noexcept { return argument_; }
  [[nodiscard]] std::int64_t row() const noexcept { return row_; }
  [[nodiscard]] double value() const noexcept { return value_; }
  [[nodiscard]] const std::string& fix() const noexcept { return fix_; }

 private:
  std::string code_;
  std::string argument_;
  std::int64_t row_;
  double value_;
  std::string fix_;

  static std::string where(const std::string& argument, std::int64_t row) {
    return row < 0 ? argument : argument + "[" + std::to_string(row) + "]";
  }
};

}  // namespace riskslide
