// Risk: a hot call asks for memory. Warm calls are counted: Greeks and kernels ask for none, the
// others for a number that the limits below bound, whatever the positions, instruments, accounts.
#include <algorithm>
#include <array>
#include <atomic>
#include <cstdlib>
#include <new>
#include <span>
#include <string>

#include "book.hpp"
#include "check.hpp"
#include "dispatch.hpp"
#include "riskslide/risk/tail.hpp"
#include "riskslide/value/greeks.hpp"
#include "riskslide/value/revaluation.hpp"
#include "riskslide/value/revalue.hpp"

namespace {

std::atomic<int> allocations{0};

void* counted(std::size_t size, std::size_t alignment) {
  ++allocations;
  const std::size_t whole = (std::max<std::size_t>(size, 1) + alignment - 1) / alignment;
  void* made = std::aligned_alloc(alignment, whole * alignment);
  if (made == nullptr) throw std::bad_alloc();
  return made;
}

}  // namespace

// The other forms of the standard library end in these.
void* operator new(std::size_t size) { return counted(size, alignof(std::max_align_t)); }
void* operator new(std::size_t size, std::align_val_t alignment) {
  return counted(size, static_cast<std::size_t>(alignment));
}
void operator delete(void* at) noexcept { std::free(at); }
void operator delete(void* at, std::size_t) noexcept { std::free(at); }
void operator delete(void* at, std::align_val_t) noexcept { std::free(at); }
void operator delete(void* at, std::size_t, std::align_val_t) noexcept { std::free(at); }

