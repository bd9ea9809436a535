// Measures value and Greeks against arithmetic of 256 bits, by model and field, over random options
// and awkward ones; exits 1 where an error passes what is promised: the constants below.
//
//   accuracy [--cases N] [--seed N] [--threads N] [--json] [--rows]    20,000 cases of each model
//
// Prints the tables of docs/methods/pricing.md, with --rows the worst options as well.
#include <algorithm>
#include <cmath>
#include <cstdio>
#include <cstdlib>
#include <cstring>
#include <limits>
#include <string>
#include <thread>
#include <vector>

#include "check.hpp"
#include "european.hpp"
#include "riskslide/value/greeks.hpp"

namespace {

using check::delta;
using check::Discounting;
using check::European;
using check::Exact;
using check::field_names;
using check::fields;
using check::Model;
using check::Random;
using check::Real;
using check::rho;
using check::theta;
using check::value;

constexpr int bits = check::NormalTail::bits, bits_of_differences = 400;
constexpr double epsilon = std::numeric_limits<double>::epsilon();
constexpr double infinity = std::numeric_limits<double>::infinity();
constexpr std::size_t block = 500;
// Options of each model checked by differences: the first of every hundred, up to a thousand.
constexpr std::int64_t differenced_every = 100, differenced_at_most = 1000;

// What is promised of ordinary options. A price may miss by the widest of the three; rho of a
// forward model is -years * value and is held to the same.
constexpr double price_of_scale = 1e-15;  // of max(|underlying|, |strike|)
constexpr double price_relative = 1e-12;
constexpr double price_conditions = 8;  // times condition(option) epsilon, relative
constexpr double theta_relative = 2e-13;
constexpr double greek_relative = 2e-14;  // theta, vanna, volga and charm to the sum of their terms
constexpr double edge_relative = 1e-13;   // all of them at the edges, to the sum of their terms
// Formula against difference, to the sum of terms; the value, by MPFR's erfc, and what is divided.
constexpr double value_by_differences = 1e-50, greek_by_differences = 1e-25;

struct Subject {
  const char* name;
  Model model;
  Discounting discounting;
};
constexpr Subject subjects[] = {
    {"Black-76, rate", Model::black76, Discounting::rate},
    {"Black-76, discount", Model::black76, Discounting::discount},
    {"Black-Scholes-Merton", Model::bsm, Discounting::rate},
    {"Bachelier, rate", Model::bachelier, Discounting::rate},
    {"Bachelier, discount", Model::bachelier, Discounting::discount},
};

double decade(Random& random, double from, double to) {
  return std::exp(random.uniform(std::log(from), std::log(to)));
}

// An option whose d1 and d2 lie within `reach`; the strike follows from d1.
European drawn(Random& random, const Subject& of, double years, double vol, double d1) {
  European o{};
  o.model = of.model, o.discounting = of.discounting;
  o.years = years;
  o.call = random.whole(0, 1) == 1;
  const double rate = random.uniform(-0.05, 0.2);
  o.dividend_yield = of.model == Model::bsm ? random.uniform(-0.05, 0.2) : 0;
  o.rate = of.discounting == Discounting::discount ? std::exp(-rate * years) : rate;
  const double root = std::sqrt(years);
  if (of.model == Model::bachelier) {
    o.underlying = random.uniform(-100, 100);
    o.vol = 100 * vol;
    o.strike = o.underlying - d1 * o.vol * root;
    return o;
  }
  const double carry = of.model == Model::bsm ? (rate - o.dividend_yield) * years : 0;
  o.underlying = decade(random, 1e-2, 1e5);
  o.vol = vol;
  const double deviation = vol * root;
  o.strike = o.underlying * std::exp(carry - deviation * (d1 - 0.5 * deviation));
  return o;
}

// One hour to five years, 1 % to 400 % of vol, both distances within 12 deviations.
European ordinary(Random& random, const Subject& of) {
  const double years = decade(random, 1.0 / 8760, 5), vol = decade(random, 0.01, 4);
  const double deviation = of.model == Model::bachelier ? 0 : vol * std::sqrt(years);
  return drawn(random, of, years, vol, random.uniform(-12 + deviation, 12));
}

// What happens at the edges of the domain; the limits are asked for where they are exact.
European awkward(Random& random, const Subject& of, std::size_t row) {
  const double years = decade(random, 1.0 / 8760, 5), vol = decade(random, 0.01, 4);
  const double sign = random.whole(0, 1) == 1 ? 1 : -1;
  switch (row % 7) {
    case 0: return drawn(random, of, years, decade(random, 0.01, 1), sign * random.uniform(12, 36));
    case 1: {  // at the money, exactly
      European o = drawn(random, of, years, vol, 0);
      o.strike = o.underlying;
      o.dividend_yield = row % 2 == 0 ? o.rate : o.dividend_yield;
      return o;
    }
    case 2: return drawn(random, of, decade(random, 1e-12, 1e-4), vol, random.uniform(-12, 12));
    case 3:
    case 4: {  // no vol, or no time
      European o = drawn(random, of, years, vol, random.uniform(-3, 3));
      if (row % 7 == 3) o.vol = 0;
      if (row % 7 == 4) o.years = 0, o.vol = decade(random, 1e-2, 1e9);
      if (row % 2 == 0 && of.model != Model::bsm) o.strike = o.underlying;
      return o;
    }
    case 5: {  // some steps beside the forward
      European o = drawn(random, of, decade(random, 1e-6, 1), decade(random, 0.01, 0.5), 0);
      if (of.model == Model::bsm) o.dividend_yield = o.rate;
      o.strike = o.underlying;
      for (std::int64_t k = random.whole(1, 8); k > 0; --k) {
        o.strike = std::nextafter(o.strike, sign * infinity);
      }
      return o;
    }
    default: {  // far more than a deviation of 1
      const double wide = decade(random, 1, 10), long_years = random.uniform(1, 4);
      const double deviation = wide * std::sqrt(long_years);
      return drawn(random, of, long_years, wide, deviation * random.uniform(0, 1));
    }
  }
}

// The largest error so far and the row that gave it.
struct Worst {
  double error = 0;
  European at{};
  double found = 0, exact = 0;

