// Five million unsorted position rows of 100,000 accounts and 10,000 instruments to CSR, in C++.
#include <benchmark/benchmark.h>

#include "workloads.hpp"

namespace {

constexpr std::size_t rows = 5'000'000, accounts = 100'000, instruments = 10'000;

void positions_from_columns(benchmark::State& state) {
  static const bench::Unsorted given(rows, accounts, instruments);
  for (auto _ : state) {
    const auto found = given.sorted(accounts, instruments, static_cast<int>(state.range(0)));
    benchmark::DoNotOptimize(found.quantity.data());
  }
  state.SetItemsProcessed(state.iterations() * static_cast<std::int64_t>(rows));
}

BENCHMARK(positions_from_columns)
    ->Arg(1)
    ->Arg(2)
    ->ArgName("threads")
    ->UseRealTime()
    ->MeasureProcessCPUTime()
    ->Unit(benchmark::kMillisecond);

}  // namespace

BENCHMARK_MAIN();