namespace {

using riskslide::Column;
using riskslide::Payoff;

// Allocations of a second call: the first one starts threads.
template <class Call>
int warm(Call call) {
  call();
  const int before = allocations;
  call();
  return allocations - before;
}

// Pairs of new and delete may be left out by a compiler; what `sink` holds may not.
void* volatile sink = nullptr;

void the_counter_counts() {
  CHECK(warm([] {
          sink = ::operator new(24);
          ::operator delete(sink);
        }) == 1);
  constexpr auto line = std::align_val_t(64);
  CHECK(warm([] {
          sink = ::operator new(64, line);
          ::operator delete(sink, line);
        }) == 1);
}

void kernels() {
  const auto& table = riskslide::detail::kernels();
  std::vector<double> a(1'000, 1.5), out(1'000);
  CHECK(warm([&] { table.log_ratio(a.data(), a.data(), out.data(), 1'000); }) == 0);
  CHECK(warm([&] { table.exponential(a.data(), out.data(), 1'000); }) == 0);
  const riskslide::kernel::ShockRow shocks{.scale = a.data(),
                                           .log_scale = a.data(),
                                           .move = a.data(),
                                           .vol_scale = a.data(),
                                           .vol_shift = a.data(),
                                           .vol_floor = a.data(),
                                           .conversion = a.data(),
                                           .root_years = a.data(),
                                           .discount = a.data(),
                                           .size = 1'000};
  for (const auto& payoffs : table.revalue) {
    for (const auto run : payoffs) {
      CHECK(warm([&] { run({1, 1, 0, 1, 1, 1, 1, 1}, shocks, 0.0, out.data()); }) == 0);
    }
  }
}

void greeks() {
  check::Random random(1);
  for (const std::size_t size : {1UL, 1'000UL, 100'000UL}) {
    const auto price = random.column(size, 50, 150), years = random.column(size, 0.1, 2);
    const double fixed = 0.5, rate = 0.02;
    const std::vector<std::uint8_t> call(size, 1);
    std::vector<double> out(6 * size);
    for (const int threads : {1, 2, 5}) {
      for (const auto model :
           {riskslide::Model::black76, riskslide::Model::bsm, riskslide::Model::bachelier}) {
        const riskslide::OptionColumns options{.model = model,
                                               .size = size,
                                               .underlying = Column::of(price),
                                               .strike = Column::of(price),
                                               .years = Column::of(years),
                                               .vol = Column::of(fixed),
                                               .rate = Column::of(rate),
                                               .dividend_yield = Column::of(rate),
                                               .is_call = call.data()};
        double* o = out.data();
        CHECK(warm([&] {
                riskslide::greeks(
                    options, {o, o + size, o + 2 * size, o + 3 * size, o + 4 * size, o + 5 * size},
                    threads);
              }) == 0);
      }
    }
  }
}

// A book of so many instruments, accounts and scenarios, and its calls.
struct Sized {
  std::size_t rows, accounts, scenarios;
  std::vector<Payoff> payoff;
  std::vector<std::uint8_t> flag;
  std::vector<std::int32_t> factor, no_factor;
  std::vector<double> price, one, shift, scenario_shift;
  check::Cube cube;
  check::Book book;
  riskslide::Program program, trees;  // of one tree; of three
  std::vector<double> sums, loss, other;
  std::vector<std::int32_t> index;

  Sized(std::size_t r, std::size_t a, std::size_t s)
      : rows(r), accounts(a), scenarios(s), flag(r, 1), factor(r, 0), no_factor(r, -1) {
    check::Random random(2);
    for (std::size_t k = 0; k < r; ++k) payoff.push_back(static_cast<Payoff>(k % 4));
    price = random.column(r, 50, 150);
    one.assign(std::max(r, s), 1.0);
    shift.assign(s, 0.0);
    cube = {std::vector<double>(r * s), std::vector<double>(r), s};
    program = check::plain_program(r, s);
    for (std::size_t k = r / 2; k < r; ++k) program.trees[0].leaf[k] = 1;
    program.trees[0].levels = {{.parent = {0, 0}, .folds = {{}, {.gain = 0.5}}}};
    trees = program;
    trees.trees.push_back(program.trees[0]);
    trees.trees.push_back(
        {.leaf = program.trees[0].leaf, .levels = {}, .groups = {"a", "b"}, .group_unit = {0, 0}});
    for (const std::int32_t tree : {1, 2}) {
      trees.blocks.push_back(trees.blocks.front());
      trees.blocks.back().tree = tree;
    }
    trees.unit_registers = {0, 0, 0, 0};
    trees.unit_steps = {{riskslide::Operation::maximum, 3, 1, 2}};
    trees.sums = {3};
    for (std::size_t k = 0; k < a; ++k) {
      std::vector<std::pair<std::int32_t, std::int64_t>> held;
      for (std::size_t row = k % 3; row < r; row += 3) {
        held.emplace_back(static_cast<std::int32_t>(row), random.whole(-9, 9));
      }
      book.account(held);
    }
    sums.resize(a * s), loss.resize(a), other.resize(a), index.resize(a * s);
  }

  [[nodiscard]] riskslide::InstrumentColumns instruments() const {
    return {.payoff = payoff,
            .is_call = flag,
            .inverse = flag,
            .factor = factor,
            .fx_factor = no_factor,
            .price = price,
            .strike = price,
            .years = std::span(one).first(rows),
            .vol = std::span(one).first(rows),
            .discount = std::span(one).first(rows),
            .multiplier = std::span(one).first(rows),
            .fx = std::span(one).first(rows)};
  }
  [[nodiscard]] riskslide::ShockColumns shocks() const {
    const auto ones = std::span<const double>(one).first(scenarios);
    return {.factors = 1,
            .scenarios = scenarios,
            .price_scale = ones,
            .price_shift = shift,
            .vol_scale = ones,
            .vol_shift = shift,
            .vol_floor = shift};
  }
  int revalue(int threads) {
    return warm(
        [&] { riskslide::revalue(instruments(), shocks(), cube.values, cube.base, threads); });
  }
  int streamed(int threads) {
    const riskslide::Revaluation revaluation(instruments(), shocks());
    const auto scenario = std::span(index).first(accounts);
    return warm(
        [&] { riskslide::worst_loss(book.positions(), revaluation, loss, scenario, threads); });
  }
  int aggregate(int threads) {
    return warm([&] { riskslide::aggregate(book.positions(), cube.view(), sums, threads); });
  }
  int worst_loss(int threads) {
    const auto scenario = std::span(index).first(accounts);
    return warm(
        [&] { riskslide::worst_loss(book.positions(), cube.view(), loss, scenario, threads); });
  }
  int tail(int threads) {
    const auto shape = riskslide::TailShape::of(scenarios, 0.95);
    const auto members = std::span(index).first(accounts * shape.size);
    return warm([&] {
      riskslide::tail(book.positions(), cube.view(), shape, loss, other, members, threads);
    });
  }
  int evaluate(int threads) {
    return warm([&] { check::evaluate(program, cube, book, threads); });
  }
  int evaluate_trees(int threads) {
    return warm([&] { check::evaluate(trees, cube, book, threads); });
  }
};

// Allocations of one call for any number of scenarios and threads, and for every task that has
// scratch of its own: 1 in `rows` or `accounts`, at most 256. A vector that grows twice as long
// allocates once more. `streamed` does so for every 256 scenarios: of 640 here, with few rows.
struct Limit {
  const char* name;
  int (Sized::*call)(int threads);
  int fixed;
  int task;
  std::size_t rows, accounts;  // 0: tasks do not depend on them
};

constexpr Limit limits[] = {
    {"revalue", &Sized::revalue, 15, 4, 32, 0},
    {"aggregate", &Sized::aggregate, 10, 0, 0, 0},
    {"worst_loss", &Sized::worst_loss, 10, 0, 0, 0},
    {"tail", &Sized::tail, 10, 1, 0, 64},
    {"evaluate", &Sized::evaluate, 60, 14, 0, 2048},
    {"streamed", &Sized::streamed, 90, 4, 32, 0},
    {"evaluate_trees", &Sized::evaluate_trees, 120, 30, 0, 2048},
};

int most(const Limit& limit, const Sized& sized) {
  const auto tasks = [](std::size_t size, std::size_t length) {
    return length == 0 ? 0 : std::min<std::size_t>((size + length - 1) / length, 256);
  };
  const auto count = tasks(sized.rows, limit.rows) + tasks(sized.accounts, limit.accounts);
  return limit.fixed + limit.task * static_cast<int>(count);
}

void counts_are_bounded() {
  const std::array<std::size_t, 3> sizes[] = {{40, 300, 40},  {640, 300, 40}, {40, 4'800, 40},
                                              {40, 300, 640}, {9'000, 9, 8},  {18'000, 9, 8},
                                              {9, 17'000, 8}, {9, 34'000, 8}};
  for (const auto& [rows, accounts, scenarios] : sizes) {
    Sized sized(rows, accounts, scenarios);
    std::printf("%5zu rows, %5zu accounts, %3zu scenarios:", rows, accounts, scenarios);
    for (const Limit& limit : limits) {
      for (const int threads : {1, 3}) {
        const int count = (sized.*limit.call)(threads);
        if (threads == 1) std::printf(" %s %d", limit.name, count);
        check::that(count <= most(limit, sized), limit.name, __FILE__, __LINE__,
                    std::to_string(count).c_str());
      }
    }
    std::printf("\n");
  }
}

}  // namespace

int main() {
  the_counter_counts();
  kernels();
  greeks();
  counts_are_bounded();
  return check::done("allocations");
}
