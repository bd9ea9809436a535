// Risk: an elementary function loses digits. Errors are counted in units in the last place against
// long double, on random points and on the edges of each range.
#include <cmath>
#include <limits>

#include "check.hpp"
#include "kernel/functions.hpp"

namespace {

using riskslide::kernel::exp_flushed;
using riskslide::kernel::log_positive;
using riskslide::kernel::log_ratio;
using riskslide::kernel::mills;

constexpr int points = 200'000;
constexpr double infinity = std::numeric_limits<double>::infinity();

// Distance to the exact value in units in the last place of that value.
double ulps(double found, long double exact) {
  if (exact == 0) return found == 0 ? 0 : infinity;
  const double rounded = static_cast<double>(exact < 0 ? -exact : exact);
  const double unit = std::nextafter(rounded, infinity) - rounded;
  const long double error = static_cast<long double>(found) - exact;
  return static_cast<double>((error < 0 ? -error : error) / static_cast<long double>(unit));
}

void largest(double& worst, double error) {
  if (!(error <= worst)) worst = error;
}

// A power of ten between 10^from and 10^to.
double decade(check::Random& random, double from, double to) {
  return std::pow(10.0, random.uniform(from, to));
}

void exponential() {
  check::Random random(1);
  double worst = 0;
  const auto test = [&](double x) {
    largest(worst, ulps(exp_flushed(x), std::exp(static_cast<long double>(x))));
  };
  for (int k = 0; k < points; ++k) {
    test(random.uniform(-690, 709.78));
    test(random.uniform(-1, 1));
    test(decade(random, -300, 0) * (k % 2 == 0 ? 1 : -1));
    const double middle = static_cast<double>(random.whole(-990, 1023)) * 0.5 * 0.6931471805599453;
    test(middle * (1 + random.uniform(-1e-15, 1e-15)));  // where the reduced argument is largest
  }
  CHECK(worst <= 0.75);
  std::printf("exp_flushed: largest error %.3f ULP\n", worst);
  CHECK_SAME(exp_flushed(0.0), 1.0);
  CHECK_SAME(exp_flushed(-0.0), 1.0);
  CHECK(exp_flushed(-690.0) > 0);
  CHECK_SAME(exp_flushed(std::nextafter(-690.0, -infinity)), 0.0);
  CHECK_SAME(exp_flushed(-1e308), 0.0);
  CHECK_SAME(exp_flushed(-infinity), 0.0);
  const double highest = 0x1.62e42fefa39efp+9;
  CHECK(exp_flushed(highest) <= std::numeric_limits<double>::max());
  CHECK_SAME(exp_flushed(std::nextafter(highest, infinity)), infinity);
  CHECK_SAME(exp_flushed(infinity), infinity);
  CHECK(std::isnan(exp_flushed(std::numeric_limits<double>::quiet_NaN())));
}

// ln(a / b): a - b is exact where they are close, so the reference loses nothing there.
long double exact_log_ratio(double a, double b) {
  const long double x = a, y = b;
  return a > 0.5 * b && a < 2 * b ? std::log1p((x - y) / y) : std::log(x / y);
}

void logarithm() {
  check::Random random(2);
  double worst = 0;
  const auto test = [&](double a, double b) {
    largest(worst, ulps(log_ratio(a, b), exact_log_ratio(a, b)));
  };
  for (int k = 0; k < points; ++k) {
    const double b = decade(random, -300, 300);
    test(decade(random, -300, 300), b);
    test(b * random.uniform(0.5, 2.0), b);
    test(b * (1 + decade(random, -16, -1) * (k % 2 == 0 ? 1 : -1)), b);
    test(b * 1.5 * (1 + random.uniform(-1e-14, 1e-14)), b);  // ends of the reduced range
    test(b * (1 + random.uniform(-1e-14, 1e-14)) / 1.5, b);
    test(std::ldexp(b, static_cast<int>(random.whole(-20, 20))), b);
    test(std::nextafter(b, k % 2 == 0 ? infinity : 0.0), b);
  }
  CHECK(worst <= 0.75);
  std::printf("log_ratio: largest error %.3f ULP\n", worst);
  for (int k = 0; k < 1000; ++k) {
    const double a = decade(random, -300, 300);
    CHECK_SAME(log_ratio(a, a), 0.0);
    CHECK_SAME(log_positive(a), log_ratio(a, 1.0));
    CHECK_NEAR(log_ratio(a, 3.0), -log_ratio(3.0, a), 1e-13);
  }
  const double tiny = std::numeric_limits<double>::min();
  const double huge = std::numeric_limits<double>::max();
  CHECK(ulps(log_ratio(huge, tiny), std::log(static_cast<long double>(huge) / tiny)) <= 0.75);
  CHECK(std::isfinite(log_ratio(0.0, 1.0)) && std::isfinite(log_ratio(infinity, 1.0)));
}

// N(-x) / phi(x): by the complementary error function near 0, by its continued fraction elsewhere,
// whose terms are all positive and lose nothing.
long double exact_mills(double x) {
  const long double z = x;
  if (x < 2) {
    const long double half_pi_root = 1.2533141373155002512078826424055226L;
    return half_pi_root * std::exp(z * z / 2) * std::erfc(z / 1.4142135623730950488016887242097L);
  }
  long double tail = z;
  for (int n = x < 6 ? 600 : 120; n > 0; --n) tail = z + static_cast<long double>(n) / tail;
  return 1 / tail;
}

void mills_ratio() {
  check::Random random(3);
  double worst = 0;
  const auto test = [&](double x) { largest(worst, ulps(mills(x), exact_mills(x))); };
  for (int k = 0; k < points / 4; ++k) {
    test(random.uniform(0, 1));
    test(random.uniform(0, 8));
    test(random.uniform(0, 40));
    test(decade(random, -300, 0));
  }
  test(40.0);
  CHECK(worst <= 6.0);
  std::printf("mills: largest error %.3f ULP\n", worst);
  CHECK_SAME(mills(0.0), 0x1.40d931ff62706p+0);
  CHECK_NEAR(mills(60.0) / static_cast<double>(exact_mills(60.0)), 1.0, 1e-11);
  for (int k = 0; k < 4000; ++k) CHECK(mills(0.01 * (k + 1)) < mills(0.01 * k));
}

}  // namespace

int main() {
  exponential();
  logarithm();
  mills_ratio();
  return check::done("functions");
}
