// Five million unsorted position rows of 100,000 accounts and 10,000 instruments to CSR, in C++.
#include <benchmark/benchmark.h>

#include <algorithm>

#include "workloads.hpp"

namespace {

constexpr std::size_t rows = 5'000'000, accounts = 100'000, instruments = 10'000;

using Lots = riskslide::Rows<std::int64_t>;

// Whether the first accounts hold what a plain loop adds up, every instrument once and in order.
bool are_sums(const bench::Unsorted& given, const Lots& found) {
  std::vector<std::int64_t> sums(bench::checked * instruments);
  for (std::size_t k = 0; k < rows; ++k) {
    const auto a = static_cast<std::size_t>(given.account[k]);
    if (a >= bench::checked) continue;
    sums[a * instruments + static_cast<std::size_t>(given.instrument[k])] += given.lots[k];
  }
  for (std::size_t a = 0; a < bench::checked; ++a) {
    std::int64_t last = -1;
    for (auto k = found.offsets[a]; k < found.offsets[a + 1]; ++k) {
      const auto at = static_cast<std::size_t>(k);
      const std::int64_t instrument = found.instrument[at];
      if (instrument <= last) return false;
      sums[a * instruments + static_cast<std::size_t>(instrument)] -= found.quantity[at];
      last = instrument;
    }
  }
  return std::all_of(sums.begin(), sums.end(), [](std::int64_t rest) { return rest == 0; });
}

void positions_from_columns(benchmark::State& state) {
  static const bench::Unsorted given(rows, accounts, instruments);
  Lots found;
  for (auto _ : state) {
    found = given.sorted(accounts, instruments, static_cast<int>(state.range(0)));
    benchmark::DoNotOptimize(found.quantity.data());
  }
  if (!are_sums(given, found)) state.SkipWithError("wrong rows");
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
