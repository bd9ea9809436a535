// Decides how tests write a book, a cube and a small program down by hand.
#pragma once

#include <array>
#include <cstdint>
#include <numeric>
#include <string>
#include <vector>

#include "riskslide/risk/evaluate.hpp"

namespace check {

using riskslide::Program;

/// Row-major values of rows in scenarios, base 0 where none is given.
struct Cube {
  std::vector<double> values;
  std::vector<double> base;
  std::size_t scenarios;

  [[nodiscard]] std::size_t rows() const { return base.size(); }
  [[nodiscard]] riskslide::CubeView view() const {
    return {.values = values, .base = base, .rows = rows(), .scenarios = scenarios};
  }
};

/// Accounts of (row, lots) and of (row, amount), rows ascending.
struct Book {
  riskslide::Rows<std::int64_t> lots{.offsets = {0}, .instrument = {}, .quantity = {}};
  riskslide::Rows<double> cash{.offsets = {0}, .instrument = {}, .quantity = {}};

  template <class Entries, class Rows>
  static void append(const Entries& entries, Rows& rows) {
    for (const auto& [row, quantity] : entries) {
      rows.instrument.push_back(row);
      rows.quantity.push_back(quantity);
    }
    rows.offsets.push_back(static_cast<std::int64_t>(rows.instrument.size()));
  }
  Book& account(const std::vector<std::pair<std::int32_t, std::int64_t>>& held,
                const std::vector<std::pair<std::int32_t, double>>& money = {}) {
    append(held, lots);
    append(money, cash);
    return *this;
  }
  [[nodiscard]] riskslide::PositionsView positions() const {
    return {lots.offsets, lots.instrument, lots.quantity};
  }
  [[nodiscard]] riskslide::CashView money() const {
    return {cash.offsets, cash.instrument, cash.quantity};
  }
};

inline std::vector<std::string> names(const std::string& stem, std::size_t count) {
  std::vector<std::string> out;
  for (std::size_t k = 0; k < count; ++k) out.push_back(stem + std::to_string(k));
  return out;
}

/// No tree yet: every row in unit 0, one worst block over the scenarios and its output "loss".
inline Program plain_program(std::size_t rows, std::size_t scenarios) {
  Program p;
  p.name = "test";
  p.rows = names("row", rows);
  p.trees.resize(1);
  p.trees[0].leaf.assign(rows, 0);
  p.lot.assign(rows, 1.0);
  p.units = {"unit0"};
  p.unit_pool = {0};
  p.pools = {"pool0"};
  p.blocks = {{.name = "worst",
               .columns = {},
               .weight = std::vector<double>(scenarios, 1.0),
               .attribute = {},
               .fold_set = {}}};
  p.registers = {0.0};
  p.outputs = {"loss"};
  p.output_register = {0};
  p.scenarios.labels = names("scenario", scenarios);
  return p;
}

inline riskslide::Evaluation evaluate(const Program& program, const Cube& cube, const Book& book,
                                      int threads = 1) {
  return riskslide::evaluate(program, cube.view(), book.positions(), book.money(), threads);
}

inline bool same(const riskslide::Evaluation& a, const riskslide::Evaluation& b) {
  return a.account == b.account && a.pool == b.pool && a.outputs == b.outputs &&
         a.unit_offsets == b.unit_offsets && a.unit == b.unit && a.unit_loss == b.unit_loss &&
         a.unit_scenario == b.unit_scenario;
}

}  // namespace check