  void see(double now, const European& option, double now_found, const Real& now_exact) {
    if (now <= error) return;  // NaN is an error
    *this = {std::isnan(now) ? infinity : now, option, now_found, static_cast<double>(now_exact)};
  }
  void see(const Worst& other) {
    if (other.error > error) *this = other;
  }
};

struct Figures {
  Worst plain[fields];                   // relative
  Worst terms[fields];                   // relative to the sum of absolute terms
  Worst scaled;                          // price, over max(|underlying|, |strike|)
  Worst conditioned;                     // price, relative, over 8 condition numbers of epsilon
  Worst price, forward_rho;              // over what is allowed
  Worst edge_price, edge_terms[fields];  // rho of a forward model: over what is allowed
  Worst differences[fields];
  std::int64_t cases = 0, edges = 0, differenced_rows = 0;

  void see(const Figures& other) {
    for (std::size_t f = 0; f < fields; ++f) {
      plain[f].see(other.plain[f]);
      terms[f].see(other.terms[f]);
      edge_terms[f].see(other.edge_terms[f]);
      differences[f].see(other.differences[f]);
    }
    scaled.see(other.scaled);
    conditioned.see(other.conditioned);
    price.see(other.price);
    forward_rho.see(other.forward_rho);
    edge_price.see(other.edge_price);
    cases += other.cases;
    edges += other.edges;
    differenced_rows += other.differenced_rows;
  }
};

// What riskslide returns, field by field.
std::vector<std::vector<double>> computed(const std::vector<European>& rows) {
  const std::size_t n = rows.size();
  std::vector<std::vector<double>> in(6, std::vector<double>(n)), out(fields, in[0]);
  std::vector<std::uint8_t> is_call(n);
  for (std::size_t i = 0; i < n; ++i) {
    const European& o = rows[i];
    const double inputs[6] = {o.underlying, o.strike, o.years, o.vol, o.rate, o.dividend_yield};
    for (std::size_t c = 0; c < 6; ++c) in[c][i] = inputs[c];
    is_call[i] = o.call ? 1 : 0;
  }
  using riskslide::Column;
  riskslide::greeks({.model = rows[0].model,
                     .discounting = rows[0].discounting,
                     .size = n,
                     .underlying = Column::of(in[0]),
                     .strike = Column::of(in[1]),
                     .years = Column::of(in[2]),
                     .vol = Column::of(in[3]),
                     .rate = Column::of(in[4]),
                     .dividend_yield = Column::of(in[5]),
                     .is_call = is_call.data()},
                    {.value = out[0].data(),
                     .delta = out[1].data(),
                     .gamma = out[2].data(),
                     .vega = out[3].data(),
                     .theta = out[4].data(),
                     .rho = out[5].data(),
                     .vanna = out[6].data(),
                     .volga = out[7].data(),
                     .charm = out[8].data()},
                    1);
  return out;
}

double over(const Real& error, const Real& scale) {
  const double by = std::fabs(static_cast<double>(error / scale));
  return static_cast<double>(error) == 0 ? 0 : by;
}

double scale_of(const European& o) {
  return std::max(std::fabs(o.underlying), std::fabs(o.strike));
}

// |delta U / V|, at least 1, which the rounding of V itself takes. Bachelier's price does not know
// where 0 lies: the larger of |U| and |K| stands for U.
Real condition(const European& o, const Exact& exact) {
  const double size = o.model == Model::bachelier ? scale_of(o) : o.underlying;
  const Real found = abs(exact.at[delta] * Real(size) / exact.at[value]);
  return found > Real(1.0) ? found : Real(1.0);
}

// How far a price may miss.
Real room_of(const European& o, const Exact& exact) {
  const Real& worth = exact.at[value];
  Real room = Real(price_of_scale * scale_of(o));
  for (const Real& other : {Real(price_relative) * worth,
                            Real(price_conditions * epsilon) * condition(o, exact) * worth}) {
    if (other > room) room = other;
  }
  return room;
}

void compare_ordinary(Figures& to, const European& o, const Exact& exact, const double* found) {
  for (std::size_t f = 0; f < fields; ++f) {
    const Real error = Real(found[f]) - exact.at[f];
    to.plain[f].see(over(error, exact.at[f]), o, found[f], exact.at[f]);
    to.terms[f].see(over(error, exact.terms[f]), o, found[f], exact.at[f]);
  }
  const Real& worth = exact.at[value];
  const Real error = Real(found[value]) - worth, scale = scale_of(o);
  const Real conditions = Real(price_conditions * epsilon) * condition(o, exact);
  to.scaled.see(over(error, scale), o, found[value], worth);
  to.conditioned.see(over(error, worth * conditions), o, found[value], worth);
  const Real room = room_of(o, exact);
  to.price.see(over(error, room), o, found[value], worth);
  to.forward_rho.see(over(Real(found[rho]) - exact.at[rho], room * Real(o.years)), o, found[rho],
                     exact.at[rho]);
}

void compare_awkward(Figures& to, const European& o, const Exact& exact, const double* found) {
  const Real room = room_of(o, exact);
  to.edge_price.see(over(Real(found[value]) - exact.at[value], room), o, found[value],
                    exact.at[value]);
  for (std::size_t f = 1; f < fields; ++f) {
    const bool by_price = f == rho && o.model != Model::bsm;
    const Real scale = by_price ? room * Real(o.years) : exact.terms[f];
    to.edge_terms[f].see(over(Real(found[f]) - exact.at[f], scale), o, found[f], exact.at[f]);
  }
}

void compare_differences(Figures& to, const European& o, const Exact& exact) {
  Real::precision(bits_of_differences);
  const auto by_differences = check::greeks_by_differences(o);
  for (std::size_t f = 0; f < fields; ++f) {
    to.differences[f].see(over(by_differences[f] - exact.at[f], exact.terms[f]), o,
                          static_cast<double>(by_differences[f]), exact.at[f]);
  }
  Real::precision(bits);
  ++to.differenced_rows;
}

// One block: ordinary options, every fifth row an awkward one beside it.
Figures measured(const Subject& of, std::uint64_t seed, std::int64_t number, std::size_t size) {
  Random random(seed * 1'000'003 + static_cast<std::uint64_t>(number));
  Figures out;
  std::vector<European> rows, edges;
  for (std::size_t k = 0; k < size; ++k) rows.push_back(ordinary(random, of));
  for (std::size_t k = 0; k < std::max<std::size_t>(size / 5, 7); ++k) {
    edges.push_back(awkward(random, of, k + static_cast<std::size_t>(number)));
  }
  for (const bool edge : {false, true}) {
    const auto& options = edge ? edges : rows;
    const auto found = computed(options);
    for (std::size_t i = 0; i < options.size(); ++i) {
      const Exact exact = check::exact_greeks(options[i]);
      double row[fields];
      for (std::size_t f = 0; f < fields; ++f) row[f] = found[f][i];
      if (edge) {
        compare_awkward(out, options[i], exact, row);
      } else {
        compare_ordinary(out, options[i], exact, row);
        const std::int64_t at =
            number * static_cast<std::int64_t>(block) + static_cast<std::int64_t>(i);
        if (at % differenced_every == 0 && at < differenced_every * differenced_at_most) {
          compare_differences(out, options[i], exact);
        }
      }
    }
  }
  out.cases = static_cast<std::int64_t>(rows.size());
  out.edges = static_cast<std::int64_t>(edges.size());
  return out;
}

Figures measured(const Subject& of, std::uint64_t seed, std::int64_t cases, int threads) {
  const std::int64_t blocks =
      (cases + static_cast<std::int64_t>(block) - 1) / static_cast<std::int64_t>(block);
  std::vector<Figures> parts(static_cast<std::size_t>(threads));
  std::vector<std::thread> workers;
  for (int t = 0; t < threads; ++t) {
    workers.emplace_back([&, t] {
      Real::precision(bits);
      for (std::int64_t b = blocks * t / threads; b < blocks * (t + 1) / threads; ++b) {
        const auto left = static_cast<std::size_t>(cases) - static_cast<std::size_t>(b) * block;
        parts[static_cast<std::size_t>(t)].see(measured(of, seed, b, std::min(block, left)));
      }
      Real::release();
    });
  }
  for (auto& worker : workers) worker.join();
  Figures out;
  for (const Figures& part : parts) out.see(part);
  return out;
}

struct Claim {
  std::string field;
  const Worst* worst;
  double allowed;
};

// Whether a field is judged by the room that prices have, of which 1 is all.
bool by_room(const Subject& of, std::size_t field) {
  return field == value || (field == rho && of.model != Model::bsm);
}

// What is promised of a field over ordinary options.
Claim promise(const Subject& of, const Figures& figures, std::size_t field) {
  if (by_room(of, field)) {
    return {std::string(field_names[field]) + ", of what is allowed",
            field == value ? &figures.price : &figures.forward_rho, 1};
  }
  const bool by_terms = field >= theta && field != rho;
  return {std::string(field_names[field]) + (by_terms ? ", to its terms" : ""),
          by_terms ? &figures.terms[field] : &figures.plain[field],
          field == theta ? theta_relative : greek_relative};
}

// What must hold of a model, over ordinary options, at the edges and of the formulas themselves.
std::vector<Claim> claims_of(const Subject& of, const Figures& figures) {
  std::vector<Claim> out;
  for (std::size_t f = 0; f < fields; ++f) out.push_back(promise(of, figures, f));
  for (std::size_t f = 0; f < fields; ++f) {
    out.push_back({std::string(field_names[f]) + " at the edges",
                   f == value ? &figures.edge_price : &figures.edge_terms[f],
                   by_room(of, f) ? 1 : edge_relative});
  }
  for (std::size_t f = 0; f < fields; ++f) {
    out.push_back({std::string(field_names[f]) + " by differences", &figures.differences[f],
                   f == value ? value_by_differences : greek_by_differences});
  }
  return out;
}

void print_row(const char* label, const Worst& worst) {
  const European& o = worst.at;
  std::printf("- %s %.2e: %s U %.17g K %.17g T %.17g vol %.17g %s %.17g q %.17g; %.17g for %.17g\n",
              label, worst.error, o.call ? "call" : "put", o.underlying, o.strike, o.years, o.vol,
              o.discounting == Discounting::rate ? "r" : "D", o.rate, o.dividend_yield, worst.found,
              worst.exact);
}

// One table: a line for each model, a cell for each field.
template <class Cases, class Cell>
void print_table(const char* title, const std::vector<Figures>& all, Cases cases, Cell cell) {
  std::printf("%s\n\n| model | N |", title);
  for (const char* name : field_names) std::printf(" %s |", name);
  std::printf("\n|---|---|");
  for (std::size_t f = 0; f < fields; ++f) std::printf("---|");
  for (std::size_t s = 0; s < all.size(); ++s) {
    std::printf("\n| %s | %lld |", subjects[s].name, static_cast<long long>(cases(all[s])));
    for (std::size_t f = 0; f < fields; ++f) cell(subjects[s], all[s], f);
  }
  std::printf("\n");
}

void print_markdown(const std::vector<Figures>& all) {
  const auto all_cases = [](const Figures& x) { return x.cases; };
  print_table(
      "Largest error found, as it is judged: theta, vanna, volga and charm to the sum of their\n"
      "absolute terms, with an x as a part of what is allowed, the others relative.",
      all, all_cases, [](const Subject& of, const Figures& x, std::size_t f) {
        std::printf(by_room(of, f) ? " %.1gx |" : " %.1e |", promise(of, x, f).worst->error);
      });
  std::printf("| allowed | |");
  for (std::size_t f = 0; f < fields; ++f) {
    f == value ? std::printf(" 1x |")
               : std::printf(f == rho ? " %.0e or 1x |" : " %.0e |",
                             f == theta ? theta_relative : greek_relative);
  }
  std::printf("\n\n");
  print_table("The same options, every field relative to itself.", all, all_cases,
              [](const Subject&, const Figures& x, std::size_t f) {
                std::printf(" %.1e |", x.plain[f].error);
              });
  std::printf("\n");
  print_table(
      "At the edges, judged by the sum of absolute terms or, with an x, by what is allowed.", all,
      [](const Figures& x) { return x.edges; },
      [](const Subject& of, const Figures& x, std::size_t f) {
        std::printf(by_room(of, f) ? " %.1gx |" : " %.1e |",
                    (f == value ? x.edge_price : x.edge_terms[f]).error);
      });
  std::printf("\n");
  print_table(
      "The formulas against central differences of the price, in 400 bits, to the sum of terms.",
      all, [](const Figures& x) { return x.differenced_rows; },
      [](const Subject&, const Figures& x, std::size_t f) {
        std::printf(" %.0e |", x.differences[f].error);
      });
}

void print_rows(const std::vector<Figures>& all) {
  for (std::size_t s = 0; s < all.size(); ++s) {
    std::printf("\nWorst rows of %s\n\n", subjects[s].name);
    for (std::size_t f = 0; f < fields; ++f) {
      const Claim claim = promise(subjects[s], all[s], f);
      print_row(claim.field.c_str(), *claim.worst);
    }
    print_row("value / max(U, K)", all[s].scaled);
    print_row("value / 8 cond eps", all[s].conditioned);
    print_row("edge value", all[s].edge_price);
    for (std::size_t f = 1; f < fields; ++f) {
      print_row((std::string("edge ") + field_names[f]).c_str(), all[s].edge_terms[f]);
    }
  }
}

void print_json(const std::vector<Figures>& all, std::uint64_t seed) {
  const auto list = [](const char* name, const Worst* worst, std::size_t from, std::size_t to) {
    std::printf(", \"%s\": {", name);
    for (std::size_t f = from; f < to; ++f) {
      std::printf("%s\"%s\": %.6g", f == from ? "" : ", ", field_names[f], worst[f].error);
    }
    std::printf("}");
  };
  std::printf("{\"seed\": %llu, \"models\": [", static_cast<unsigned long long>(seed));
  for (std::size_t s = 0; s < all.size(); ++s) {
    const Figures& x = all[s];
    std::printf("%s\n  {\"model\": \"%s\", \"cases\": %lld, \"edges\": %lld", s == 0 ? "" : ",",
                subjects[s].name, static_cast<long long>(x.cases), static_cast<long long>(x.edges));
    list("relative", x.plain, 0, fields);
    list("relative_to_terms", x.terms, 0, fields);
    std::printf(", \"price_over_scale\": %.6g, \"price_over_conditions\": %.6g", x.scaled.error,
                x.conditioned.error);
    std::printf(", \"price_over_allowed\": %.6g, \"edge_price_over_allowed\": %.6g", x.price.error,
                x.edge_price.error);
    list("edge_relative_to_terms", x.edge_terms, 1, fields);
    list("differences", x.differences, 0, fields);
    std::printf("}");
  }
  std::printf("\n]}\n");
}

struct Wanted {
  std::int64_t cases = 20'000, seed = 1;
  std::int64_t threads = std::max(1U, std::thread::hardware_concurrency());
  bool json = false, rows = false, understood = true;
};

Wanted read(int count, char** arguments) {
  Wanted out;
  for (int a = 1; a < count; ++a) {
    const std::string word = arguments[a];
    std::int64_t* const number = word == "--cases"     ? &out.cases
                                 : word == "--seed"    ? &out.seed
                                 : word == "--threads" ? &out.threads
                                                       : nullptr;
    if (word == "--json") {
      out.json = true;
    } else if (word == "--rows") {
      out.rows = true;
    } else if (number != nullptr && a + 1 < count) {
      char* end = nullptr;
      *number = std::strtoll(arguments[++a], &end, 10);
      out.understood = out.understood && *end == '\0' && *number > 0;
    } else {
      out.understood = false;
    }
  }
  return out;
}

}  // namespace

int main(int count, char** arguments) {
  const Wanted wanted = read(count, arguments);
  if (!wanted.understood) {
    std::fprintf(stderr, "accuracy [--cases N] [--seed N] [--threads N] [--json] [--rows]\n");
    return 2;
  }
  const auto seed = static_cast<std::uint64_t>(wanted.seed);
  const int threads = mpfr_buildopt_tls_p() == 0 ? 1 : static_cast<int>(wanted.threads);
  std::vector<Figures> all;
  for (const Subject& of : subjects) all.push_back(measured(of, seed, wanted.cases, threads));
  wanted.json ? print_json(all, seed) : print_markdown(all);
  if (wanted.rows) print_rows(all);

  int broken = 0;
  for (std::size_t s = 0; s < all.size(); ++s) {
    for (const Claim& claim : claims_of(subjects[s], all[s])) {
      if (claim.worst->error <= claim.allowed) continue;
      ++broken;
      std::fprintf(stderr, "%s: %s is %.3g, allowed %.3g\n", subjects[s].name, claim.field.c_str(),
                   claim.worst->error, claim.allowed);
    }
  }
  Real::release();
  return broken == 0 ? 0 : 1;
}
