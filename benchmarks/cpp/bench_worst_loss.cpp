// The second part of W2 in C++: 100,000 accounts of 50 positions in 93 scenarios; worst loss, the
// whole matrix of sums, a program without levels, and one of two trees.
#include <benchmark/benchmark.h>

#include <algorithm>
#include <string>

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

// All rows in one unit, and the worst of the scenarios.
riskslide::Program plain_program() {
  riskslide::Program program;
  for (std::size_t k = 0; k < instruments; ++k) program.rows.push_back("row" + std::to_string(k));
  program.lot.assign(instruments, 1.0);
  program.trees.push_back({.leaf = std::vector<std::int32_t>(instruments, 0),
                           .levels = {},
                           .groups = {},
                           .group_unit = {}});
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
  return program;
}

riskslide::Evaluation run(const riskslide::Program& program, benchmark::State& state) {
  const bench::Book& book = made();
  const std::vector<std::int64_t> none(accounts + 1);
  const riskslide::CashView cash{none, {}, {}};
  riskslide::Evaluation found;
  for (auto _ : state) {
    found = riskslide::evaluate(program, book.cube(), book.positions(), cash,
                                static_cast<int>(state.range(0)));
    benchmark::DoNotOptimize(found.unit_loss.data());
  }
  counted(state, book);
  return found;
}

void evaluate(benchmark::State& state) {
  const auto found = run(plain_program(), state);
  if (found.unit_loss.size() != accounts ||
      !are_worst(made(), found.unit_loss.data(), found.unit_scenario.data())) {
    state.SkipWithError("wrong losses");
  }
}

// What a second tree costs that only sizes are summed in, account by account.
void evaluate_two_trees(benchmark::State& state) {
  riskslide::Program program = plain_program();
  constexpr std::size_t groups = 8;
  program.trees.push_back({.leaf = {}, .levels = {}, .groups = {}, .group_unit = {}});
  for (std::size_t g = 0; g < groups; ++g) {
    program.trees[1].groups.push_back("group" + std::to_string(g));
    program.trees[1].group_unit.push_back(0);
  }
  for (std::size_t k = 0; k < instruments; ++k) {
    program.trees[1].leaf.push_back(static_cast<std::int32_t>(k * groups / instruments));
  }
  program.blocks.push_back({.name = "sizes",
                            .columns = {"lots"},
                            .weight = {},
                            .attribute = bench::Numbers(instruments, 1.0),
                            .fold_set = {},
                            .tree = 1});
  program.registers.push_back(0.0);
  program.outputs.emplace_back("short lots");
  program.output_register.push_back(1);
  const auto found = run(program, state);
  const bench::Book& book = made();
  for (std::size_t a = 0; a < bench::checked; ++a) {
    double lots[groups] = {}, wanted = 0.0;
    for (auto k = static_cast<std::size_t>(book.rows.offsets[a]);
         k < static_cast<std::size_t>(book.rows.offsets[a + 1]); ++k) {
      const auto row = static_cast<std::size_t>(book.rows.instrument[k]);
      lots[row * groups / instruments] += static_cast<double>(book.rows.quantity[k]);
    }
    for (const double sum : lots) wanted += std::max(0.0, -sum);
    if (found.outputs[2 * a + 1] != wanted) state.SkipWithError("wrong lots");
  }
}

void sizes(benchmark::internal::Benchmark* of) {
  of->Arg(1)->Arg(2)->ArgName("threads")->UseRealTime()->MeasureProcessCPUTime()->Unit(
      benchmark::kMillisecond);
}

BENCHMARK(worst_loss)->Apply(sizes);
BENCHMARK(aggregate)->Apply(sizes);
BENCHMARK(evaluate)->Apply(sizes);
BENCHMARK(evaluate_two_trees)->Apply(sizes);

}  // namespace

BENCHMARK_MAIN();
