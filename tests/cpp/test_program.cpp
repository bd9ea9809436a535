// Risk: a program changes on its way through a file, or a damaged file is run or crashes the
// reader.
#include <cmath>
#include <cstdio>
#include <functional>
#include <limits>

#include "book.hpp"
#include "check.hpp"

namespace {

using riskslide::Operation;
using riskslide::Program;
using riskslide::Reduction;

// Something of everything that a program may hold.
Program rich_program() {
  Program p = check::plain_program(3, 4);
  p.name = "rich \xc3\xa9";
  p.as_of = 1'767'225'600'000'000'000;
  p.coin_at_index = true;
  p.trees[0].leaf = {0, 2, 1};
  p.lot = {0.1, 1e-8, 1000};
  p.trees[0].levels = {{.parent = {0, 0, 1},
                        .folds = {{.gain = 0.5, .biased = true, .anchored = true},
                                  {},
                                  {.deadband = 3},
                                  {.gain = 0.25, .biased = true, .anchored = true},
                                  {.loss = 2},
                                  {}}},
                       {.parent = {0, 1}, .folds = {{.cap = 7}, {.scale = -1}, {}, {.gain = 0}}}};
  p.trees[0].levels[0].tiers = {{}, {{2, 0.5}, {4, 0.25}}, {}};
  p.trees.push_back({.leaf = {-1, 2, 0},
                     .levels = {},
                     .groups = {"near", "far", "other"},
                     .group_unit = {0, 0, 1}});
  p.units = {"unit0", "unit1"};
  p.unit_pool = {0, 1};
  p.pools = {"pool0", ""};
  p.blocks.push_back({.name = "each",
                      .reduction = Reduction::each,
                      .columns = {"delta", "gross"},
                      .weight = {},
                      .attribute = {1, 2, 3, 4, 5, 6},
                      .measure = riskslide::Measure::value,
                      .fold_set = {0, 1}});
  p.blocks.push_back({.name = "range",
                      .columns = {},
                      .weight = {1, 0.5},
                      .attribute = {},
                      .fold_set = {},
                      .factor = {2, -1},
                      .first = 2,
                      .tree = 1});
  p.unit_registers = {0, 0, 0, 0, 2.5, 0, 0, 0, 0, 0, -1, 0};
  p.unit_steps = {{Operation::greater, 5, 0, 3}, {Operation::multiply, 4, 4, 1}};
  p.sums = {0, 5, 4};
  p.lifted = {4, 0};
  p.lift_to = {-1, 5};
  p.registers = {0, 0, 0, 1.25, 1e300, 0, 0};
  p.steps = {{Operation::multiply, 4, 0, 3}, {Operation::maximum, 4, 4, 1}};
  p.outputs = {"initial", "maintenance"};
  p.output_register = {4, 0};
  p.scenarios.factors = {"BTC"};
  p.scenarios.price_scale = {0.9, 1, 1.1, 1.2};
  p.scenarios.price_shift = {0, 0, -0.0, 5e-324};
  p.scenarios.vol_scale = {1, 1, 1, 1};
  p.scenarios.vol_shift = {0, 0, 0, 0};
  p.scenarios.vol_floor = {0, 0, 0, 0};
  return p;
}

bool refused(const std::string& bytes) {
  try {
    Program::from_bytes(bytes);
  } catch (const riskslide::InputError& error) {
    return error.code() == "E_PROGRAM";
  }
  return false;
}

void round_trip() {
  const Program p = rich_program();
  const std::string bytes = p.to_bytes();
  const Program back = Program::from_bytes(bytes);
  CHECK(back.to_bytes() == bytes);
  CHECK(back.name == p.name && back.rows == p.rows && back.trees[0].leaf == p.trees[0].leaf &&
        back.lot == p.lot);
  CHECK(back.as_of == p.as_of && back.coin_at_index && !back.option_over_index);
  CHECK(back.trees[0].levels[0].folds[0].gain == 0.5 && back.trees[0].levels[0].folds[0].anchored);
  CHECK(back.trees[0].levels[1].folds[0].cap == 7 &&
        back.trees[0].levels[1].parent == p.trees[0].levels[1].parent);
  CHECK(back.blocks[1].attribute == p.blocks[1].attribute &&
        back.blocks[1].fold_set == p.blocks[1].fold_set);
  CHECK(back.blocks[2].factor == p.blocks[2].factor && back.blocks[2].first == 2 &&
        back.blocks[2].tree == 1 && back.blocks[0].tree == 0);
  CHECK(back.trees.size() == 2 && back.trees[1].leaf == p.trees[1].leaf &&
        back.trees[1].groups == p.trees[1].groups &&
        back.trees[1].group_unit == p.trees[1].group_unit && back.trees[0].groups.empty());
  const auto& tiers = back.trees[0].levels[0].tiers;
  CHECK(tiers.size() == 3 && tiers[0].empty() && tiers[1][1].start == 4 &&
        tiers[1][1].gain == 0.25 && back.trees[0].levels[1].tiers.empty());
  CHECK(back.unit_registers == p.unit_registers && back.sums == p.sums &&
        back.unit_steps[0].operation == Operation::greater && back.unit_steps[1].left == 4);
  CHECK(back.lifted == p.lifted && back.lift_to == p.lift_to);
  CHECK(back.unit_width() == 6 && back.summed() == 3 && back.first_register(2) == 3);
  CHECK(back.steps[1].operation == Operation::maximum && back.steps[1].target == 4);
  CHECK(back.scenarios.price_shift[3] == 5e-324 && back.pools == p.pools);
  CHECK(rich_program().to_bytes() == bytes);
  Program other = rich_program();
  other.trees[0].levels[0].folds[1].loss = std::nextafter(1.0, 2.0);
  CHECK(other.to_bytes() != bytes);
  other = rich_program();
  other.option_over_index = true;
  CHECK(other.to_bytes() != bytes && Program::from_bytes(other.to_bytes()).option_over_index);

  const std::string path = "riskslide_test_program.rsp";
  p.save(path);
  CHECK(Program::load(path).to_bytes() == bytes);
  std::remove(path.c_str());
  CHECK_REFUSED("E_PROGRAM", "file", -1, Program::load(path));
  CHECK_REFUSED("E_PROGRAM", "file", -1, p.save("no such directory/x.rsp"));
}

// FNV-1a as the format states it, to get past the checksum with a damaged body.
void seal(std::string& bytes) {
  std::uint64_t hash = 0xcbf29ce484222325;
  for (std::size_t k = 0; k + 8 < bytes.size(); ++k) {
    hash = (hash ^ static_cast<unsigned char>(bytes[k])) * 0x100000001b3;
  }
  for (std::size_t k = 0; k < 8; ++k) {
    bytes[bytes.size() - 8 + k] = static_cast<char>(hash >> (8 * k) & 0xff);
  }
}

// A book of one lot of every row goes through the program without a fault.
void run(const Program& p) {
  const std::size_t rows = p.rows.size(), scenarios = p.scenarios.labels.size();
  const check::Cube cube{std::vector<double>(rows * scenarios, -1.0),
                         std::vector<double>(rows, 2.0), scenarios};
  std::vector<std::pair<std::int32_t, std::int64_t>> held;
  for (std::size_t row = 0; row < rows; ++row) held.emplace_back(static_cast<std::int32_t>(row), 1);
  const check::Book book = check::Book().account(held).account({});
  riskslide::CubeView view = cube.view();
  view.delta = view.notional = cube.base;
  const auto found = riskslide::evaluate(p, view, book.positions(), book.money());
  CHECK(found.outputs.size() == found.account.size() * p.outputs.size());
}

void damage() {
  const std::string bytes = rich_program().to_bytes();
  for (std::size_t size = 0; size < bytes.size(); ++size) {
    CHECK(refused(bytes.substr(0, size)));
    std::string sealed = bytes.substr(0, size);
    if (size > 16) {
      seal(sealed);
      CHECK(refused(sealed));
    }
  }
  CHECK(refused(bytes + '\0'));
  for (std::size_t k = 0; k < 8 * bytes.size(); ++k) {
    std::string flipped = bytes;
    flipped[k / 8] = static_cast<char>(flipped[k / 8] ^ (1 << (k % 8)));
    CHECK(refused(flipped));
    seal(flipped);  // with the checksum made good the body is refused, or it can run
    try {
      run(Program::from_bytes(flipped));
    } catch (const riskslide::InputError& error) {
      CHECK(error.code() == "E_PROGRAM" || error.code() == "E_OVERFLOW");
    }
  }
  check::Random random(1);
  for (int k = 0; k < 2000; ++k) {
    std::string noise = bytes.substr(0, 8);
    for (std::int64_t n = random.whole(8, 300); n > 0; --n) {
      noise += static_cast<char>(random.whole(0, 3) == 0 ? random.whole(0, 255) : 0);
    }
    seal(noise);
    CHECK(refused(noise));
  }
}

// No rows, no nodes: sets of folds are named and hold nothing. Every account has its line of zeros.
void empty_tree() {
  Program p = check::plain_program(0, 2);
  p.trees[0].levels = {{.parent = {}, .folds = {}}, {.parent = {}, .folds = {}}};
  p.units = {};
  p.unit_pool = {};
  p.blocks[0].fold_set = {0, 7};
  const Program back = Program::from_bytes(p.to_bytes());
  const auto found =
      check::evaluate(back, {.values = {}, .base = {}, .scenarios = 2}, check::Book().account({}));
  CHECK(found.outputs == std::vector<double>{0.0} && found.unit.empty());
  p.blocks[0].fold_set = {0, -1};
  CHECK_REFUSED("E_PROGRAM", "block 'worst'", -1, p.check());
  // A level without nodes does not hide the sets of the one above it.
  p.trees[0].levels[1] = {.parent = {0}, .folds = {{}, {.gain = 0.5}}};
  p.units = {"unit0"};
  p.unit_pool = {0};
  p.blocks[0].fold_set = {1, 0};
  p.check();
  p.blocks[0].fold_set = {1, 2};
  CHECK_REFUSED("E_PROGRAM", "block 'worst'", -1, p.check());
}

void inconsistent_programs() {
  const double nan = std::numeric_limits<double>::quiet_NaN();
  const auto broken = [](const std::function<void(Program&)>& change) {
    Program p = rich_program();
    change(p);
    try {
      p.check();
    } catch (const riskslide::InputError& error) {
      return error.code() == "E_PROGRAM" && refused(p.to_bytes());
    }
    return false;
  };
  CHECK(broken([](Program& p) { p.trees[0].leaf[0] = 3; }));
  CHECK(broken([](Program& p) { p.trees[0].leaf[0] = -2; }));
  CHECK(broken([](Program& p) { p.trees[0].leaf.pop_back(); }));
  CHECK(broken([](Program& p) { p.lot[0] = 0; }));
  CHECK(broken([](Program& p) { p.trees[0].levels[0].parent = {0, 1, 0}; }));
  CHECK(broken([](Program& p) { p.trees[0].levels[0].parent = {0, 0, 2}; }));
  CHECK(broken([](Program& p) { p.trees[0].levels[1].folds.pop_back(); }));
  CHECK(broken([](Program& p) { p.trees[0].levels[1].folds[0].biased = true; }));
  CHECK(broken([&](Program& p) { p.trees[0].levels[0].folds[0].gain = nan; }));
  CHECK(broken([](Program& p) { p.trees[0].levels[0].folds[0].deadband = -1; }));
  CHECK(broken([](Program& p) { p.trees[0].levels[0].folds[3].biased = false; }));
  CHECK(broken([](Program& p) { p.trees[0].levels[0].folds.resize(3); }));
  CHECK(broken([](Program& p) { p.blocks[1].fold_set = {0, 2}; }));
  CHECK(broken([](Program& p) { p.blocks[1].fold_set = {-1, 0}; }));
  CHECK(broken([](Program& p) { p.blocks[1].fold_set = {0}; }));
  CHECK(broken([](Program& p) { p.blocks[1].measure = static_cast<riskslide::Measure>(4); }));
  CHECK(broken([](Program& p) { p.trees[0].levels.resize(17); }));
  CHECK(broken([](Program& p) { p.unit_pool = {1, 0}; }));
  CHECK(broken([](Program& p) { p.unit_pool = {0, 2}; }));
  CHECK(broken([](Program& p) { p.blocks[0].weight.push_back(1.0); }));
  CHECK(broken([](Program& p) { p.blocks[1].attribute.pop_back(); }));
  CHECK(broken([](Program& p) { p.blocks[1].reduction = static_cast<Reduction>(2); }));
  CHECK(broken([](Program& p) { p.blocks[0].reduction = Reduction::each; }));
  CHECK(broken([](Program& p) { p.blocks[0].attribute = p.blocks[1].attribute; }));
  CHECK(broken([](Program& p) { p.registers.resize(2); }));
  CHECK(broken([&](Program& p) { p.registers[3] = nan; }));
  CHECK(broken([](Program& p) { p.steps[0].left = 7; }));
  CHECK(broken([](Program& p) { p.steps[0].operation = static_cast<Operation>(7); }));
  CHECK(broken([](Program& p) { p.output_register[0] = -1; }));
  CHECK(broken([](Program& p) { p.outputs.pop_back(); }));
  CHECK(broken([](Program& p) { p.scenarios.vol_floor.pop_back(); }));
  CHECK(broken([&](Program& p) { p.scenarios.vol_scale[0] = nan; }));
  CHECK(broken([](Program& p) { p.scenarios.horizon.assign(1, 0.1); }));
  CHECK(broken([](Program& p) { p.scenarios.horizon.assign(p.scenarios.labels.size(), -0.1); }));
  CHECK(broken([&](Program& p) { p.scenarios.horizon.assign(p.scenarios.labels.size(), nan); }));
  CHECK(broken([](Program& p) { p.scenarios.rate_shift.assign(1, 0.1); }));
  CHECK(broken([&](Program& p) { p.scenarios.rate_shift.assign(4, nan); }));
}

// As `broken` above, of several trees, tiers, ranges, factors and figures of units.
void inconsistent_trees_and_units() {
  const double nan = std::numeric_limits<double>::quiet_NaN(), inf = 1 / 0.0;
  const auto part = [](const std::function<void(Program&)>& change) {
    Program p = rich_program();
    change(p);
    try {
      p.check();
    } catch (const riskslide::InputError& error) {
      return error.code() == "E_PROGRAM" && refused(p.to_bytes()) ? error.argument() : error.code();
    }
    return std::string("not refused");
  };
  CHECK(part([](Program& p) { p.trees.clear(); }) == "trees");
  CHECK(part([](Program& p) { p.trees[1].leaf[1] = 3; }) == "leaf");
  CHECK(part([](Program& p) { p.trees[1].leaf[0] = -2; }) == "leaf");
  CHECK(part([](Program& p) { p.trees[1].leaf.push_back(0); }) == "leaf");
  CHECK(part([](Program& p) { p.trees[1].levels.resize(17); }) == "levels");
  CHECK(part([](Program& p) { p.trees[1].leaf[1] = 0; }) == "trees");  // its other unit
  CHECK(part([](Program& p) { p.trees[1].group_unit = {0, 1, 1}; }) == "not refused");
  CHECK(part([](Program& p) { p.trees[1].group_unit = {1, 1, 1}; }) == "trees");
  CHECK(part([](Program& p) { p.trees[1].group_unit = {0, 1, 0}; }) == "group_unit");
  CHECK(part([](Program& p) { p.trees[1].group_unit = {0, 0, 2}; }) == "group_unit");
  CHECK(part([](Program& p) { p.trees[1].group_unit = {-1, 0, 1}; }) == "group_unit");
  CHECK(part([](Program& p) { p.trees[1].group_unit.pop_back(); }) == "group_unit");
  CHECK(part([](Program& p) { p.trees[0].group_unit = {0, 1}; }) == "group_unit");
  CHECK(part([](Program& p) { p.trees[1].groups.pop_back(); }) == "leaf");

  const auto tiers = [&](const std::vector<riskslide::Tier>& of_node) {
    return part([&](Program& p) { p.trees[0].levels[0].tiers[1] = of_node; });
  };
  CHECK(tiers({{0, -1}, {0, 2}}) == "not refused");
  CHECK(tiers({{-1, 0.5}}) == "tiers" && tiers({{4, 1}, {3, 1}}) == "tiers");
  CHECK(tiers({{nan, 1}}) == "tiers" && tiers({{inf, 1}}) == "tiers");
  CHECK(tiers({{1, nan}}) == "tiers" && tiers({{1, -inf}}) == "tiers");
  CHECK(part([](Program& p) { p.trees[0].levels[0].tiers.pop_back(); }) == "levels");

  CHECK(part([](Program& p) { p.blocks[1].tree = 2; }) == "block 'each'");
  CHECK(part([](Program& p) { p.blocks[1].tree = -1; }) == "block 'each'");
  CHECK(part([](Program& p) { p.blocks[2].fold_set = {0, 1}; }) == "block 'range'");  // its tree's
  CHECK(part([](Program& p) { p.blocks[2].first = 3; }) == "block 'range'");
  CHECK(part([](Program& p) { p.blocks[2].first = -1; }) == "block 'range'");
  CHECK(part([](Program& p) { p.blocks[2].first = INT32_MAX; }) == "block 'range'");
  CHECK(part([](Program& p) { p.blocks[1].first = 1; }) == "block 'each'");
  CHECK(part([](Program& p) { p.blocks[2].factor.pop_back(); }) == "block 'range'");
  CHECK(part([&](Program& p) { p.blocks[2].factor[0] = inf; }) == "block 'range'");
  CHECK(part([&](Program& p) { p.blocks[2].weight[0] = nan; }) == "block 'range'");
  CHECK(part([](Program& p) { p.blocks[1].factor = {1}; }) == "block 'each'");
  CHECK(part([](Program& p) { p.blocks[2].measure = riskslide::Measure::notional; }) ==
        "block 'range'");

  CHECK(part([](Program& p) { p.unit_registers.pop_back(); }) == "unit_registers");
  CHECK(part([](Program& p) { p.unit_registers.resize(6); }) == "unit_registers");
  CHECK(part([](Program& p) { p.unit_registers.clear(); }) == "unit_registers");
  CHECK(part([](Program& p) { p.unit_registers.clear(), p.sums.clear(); }) == "unit_registers");
  CHECK(part([](Program& p) { p.unit_registers.clear(), p.unit_steps.clear(); }) ==
        "unit_registers");
  CHECK(part([&](Program& p) { p.unit_registers[4] = nan; }) == "registers");
  CHECK(part([](Program& p) { p.unit_registers[3] = 1; }) == "registers");  // a result's place
  CHECK(part([](Program& p) { p.unit_registers[6] = 1; }) == "registers");
  CHECK(part([](Program& p) { p.registers[2] = 1; }) == "registers");  // a sum's
  CHECK(part([](Program& p) { p.sums.push_back(0); }) == "registers");
  CHECK(part([](Program& p) { p.sums.resize(8, 0); }) == "registers");
  CHECK(part([](Program& p) { p.sums[1] = 6; }) == "sums");
  CHECK(part([](Program& p) { p.sums[1] = -1; }) == "sums");
  CHECK(part([](Program& p) { p.unit_steps[0].target = 6; }) == "unit_steps");
  CHECK(part([](Program& p) { p.unit_steps[0].right = -1; }) == "unit_steps");
  CHECK(part([](Program& p) { p.unit_steps[0].operation = static_cast<Operation>(7); }) ==
        "unit_steps");
  CHECK(part([](Program& p) { p.sums = {}, p.registers[0] = 1; }) == "not refused");

  CHECK(part([](Program& p) { p.lifted[0] = 6; }) == "lifted");
  CHECK(part([](Program& p) { p.lifted[0] = -1; }) == "lifted");
  CHECK(part([](Program& p) { p.lifted.clear(); }) == "lifted");
  CHECK(part([](Program& p) { p.lift_to.clear(); }) == "lifted");
  CHECK(part([](Program& p) { p.lift_to.pop_back(); }) == "lift_to");
  CHECK(part([](Program& p) { p.lift_to[0] = -2; }) == "lift_to");
  CHECK(part([](Program& p) { p.lift_to[0] = 2; }) == "lift_to");  // a sum's
  CHECK(part([](Program& p) { p.lift_to[0] = 6; }) == "lift_to");
  CHECK(part([](Program& p) { p.registers[6] = 1; }) == "registers");  // what is lifted
}

// Scenarios of time and rates come back from a file, and point into the program as columns.
void time_and_rates() {
  Program p = rich_program();
  const riskslide::ShockColumns none = p.scenarios.columns();
  CHECK(none.horizon.empty() && none.rate_shift.empty());
  CHECK(none.vol_floor.data() == p.scenarios.vol_floor.data());
  const std::string still = p.to_bytes();
  p.scenarios.horizon.assign(p.scenarios.labels.size(), 0.25);
  p.scenarios.rate_shift.assign(p.scenarios.vol_floor.size(), 0.01);
  const Program back = Program::from_bytes(p.to_bytes());
  CHECK(back.scenarios.horizon == p.scenarios.horizon);
  CHECK(back.scenarios.rate_shift == p.scenarios.rate_shift);
  CHECK(back.to_bytes() == p.to_bytes() && still != p.to_bytes());
  CHECK(back.scenarios.columns().scenarios == p.scenarios.labels.size());
}

// A file of another version is told apart from one that is no program at all.
void versions() {
  std::string bytes = rich_program().to_bytes();
  const auto reason = [](const std::string& file) {
    try {
      Program::from_bytes(file);
    } catch (const riskslide::InputError& error) {
      return error.fix();
    }
    return std::string();
  };
  CHECK(reason(bytes).empty());
  bytes[7] = '3';
  CHECK(reason(bytes) == "is of version 3, and this reads version 4: compile its rule book again");
  bytes[0] = 'X';
  CHECK(reason(bytes) == "is not a riskslide program");
}

}  // namespace

int main() {
  round_trip();
  run(rich_program());
  damage();
  empty_tree();
  inconsistent_programs();
  inconsistent_trees_and_units();
  time_and_rates();
  versions();
  return check::done("program");
}
