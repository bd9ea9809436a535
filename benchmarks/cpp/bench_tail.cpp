// W6 in C++: shortfall at 97.5 % of 10,000 accounts of 50 positions in 2,500 scenarios.
#include <benchmark/benchmark.h>

#include <algorithm>

#include "riskslide/risk/tail.hpp"
#include "workloads.hpp"

namespace {

constexpr std::size_t accounts = 10'000, legs = 50, instruments = 10'000, scenarios = 2'500;

// Whether the first accounts have the tails of their sorted losses: at 97.5 % of 2,500, 62.5
// losses.
bool are_tails(const bench::Book& book, const bench::Numbers& value_at_risk,
               const bench::Numbers& shortfall) {
  for (std::size_t a = 0; a < bench::checked; ++a) {
    bench::Numbers pnl = book.pnl(a);
    std::sort(pnl.begin(), pnl.end());
    double sum = -0.5 * pnl[62];
    for (std::size_t k = 0; k < 62; ++k) sum -= pnl[k];
    if (!bench::near(value_at_risk[a], -pnl[62], bench::large)) return false;
    if (!bench::near(shortfall[a], sum / 62.5, bench::large)) return false;
  }
  return true;
}

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
  if (!are_tails(book, value_at_risk, shortfall)) state.SkipWithError("wrong tails");
  state.SetItemsProcessed(state.iterations() * static_cast<std::int64_t>(accounts));
}

BENCHMARK(tail)->Arg(1)->Arg(2)->ArgName("threads")->UseRealTime()->MeasureProcessCPUTime()->Unit(
    benchmark::kMillisecond);

}  // namespace

BENCHMARK_MAIN();
