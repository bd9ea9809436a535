// W1 in C++: value and five Greeks, resident (inputs and outputs stay in a cache of 2 MiB) and
// streaming (they come from memory), one and two threads. QuantLib's calculator does the same.
#include <benchmark/benchmark.h>

#include <algorithm>
#include <cmath>
#include <string>

#include "workloads.hpp"
#ifdef RISKSLIDE_QUANTLIB
#include "peer_quantlib.hpp"
#endif

namespace {

constexpr std::int64_t resident = 8'000;  // 12 columns of doubles: 0.8 MB
constexpr std::int64_t streaming = 1'000'000;
constexpr std::int64_t looped = 10'000;  // of a peer that allocates an object an option

void counted(benchmark::State& state, std::int64_t size) {
  state.SetItemsProcessed(state.iterations() * size);
}

void greeks(benchmark::State& state, riskslide::Model model) {
  const auto size = state.range(0);
  bench::Options options(static_cast<std::size_t>(size), model);
  for (auto _ : state) {
    options.greeks(model, static_cast<int>(state.range(1)));
    benchmark::ClobberMemory();
  }
  counted(state, size);
}

void sizes(benchmark::internal::Benchmark* of) {
  for (const auto size : {resident, streaming}) of->Args({size, 1})->Args({size, 2});
  of->ArgNames({"options", "threads"})
      ->UseRealTime()
      ->MeasureProcessCPUTime()
      ->Unit(benchmark::kMicrosecond);
}

BENCHMARK_CAPTURE(greeks, black76, riskslide::Model::black76)->Apply(sizes);
BENCHMARK_CAPTURE(greeks, bsm, riskslide::Model::bsm)->Apply(sizes);
BENCHMARK_CAPTURE(greeks, bachelier, riskslide::Model::bachelier)->Apply(sizes);

#ifdef RISKSLIDE_QUANTLIB
void quantlib(benchmark::State& state) {
  const auto size = state.range(0);
  const auto model = riskslide::Model::black76;
  bench::Options ours(static_cast<std::size_t>(size), model), theirs = ours;
  ours.greeks(model, 1);
  for (auto _ : state) {
    bench::quantlib_greeks(theirs, static_cast<int>(state.range(1)));
    benchmark::ClobberMemory();
  }
  for (std::size_t column = 0; column < 6; ++column) {
    for (std::size_t k = 0; k < static_cast<std::size_t>(size); ++k) {
      const double a = ours.out[column][k], b = theirs.out[column][k];
      if (!(std::abs(a - b) <= 1e-10 * std::max(1.0, std::abs(a)))) {
        const auto place = "column " + std::to_string(column) + ", row " + std::to_string(k);
        state.SkipWithError(("QuantLib's answer differs: " + place).c_str());
        return;
      }
    }
  }
  counted(state, size);
}

BENCHMARK(quantlib)
    ->Args({looped, 1})
    ->Args({looped, 2})
    ->ArgNames({"options", "threads"})
    ->UseRealTime()
    ->MeasureProcessCPUTime()
    ->Unit(benchmark::kMicrosecond);
#endif

}  // namespace

BENCHMARK_MAIN();
