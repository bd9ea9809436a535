// Decides what each operation of a step does; see steps.hpp.
#include "steps.hpp"

#include <cstdint>

namespace riskslide::detail {
namespace {

template <class Function>
void each_lane(double* target, const double* left, const double* right, const Function& of) {
  for (std::size_t w = 0; w < lanes; ++w) target[w] = of(left[w], right[w]);
}

void apply(Operation operation, double* target, const double* left, const double* right) {
  const auto each = [&](const auto& of) { each_lane(target, left, right, of); };
  switch (operation) {
    case Operation::add: return each([](double a, double b) { return a + b; });
    case Operation::subtract: return each([](double a, double b) { return a - b; });
    case Operation::multiply: return each([](double a, double b) { return a * b; });
    case Operation::minimum: return each([](double a, double b) { return b < a ? b : a; });
    case Operation::maximum: return each([](double a, double b) { return b > a ? b : a; });
    case Operation::greater: return each([](double a, double b) { return a > b ? 1.0 : 0.0; });
    case Operation::divide:
      return each([](double a, double b) { return b == 0.0 ? a - a : a / b; });
  }
}

// Registers that steps read before they write them, or their own target.
std::vector<bool> read_first(const std::vector<Step>& steps, std::size_t registers) {
  std::vector<bool> written(registers, false), found(registers, false);
  for (const Step& s : steps) {
    for (const std::int32_t read : {s.left, s.right}) {
      const auto r = static_cast<std::size_t>(read);
      if (!written[r]) found[r] = true;
    }
    written[static_cast<std::size_t>(s.target)] = true;
  }
  return found;
}

}  // namespace

std::vector<std::size_t> set_again(const std::vector<Step>& steps, std::vector<bool> differs) {
  const std::vector<bool> read = read_first(steps, differs.size());
  for (const Step& s : steps) {
    const auto target = static_cast<std::size_t>(s.target);
    if (read[target]) differs[target] = true;
  }
  std::vector<std::size_t> found;
  for (std::size_t r = 0; r < differs.size(); ++r) {
    if (differs[r]) found.push_back(r);
  }
  return found;
}

void take(const std::vector<Step>& steps, Registers& registers, double* unsound) {
  for (const Step& s : steps) {
    double* target = registers[static_cast<std::size_t>(s.target)];
    apply(s.operation, target, registers[static_cast<std::size_t>(s.left)],
          registers[static_cast<std::size_t>(s.right)]);
    for (std::size_t w = 0; w < lanes; ++w) unsound[w] += target[w] * 0.0;
  }
}

}  // namespace riskslide::detail
