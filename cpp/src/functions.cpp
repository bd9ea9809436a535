// Decides which arguments of an elementary function are refused, before its kernel runs.
#include "riskslide/value/functions.hpp"

#include <cstddef>
#include <cstdint>
#include <limits>
#include <span>

#include "checks.hpp"
#include "dispatch.hpp"

namespace riskslide {
namespace {

constexpr double smallest = std::numeric_limits<double>::min();

std::int64_t length(std::span<const double> column) {
  return static_cast<std::int64_t>(column.size());
}

void need_at_least_smallest(const char* name, std::span<const double> column, const char* fix) {
  for (std::size_t k = 0; k < column.size(); ++k) {
    if (column[k] >= smallest) continue;
    detail::refuse("E_DOMAIN", name, static_cast<std::int64_t>(k), column[k], fix);
  }
}

}  // namespace

void exponential(std::span<const double> exponent, std::span<double> out) {
  detail::need_size("out", out.size(), exponent.size());
  detail::kernels().exponential(exponent.data(), out.data(), length(exponent));
}

void log_ratio(std::span<const double> a, std::span<const double> b, std::span<double> out) {
  detail::need_size("b", b.size(), a.size());
  detail::need_size("out", out.size(), a.size());
  detail::need_finite("a", a);
  need_at_least_smallest("a", a, "must be > 0");
  detail::need_finite("b", b);
  need_at_least_smallest("b", b, "must be > 0");
  detail::kernels().log_ratio(a.data(), b.data(), out.data(), length(a));
}

void power(std::span<const double> x, std::span<const double> y, std::span<double> out) {
  detail::need_size("y", y.size(), x.size());
  detail::need_size("out", out.size(), x.size());
  detail::need_finite("x", x);
  need_at_least_smallest("x", x, "must be > 0");
  detail::need_finite("y", y);
  detail::kernels().power(x.data(), y.data(), out.data(), length(x));
}

void normal_tail(std::span<const double> x, std::span<double> out) {
  detail::need_size("out", out.size(), x.size());
  detail::need_finite("x", x);
  detail::kernels().normal_tail(x.data(), out.data(), length(x));
}

void normal_inverse(std::span<const double> p, std::span<double> out) {
  const char* const fix = "must be a probability above 0 (2.3e-308 or more) and below 1";
  detail::need_size("out", out.size(), p.size());
  detail::need_finite("p", p);
  need_at_least_smallest("p", p, fix);
  for (std::size_t k = 0; k < p.size(); ++k) {
    if (p[k] >= 1) detail::refuse("E_DOMAIN", "p", static_cast<std::int64_t>(k), p[k], fix);
  }
  detail::kernels().normal_inverse(p.data(), out.data(), length(p));
}

}  // namespace riskslide
