// Risk: an instruction set computes other bits. Every kernel that this processor runs gets the same
// columns as the baseline and must return the same bytes.
#include <cmath>
#include <cstring>
#include <limits>

#include "check.hpp"
#include "tables.hpp"

namespace {

namespace kernel = riskslide::kernel;
using Column = std::vector<double>;

constexpr std::size_t size = 4096 + 5;  // whole vectors and a rest
constexpr double infinity = std::numeric_limits<double>::infinity();

bool same_bytes(const Column& a, const Column& b) {
  return a.size() == b.size() && std::memcmp(a.data(), b.data(), a.size() * sizeof(double)) == 0;
}

// Ordinary figures with a sprinkling of awkward ones.
Column awkward(check::Random& random, double from, double to, const std::vector<double>& special) {
  Column out = random.column(size, from, to);
  for (std::size_t k = 0; k < size; k += 7) {
    out[k] = special[static_cast<std::size_t>(
        random.whole(0, static_cast<std::int64_t>(special.size()) - 1))];
  }
  return out;
}

// Every output of a table over one lattice, end to end.
Column outputs_of(const kernel::Table& table) {
  check::Random random(1);
  const Column underlying = awkward(random, 1, 200, {1e-300, 1e300, 100, -5, 0, infinity});
  const Column strike = awkward(random, 1, 200, {1e-300, 1e300, 100, 3e-308});
  const Column years = awkward(random, 0, 5, {0, 1e-12, 1e-300, 100, -1});
  const Column vol = awkward(random, 0, 4, {0, 1e-160, 1e-9, 50});
  const Column rate = awkward(random, -0.1, 0.2, {0, 1, 5, -5, 1e3});
  const Column discount = awkward(random, 0.5, 1.1, {1, 1e-300, 0.1});
  const Column yield = awkward(random, -0.1, 0.2, {0, 1});
  Column side(size), all;
  std::vector<std::uint8_t> is_call(size);
  for (std::uint8_t& call : is_call) call = static_cast<std::uint8_t>(random.whole(0, 1));

  for (int model = 0; model < 3; ++model) {
    for (int form = 0; form < 4; ++form) {
      const int by_discount = form / 2, order = 1 + form % 2;
      const auto run = table.greeks[model][by_discount][order - 1];
      if (run == nullptr) continue;
      Column out((order == 2 ? 9 : 6) * size);
      const auto second = [&](std::size_t c) {
        return order == 2 ? out.data() + c * size : nullptr;
      };
      const int flags = run({.underlying = underlying.data(),
                             .strike = strike.data(),
                             .years = years.data(),
                             .vol = vol.data(),
                             .rate = by_discount == 1 ? discount.data() : rate.data(),
                             .dividend_yield = yield.data(),
                             .is_call = is_call.data(),
                             .side = side.data(),
                             .value = out.data(),
                             .delta = out.data() + size,
                             .gamma = out.data() + 2 * size,
                             .vega = out.data() + 3 * size,
                             .theta = out.data() + 4 * size,
                             .rho = out.data() + 5 * size,
                             .vanna = second(6),
                             .volga = second(7),
                             .charm = second(8),
                             .size = static_cast<std::int64_t>(size)});
      all.insert(all.end(), out.begin(), out.end());
      all.push_back(flags);
    }
  }

  constexpr std::int64_t scenarios = 4096;
  const Column log_scale = awkward(random, -1, 1, {0, -1e6, 50});
  const Column positive = awkward(random, 0.1, 3, {0, 1, 1e-300});
  const Column move = awkward(random, -100, 100, {0, -1e9});
  const Column horizon = awkward(random, 0, 1, {0, 0.5, 1e9});
  for (const double spot : {0.0, 1.0}) {
    Column aged(4 * scenarios);
    table.age({.years = 0.5,
               .discount = 0.98,
               .discount_rate = -0.04,
               .drift_rate = 0.03 * spot,
               .follows = spot,
               .coin = spot},
              {.horizon = horizon.data(),
               .rate_shift = move.data(),
               .root_years = aged.data(),
               .discount = aged.data() + scenarios,
               .growth = aged.data() + 2 * scenarios,
               .log_growth = aged.data() + 3 * scenarios,
               .size = scenarios});
    all.insert(all.end(), aged.begin(), aged.end());
  }
  for (int form = 0; form < 8; ++form) {
    for (const double way : {1.0, -1.0}) {
      Column out(scenarios);
      table.revalue[form / 4][form % 4]({.price = 100,
                                         .strike = 110,
                                         .log_moneyness = -0.09531017980432493,
                                         .root_years = 0.7,
                                         .vol = 0.6,
                                         .discount = 0.98,
                                         .unit = 1.3,
                                         .side = way},
                                        {.scale = positive.data(),
                                         .log_scale = log_scale.data(),
                                         .move = move.data(),
                                         .vol_scale = positive.data(),
                                         .vol_shift = rate.data(),
                                         .vol_floor = yield.data(),
                                         .conversion = positive.data(),
                                         .root_years = horizon.data(),
                                         .discount = positive.data(),
                                         .size = scenarios},
                                        7.0, out.data());
      all.insert(all.end(), out.begin(), out.end());
    }
  }

  Column out(size);
  table.log_ratio(strike.data(), positive.data(), out.data(), static_cast<std::int64_t>(size));
  all.insert(all.end(), out.begin(), out.end());
  const Column exponent =
      awkward(random, -700, 720, {0, -690, 709.78, infinity, -infinity, 1e-300});
  table.exponential(exponent.data(), out.data(), static_cast<std::int64_t>(size));
  all.insert(all.end(), out.begin(), out.end());
  // No standard fixes the sign of the NaN that an invalid operation gives: one NaN for all.
  for (double& x : all) x = std::isnan(x) ? std::numeric_limits<double>::quiet_NaN() : x;
  return all;
}

// A tree of two levels with every word of the fold, positions and cash, reduced and stored.
Column folds_of(const kernel::Table& table) {
  check::Random random(2);
  constexpr std::int64_t rows = 60, units = 500;
  const auto width = static_cast<std::size_t>(kernel::tile_width);
  const Column tile = random.column(static_cast<std::size_t>(rows) * width, -1, 1);
  riskslide::kernel::FoldNode leaves[12] = {}, nodes[6] = {};  // two sets
  for (int n = 0; n < 12; ++n) {
    leaves[n].gain = 0.3 * n;
    leaves[n].loss = 1.1;
    leaves[n].scale = n == 5 ? -1.0 : 0.9;
    leaves[n].cap = n == 2 ? 0.5 : infinity;
    leaves[n].deadband = n == 3 ? 0.2 : 0.0;
    leaves[n].form = n == 2 || n == 3 ? kernel::FoldNode::general : kernel::FoldNode::slopes;
    leaves[n].parent = n % 6 / 2;
    leaves[n].anchored = static_cast<std::int8_t>(n % 2);
    leaves[n].mixed = n % 6 < 4;
  }
  for (auto& node : nodes) {
    node.gain = node.loss = node.scale = 1;
    node.cap = infinity;
    node.form = kernel::FoldNode::identity;
  }
  nodes[1].gain = 0.6, nodes[1].form = kernel::FoldNode::slopes;

  std::vector<std::int32_t> row(units * 24);
  std::vector<std::int64_t> lots(row.size()), unit_runs{0};
  Column amount = random.column(row.size(), -3, 3), bias;
  for (auto& r : row) r = static_cast<std::int32_t>(random.whole(0, rows - 1));
  for (auto& q : lots) q = random.whole(-1000, 1000);
  std::vector<kernel::Run> runs;
  for (std::int64_t unit = 0; unit < units; ++unit) {
    for (std::int32_t leaf = 0; leaf < 6; ++leaf) {
      if (random.whole(0, 2) == 0) continue;
      runs.push_back({unit * 24 + std::int64_t{leaf} * 4,
                      static_cast<std::int32_t>(random.whole(1, 4)),
                      random.whole(0, 1) == 0 ? leaf : -1 - leaf});
      bias.push_back(random.uniform(-2, 2));
    }
    unit_runs.push_back(static_cast<std::int64_t>(runs.size()));
  }
  kernel::FoldTask task{};
  task.tile = tile.data();
  task.position_row = task.cash_row = row.data();
  task.lots = lots.data();
  task.amount = amount.data();
  task.keeps = ~std::uint64_t{0};
  task.runs = runs.data();
  task.run_bias = bias.data();
  task.unit_runs = unit_runs.data();
  task.last_unit = units;
  task.depth = 2;
  task.levels[0] = {.nodes = leaves, .tiers = nullptr, .count = 6};
  task.levels[1] = {.nodes = nodes, .tiers = nullptr, .count = 3};
  task.columns = 13;
  Column out(static_cast<std::size_t>(units) * 13), worst(units);
  std::vector<std::int32_t> scenario(units);
  task.out = out.data();
  task.out_stride = 13;
  table.fold(task);
  task.worst = worst.data();
  task.scenario = scenario.data();
  task.stride = 1;
  table.fold(task);
  out.insert(out.end(), worst.begin(), worst.end());
  const std::int32_t sets[kernel::tile_width] = {0, 1, 1, 0, 1};
  task.fold_set = sets;
  table.fold(task);
  out.insert(out.end(), worst.begin(), worst.end());
  out.insert(out.end(), scenario.begin(), scenario.end());
  return out;
}

}  // namespace

int main() {
  const Column wanted = outputs_of(kernel::baseline), wanted_folds = folds_of(kernel::baseline);
  for (const kernel::Table* table : check::tables()) {
    CHECK(same_bytes(outputs_of(*table), wanted));
    CHECK(same_bytes(folds_of(*table), wanted_folds));
    std::printf("same bits as the baseline: %s\n", table->name);
  }
  return check::done("same_bits");
}
