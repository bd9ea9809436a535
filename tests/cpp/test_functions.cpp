// Risk: an elementary function loses digits, or an instruction set computes other bits. Errors are
// counted in units in the last place, on the edges of each range and on random points.
//
//   test_functions [points [name]]
//
// Takes that many points of each function, 20,000 unless told, or of the one that is named. Exit 2
// where points is not a whole number above 0 or no function has the name.
#include <algorithm>
#include <cerrno>
#include <cmath>
#include <cstdio>
#include <cstdlib>
#include <cstring>
#include <iterator>
#include <limits>

#include "check.hpp"
#include "exact.hpp"
#include "kernel/normal.hpp"
#include "tables.hpp"

namespace {

namespace kernel = riskslide::kernel;
using check::infinity;
using check::ulps;
using kernel::exp_flushed;
using kernel::log_ratio;
using kernel::mills;
using kernel::normal_inverse;
using kernel::normal_tail;
using kernel::power;

std::int64_t points = 20'000;
constexpr double smallest = std::numeric_limits<double>::min();
constexpr double largest = std::numeric_limits<double>::max();
constexpr double tiny = std::numeric_limits<double>::denorm_min();
constexpr double highest = 0x1.62e42fefa39efp+9;  // e^highest is finite, the next is not
constexpr double ln2 = 0.6931471805599453;

// A power of ten between 10^from and 10^to.
double decade(check::Random& random, double from, double to) {
  return std::pow(10.0, random.uniform(from, to));
}

// A double of [from, to], from >= 0, every bit pattern as likely as any other.
double pattern(check::Random& random, double from, double to) {
  std::int64_t low = 0, high = 0;
  std::memcpy(&low, &from, sizeof low);
  std::memcpy(&high, &to, sizeof high);
  const std::int64_t bits = random.whole(low, high);
  double out = 0;
  std::memcpy(&out, &bits, sizeof out);
  return out;
}

double sign(check::Random& random) { return random.whole(0, 1) == 0 ? 1.0 : -1.0; }

// x, or a double some steps beside it.
double beside(check::Random& random, double x) {
  for (std::int64_t k = random.whole(-3, 3); k != 0; k += k < 0 ? 1 : -1) {
    x = std::nextafter(x, k < 0 ? -infinity : infinity);
  }
  return x;
}

double one_of(check::Random& random, const std::vector<double>& list) {
  return list[static_cast<std::size_t>(
      random.whole(0, static_cast<std::int64_t>(list.size()) - 1))];
}

struct Inputs {
  double a, b;
};

// One function: how every table computes it, which inputs it gets and how far a result is off.
struct Subject {
  const char* name;
  double limit;  // units in the last place
  kernel::Unary kernel::Table::* unary;
  kernel::Binary kernel::Table::* binary;
  Inputs (*draw)(check::Random&, std::int64_t k);
  double (*error)(const Inputs&, double found);
};

void compute(const kernel::Table& table, const Subject& of, const std::vector<double>& a,
             const std::vector<double>& b, std::vector<double>& out) {
  const auto size = static_cast<std::int64_t>(a.size());
  if (of.unary != nullptr) {
    (table.*of.unary)(a.data(), out.data(), size);
  } else {
    (table.*of.binary)(a.data(), b.data(), out.data(), size);
  }
}

// Largest error over all points; every instruction set must give the same bytes.
void measure(const Subject& of) {
  constexpr std::size_t block = 1000 + 5;  // whole vectors and a rest
  const auto tables = check::tables();
  check::Random random(1);
  std::vector<double> a(block), b(block), wanted(block), found(block);
  double worst = 0;
  Inputs at{0, 0};
  std::int64_t tested = 0;
  while (tested < points) {
    for (std::size_t k = 0; k < block; ++k) {
      const Inputs in = of.draw(random, tested++);
      a[k] = in.a, b[k] = in.b;
    }
    compute(*tables[0], of, a, b, wanted);
    for (const kernel::Table* table : tables) {
      compute(*table, of, a, b, found);
      check::that(std::memcmp(found.data(), wanted.data(), wanted.size() * sizeof(double)) == 0,
                  "the bits of the baseline", __FILE__, __LINE__, of.name);
    }
    for (std::size_t k = 0; k < block; ++k) {
      const double error = of.error({a[k], b[k]}, wanted[k]);
      if (error <= worst) continue;
      worst = error;
      at = {a[k], b[k]};
    }
  }
  std::printf("%-14s largest error %.3f ULP over %lld points, at %a", of.name, worst,
              static_cast<long long>(tested), at.a);
  if (of.binary != nullptr) std::printf(", %a", at.b);
  std::printf("\n");
  check::that(worst <= of.limit, "the stated error", __FILE__, __LINE__, of.name);
}

Inputs draw_exponential(check::Random& random, std::int64_t k) {
  switch (k % 6) {
    case 0: return {random.uniform(-690, highest), 0};
    case 1: return {random.uniform(-1, 1), 0};
    case 2: return {sign(random) * pattern(random, 0, 720), 0};
    case 3: return {sign(random) * decade(random, -17, 1), 0};
    case 4:  // where the reduced argument is largest
      return {beside(random, static_cast<double>(random.whole(-1990, 2047)) * 0.5 * ln2), 0};
    default:
      return {beside(random, one_of(random, {0, tiny, smallest, 1, -1, -690, highest, ln2 / 2,
                                             -ln2 / 2, largest, -largest, infinity, -infinity})),
              0};
  }
}

double error_of_exponential(const Inputs& in, double found) {
  if (in.a < -690) return found == 0 ? 0 : infinity;
  if (in.a > highest) return found == infinity ? 0 : infinity;
  return ulps(found, check::exact::exponential(in.a));
}

Inputs draw_log_ratio(check::Random& random, std::int64_t k) {
  const double b = k % 2 == 0 ? decade(random, -300, 300) : pattern(random, smallest, largest);
  const double room = b > 1 ? b / 4 : b;  // twice it is still finite
  switch (k / 2 % 7) {
    case 0: return {pattern(random, smallest, largest), b};
    case 1: return {room * random.uniform(1, 4), room * 2};
    case 2: return {room * (1 + decade(random, -16, -1)), room};
    case 3: return {beside(random, room * 1.5), room};  // ends of the reduced range
    case 4: return {room, beside(random, room * 1.5)};
    case 5: {
      const double a = one_of(random, {smallest, largest, 1, 2, 0.5, 1.5, room});
      return {a, one_of(random, {smallest, largest, 1, a, room})};
    }
    default: return {std::nextafter(room, sign(random) * infinity), room};
  }
}

double error_of_log_ratio(const Inputs& in, double found) {
  if (!(in.a >= smallest && in.b >= smallest)) return 0;  // a step below the domain
  if (in.a == in.b) return found == 0 ? 0 : infinity;
  return ulps(found, check::exact::log_ratio(in.a, in.b));
}

Inputs draw_mills(check::Random& random, std::int64_t k) {
  switch (k % 5) {
    case 0: return {random.uniform(0, 1), 0};
    case 1: return {random.uniform(0, 8), 0};
    case 2: return {random.uniform(0, 40), 0};
    case 3: return {pattern(random, 0, 40), 0};
    default:
      return {one_of(random, {0, tiny, smallest, 1, 2, 0.5, 40, 8, random.uniform(39, 40)}), 0};
  }
}

double error_of_mills(const Inputs& in, double found) {
  return ulps(found, check::exact::mills(in.a));
}

Inputs draw_power(check::Random& random, std::int64_t k) {
  const double x = k % 3 == 0   ? decade(random, -2, 2)
                   : k % 3 == 1 ? pattern(random, smallest, largest)
                                : 1 + sign(random) * decade(random, -16, -1);
  const double log = std::fabs(std::log(x)) + 1e-300;
  switch (k / 3 % 8) {
    case 0: return {x, random.uniform(-720, 720) / log};
    case 1: return {x, sign(random) * pattern(random, 0, 720) / log};
    case 2: return {x, random.uniform(-3, 3)};
    case 3: return {x, static_cast<double>(random.whole(-40, 40)) / 2};
    case 4: return {x, sign(random) * pattern(random, 0, largest)};
    case 5: {  // ends of the reduced range
      const double end = std::ldexp(std::sqrt(0.5), static_cast<int>(random.whole(-1021, 1023)));
      return {beside(random, end), random.uniform(-720, 720) / std::fabs(std::log(end))};
    }
    case 6: {  // next to the flush and to the overflow
      const double y = sign(random) * random.uniform(1, 50);
      return {beside(random, std::exp((random.whole(0, 1) == 0 ? -690 : highest) / y)), y};
    }
    default:
      return {one_of(random, {smallest, largest, 1, 2, 0.5, 4, std::nextafter(1.0, 0), x}),
              one_of(random, {0, -0.0, 1, -1, 2, 0.5, tiny, -tiny, largest, -largest, 1023, 1024,
                              -1022, -996, random.uniform(-1, 1)})};
  }
}

double error_of_power(const Inputs& in, double found) {
  if (!(in.a >= smallest && std::isfinite(in.a) && std::isfinite(in.b))) return 0;
  if (in.a == 1 || in.b == 0) return found == 1 ? 0 : infinity;
  const double log = in.b * std::log(in.a);
  if (std::fabs(log + 690) < 1e-10 && found == 0) return 0;  // either side of the flush
  if (log < -690 - 1e-10) return found == 0 ? 0 : infinity;
  if (log > 710) return found == infinity ? 0 : infinity;
  return ulps(found, check::exact::power(in.a, in.b));
}

Inputs draw_normal_tail(check::Random& random, std::int64_t k) {
  switch (k % 6) {
    case 0: return {random.uniform(-9, 0), 0};
    case 1: return {random.uniform(0, 8), 0};
    case 2: return {random.uniform(0, 37.2), 0};
    case 3: return {sign(random) * pattern(random, 0, 40), 0};
    case 4: return {sign(random) * pattern(random, 0, largest), 0};
    default:
      return {beside(random, one_of(random, {0, tiny, -tiny, smallest, 1, -1, 37, 37.148, 40, -8.3,
                                             -40, largest, -largest, infinity, -infinity})),
              0};
  }
}

double error_of_normal_tail(const Inputs& in, double found) {
  if (0.5 * in.a * in.a > 690 && in.a > 0) return found == 0 ? 0 : infinity;
  if (in.a < -40) return found == 1 ? 0 : infinity;
  return ulps(found, check::exact::normal_tail(in.a));
}

Inputs draw_normal_inverse(check::Random& random, std::int64_t k) {
  switch (k % 7) {
    case 0: return {random.uniform(0, 1), 0};
    case 1: return {pattern(random, smallest, 0.5), 0};
    case 2: return {1 - decade(random, -16, 0), 0};
    case 3: return {0.5 + sign(random) * decade(random, -17, -1), 0};
    case 4: return {random.uniform(0.07, 0.26), 0};
    case 5: return {1 - 0x1p-53 * static_cast<double>(random.whole(1, 1000)), 0};
    default:
      return {beside(random, one_of(random, {smallest, 0.075, 0.25, 0.5, 0.75, 0.925, 0.05,
                                             1 - 0x1p-52, 0.125})),
              0};
  }
}

double error_of_normal_inverse(const Inputs& in, double found) {
  if (!(in.a >= smallest && in.a < 1)) return 0;
  return check::inverse_ulps(in.a, found);
}

void exponential_at_its_ends() {
  CHECK_SAME(exp_flushed(0.0), 1.0);
  CHECK_SAME(exp_flushed(-0.0), 1.0);
  CHECK(exp_flushed(-690.0) > 0);
  CHECK_SAME(exp_flushed(std::nextafter(-690.0, -infinity)), 0.0);
  CHECK_SAME(exp_flushed(-1e308), 0.0);
  CHECK_SAME(exp_flushed(-infinity), 0.0);
  CHECK(exp_flushed(highest) <= largest);
  CHECK_SAME(exp_flushed(std::nextafter(highest, infinity)), infinity);
  CHECK_SAME(exp_flushed(infinity), infinity);
  CHECK(std::isnan(exp_flushed(std::numeric_limits<double>::quiet_NaN())));
}

void logarithm_of_equal_and_swapped() {
  check::Random random(2);
  for (int k = 0; k < 1000; ++k) {
    const double a = decade(random, -300, 300);
    CHECK_SAME(log_ratio(a, a), 0.0);
    CHECK_NEAR(log_ratio(a, 3.0), -log_ratio(3.0, a), 1e-13);
  }
  CHECK(std::isfinite(log_ratio(0.0, 1.0)) && std::isfinite(log_ratio(infinity, 1.0)));
}

void mills_falls() {
  CHECK_SAME(mills(0.0), 0x1.40d931ff62706p+0);
  CHECK(ulps(mills(60.0), check::exact::mills(60.0)) <= 1e-11 * 0x1p53);
  for (int k = 0; k < 4000; ++k) CHECK(mills(0.01 * (k + 1)) < mills(0.01 * k));
}

void power_is_exact_where_it_must_be() {
  check::Random random(3);
  for (int k = 0; k < 1000; ++k) {
    const double x = pattern(random, smallest, largest);
    CHECK_SAME(power(x, 0.0), 1.0);
    CHECK_SAME(power(x, -0.0), 1.0);
    CHECK_SAME(power(1.0, sign(random) * pattern(random, 0, largest)), 1.0);
  }
  for (int k = -995; k < 1024; ++k) CHECK_SAME(power(2.0, k), std::ldexp(1.0, k));
  CHECK_SAME(power(2.0, 1024.0), infinity);
  CHECK_SAME(power(2.0, -996.0), 0.0);  // e^-690.4
  CHECK_SAME(power(0.5, largest), 0.0);
  CHECK_SAME(power(0.5, -largest), infinity);
}

void tails_meet() {
  CHECK_SAME(normal_tail(0.0), 0.5);
  CHECK_SAME(normal_tail(-0.0), 0.5);
  CHECK(normal_tail(37.148) > 0);
  CHECK_SAME(normal_tail(37.149), 0.0);
  CHECK_SAME(normal_tail(infinity), 0.0);
  CHECK_SAME(normal_tail(-infinity), 1.0);
  CHECK_SAME(normal_inverse(0.5), 0.0);
  CHECK_SAME(normal_inverse(0.0), -infinity);
  CHECK_SAME(normal_inverse(1.0), infinity);
  check::Random random(4);
  for (int k = 0; k < 10000; ++k) {
    const double x = random.uniform(0, 37);
    CHECK_SAME(normal_tail(-x), 1.0 - normal_tail(x));
    CHECK_NEAR(normal_inverse(normal_tail(x)), -x, 1e-14 + 1e-15 * x);
    const double p = 1 - 0x1p-53 * static_cast<double>(random.whole(1, 1LL << 52));
    CHECK_SAME(normal_inverse(p), -normal_inverse(1 - p));
  }
  for (const double start : {0.075, 0.25, 0.5, 0.75, 0.925}) {  // rises over the branch points
    double p = start - 1e-12;
    for (int k = 0; k < 1000; ++k, p += 2e-15) {
      CHECK(normal_inverse(p + 2e-15) > normal_inverse(p));
    }
  }
}

using kernel::Table;
constexpr Subject subjects[] = {
    {"exponential", 0.75, &Table::exponential, nullptr, draw_exponential, error_of_exponential},
    {"log_ratio", 0.75, nullptr, &Table::log_ratio, draw_log_ratio, error_of_log_ratio},
    {"mills", 6.0, &Table::mills, nullptr, draw_mills, error_of_mills},
    {"power", 1.0, nullptr, &Table::power, draw_power, error_of_power},
    {"normal_tail", 8.0, &Table::normal_tail, nullptr, draw_normal_tail, error_of_normal_tail},
    {"normal_inverse", 3.0, &Table::normal_inverse, nullptr, draw_normal_inverse,
     error_of_normal_inverse},
};

// Takes the arguments over; false where they ask for nothing that can be measured.
bool understood(int count, char** arguments) {
  if (count > 1) {
    char* end = nullptr;
    errno = 0;
    points = std::strtoll(arguments[1], &end, 10);
    if (points <= 0 || *end != '\0' || errno != 0) return false;
  }
  if (count < 3) return true;
  const auto named = [&](const Subject& subject) {
    return std::strcmp(arguments[2], subject.name) == 0;
  };
  return count == 3 && std::any_of(std::begin(subjects), std::end(subjects), named);
}

}  // namespace

int main(int count, char** arguments) {
  if (!understood(count, arguments)) {
    std::fprintf(stderr, "usage: test_functions [points above 0 [name]], a name of:");
    for (const Subject& subject : subjects) std::fprintf(stderr, " %s", subject.name);
    std::fprintf(stderr, "\n");
    return 2;
  }
  check::prepare_exact();
#if defined(RISKSLIDE_MPFR)
  std::printf("errors against MPFR, %d bits\n", check::exact_bits);
#else
  std::printf("MPFR was not found: errors against long double, %d bits\n", check::exact_bits);
#endif
  for (const kernel::Table* table : check::tables()) std::printf("runs %s\n", table->name);
  for (const Subject& subject : subjects) {
    if (count < 3 || std::strcmp(arguments[2], subject.name) == 0) measure(subject);
  }
  exponential_at_its_ends();
  logarithm_of_equal_and_swapped();
  mills_falls();
  power_is_exact_where_it_must_be();
  tails_meet();
  return check::done("functions");
}
