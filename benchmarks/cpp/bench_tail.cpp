// W6 in C++: shortfall at 97.5 % of 10,000 accounts of 50 positions in 2,500 scenarios.
#include <benchmark/benchmark.h>

#include "riskslide/risk/tail.hpp"
#include "workloads.hpp"

namespace {

constexpr std::size_t accounts = 10'000, legs = 50, instruments = 10'000, scenarios = 2'500;

void tail(benchmark::State& state) {
  static const bench::Book book(accounts, legs, instruments, scenarios);
  const auto shape = riskslide::TailShape::of(scenarios, 0.975);
  bench::Numbers value_at_risk(accounts), shortfall(accounts);
  std::vector<std::int32_t> scenario(accounts * shape.size);
  for (auto _ : state) {
    riskslide::tail(book.positions(), book.cube(), shape, value_at_risk, shortfall, scenario,
                    static_cast<int>(state.range(0)));
    benchmark::ClobberMemory();
  }
  state.SetItemsProcessed(state.iterations() * static_cast<std::int64_t>(accounts));
}

BENCHMARK(tail)->Arg(1)->Arg(2)->ArgName("threads")->UseRealTime()->MeasureProcessCPUTime()->Unit(
    benchmark::kMillisecond);

}  // namespace

BENCHMARK_MAIN();
