// The second part of W2 in C++: 100,000 accounts of 50 positions in 93 scenarios; worst loss, the
// whole matrix of sums, and a program without levels.
#include <benchmark/benchmark.h>

#include <algorithm>

#include "workloads.hpp"

namespace {

constexpr std::size_t accounts = 100'000, legs = 50, instruments = 10'000, scenarios = 93;

const bench::Book& made() {
  static const bench::Book book(accounts, legs, instruments, scenarios);
  return book;
}

void counted(benchmark::State& state, const bench::Book& book) {
  const auto held = static_cast<std::int64_t>(book.rows.quantity.size());
  state.SetItemsProcessed(state.iterations() * held);
}

// Whether the first accounts lose what a plain loop finds, in a scenario where it does.
bool are_worst(const bench::Book& book, const double* loss, const std::int32_t* scenario) {
  for (std::size_t a = 0; a < bench::checked; ++a) {
    const bench::Numbers pnl = book.pnl(a);
    const double worst = std::max(0.0, -*std::min_element(pnl.begin(), pnl.end()));
    if (!bench::near(loss[a], worst, bench::large)) return false;
    const double there = -pnl[static_cast<std::size_t>(scenario[a])];
    if (worst > 0 && !bench::near(there, worst, bench::large)) return false;
  }
  return true;
}

void worst_loss(benchmark::State& state) {
  const bench::Book& book = made();
  bench::Numbers loss(accounts);
  std::vector<std::int32_t> scenario(accounts);
  for (auto _ : state) {
    riskslide::worst_loss(book.positions(), book.cube(), loss, scenario,
                          static_cast<int>(state.range(0)));
    benchmark::ClobberMemory();
  }
  if (!are_worst(book, loss.data(), scenario.data())) state.SkipWithError("wrong losses");
  counted(state, book);
}

void aggregate(benchmark::State& state) {
  const bench::Book& book = made();
  bench::Numbers out(accounts * scenarios);
  for (auto _ : state) {
    riskslide::aggregate(book.positions(), book.cube(), out, static_cast<int>(state.range(0)));
    benchmark::ClobberMemory();
  }
  for (std::size_t a = 0; a < bench::checked; ++a) {
    const bench::Numbers pnl = book.pnl(a);
    for (std::size_t s = 0; s < scenarios; ++s) {
      if (!bench::near(out[a * scenarios + s], pnl[s], bench::large))
        state.SkipWithError("wrong sums");
    }
  }
  counted(state, book);
}

void evaluate(benchmark::State& state) {
  const bench::Book& book = made();
  riskslide::Program program;
  program.rows.assign(instruments, "row");
  for (std::size_t k = 0; k < instruments; ++k) program.rows[k] += std::to_string(k);
  program.trees[0].leaf.assign(instruments, 0);
  program.lot.assign(instruments, 1.0);
  program.units = program.pools = {"account"};
  program.unit_pool = {0};
  program.blocks = {{.name = "slides",
                     .columns = {},
                     .weight = bench::Numbers(scenarios, 1.0),
                     .attribute = {},
                     .fold_set = {}}};
  program.registers = {0.0};
  program.outputs = {"maintenance"};
  program.output_register = {0};
  for (std::size_t k = 0; k < scenarios; ++k) {
    program.scenarios.labels.push_back("scenario" + std::to_string(k));
  }
  const std::vector<std::int64_t> none(accounts + 1);
  const riskslide::CashView cash{none, {}, {}};
  riskslide::Evaluation found;
  for (auto _ : state) {
    found = riskslide::evaluate(program, book.cube(), book.positions(), cash,
                                static_cast<int>(state.range(0)));
    benchmark::DoNotOptimize(found.unit_loss.data());
  }
  if (found.unit_loss.size() != accounts ||
      !are_worst(book, found.unit_loss.data(), found.unit_scenario.data())) {
    state.SkipWithError("wrong losses");
  }
  counted(state, book);
}

void sizes(benchmark::internal::Benchmark* of) {
  of->Arg(1)->Arg(2)->ArgName("threads")->UseRealTime()->MeasureProcessCPUTime()->Unit(
      benchmark::kMillisecond);
}

BENCHMARK(worst_loss)->Apply(sizes);
BENCHMARK(aggregate)->Apply(sizes);
BENCHMARK(evaluate)->Apply(sizes);

}  // namespace

BENCHMARK_MAIN();
