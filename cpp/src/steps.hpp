// Decides how steps are taken: registers of several units or lines, side by side.
#pragma once

#include <cstddef>
#include <span>
#include <vector>

#include "riskslide/risk/program.hpp"

namespace riskslide::detail {

inline constexpr std::size_t lanes = 16;  // units or lines that are stepped through side by side

/// Registers of as many units or lines: (registers, lanes). Lanes that nothing fills stay 0.
class Registers {
 public:
  explicit Registers(std::size_t count) : values_(count * lanes, 0.0) {}

  [[nodiscard]] double* operator[](std::size_t number) { return values_.data() + number * lanes; }
  [[nodiscard]] std::size_t size() const { return values_.size() / lanes; }

  void fill(std::size_t lane, const double* from) {
    for (std::size_t r = 0; r < size(); ++r) values_[r * lanes + lane] = from[r];
  }
  void fill(std::size_t lane, const double* from, std::span<const std::size_t> only) {
    for (const std::size_t r : only) values_[r * lanes + lane] = from[r];
  }

 private:
  std::vector<double> values_;
};

/// Registers that must be set again for the next units or lines, because they differ among them or
/// because a step has written to what a step reads before that. `differs` says which differ.
std::vector<std::size_t> set_again(const std::vector<Step>& steps, std::vector<bool> differs);

/// Adds NaN to the lanes where a result of a step is not finite, else 0.
void take(const std::vector<Step>& steps, Registers& registers, double* unsound);

}  // namespace riskslide::detail
