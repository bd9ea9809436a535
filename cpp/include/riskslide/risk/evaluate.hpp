// Decides the requirement of every (account, pool): folds the cube through a Program.
#pragma once

#include <cstdint>
#include <span>
#include <vector>

#include "riskslide/book/positions.hpp"
#include "riskslide/risk/program.hpp"
#include "riskslide/value/revaluation.hpp"

namespace riskslide {

/// Values of R program rows in S scenarios, row-major, and their base values (R).
/// delta (R): cash delta of one unit, its delta times the price that it is written on; notional
/// (R): units of the underlying times its spot; both in the reporting currency. They are read only
/// by programs that measure them, and may be empty for others.
struct CubeView {
  std::span<const double> values;
  std::span<const double> base;
  std::size_t rows = 0;
  std::size_t scenarios = 0;
  // NOLINTNEXTLINE(readability-redundant-member-init): may be left out without a warning
  std::span<const double> delta = {};
  // NOLINTNEXTLINE(readability-redundant-member-init): may be left out without a warning
  std::span<const double> notional = {};
};

/// One line per (account, pool) that holds something; an account with nothing has one line in pool
/// 0. Units say where each block of worst columns found one: of several groups of a unit, that of
/// the largest loss.
struct Evaluation {
  std::vector<std::int64_t> account;        // (L)
  std::vector<std::int32_t> pool;           // (L)
  std::vector<double> outputs;              // (L, outputs) row-major
  std::vector<std::int64_t> unit_offsets;   // (L + 1): units of a line
  std::vector<std::int32_t> unit;           // unit id
  std::vector<double> unit_loss;            // (units, worst blocks) row-major
  std::vector<std::int32_t> unit_scenario;  // (units, worst blocks), lowest index on ties
};

/// @throws InputError for shapes that do not fit.
Evaluation evaluate(const Program& program, const CubeView& cube, const PositionsView& positions,
                    const CashView& cash, int threads = 0);

/// P&L of every group of the book in every column of block `block`: (groups, columns) row-major.
/// Meant for the few accounts that are asked about.
struct Grid {
  std::vector<std::int32_t> group;  // its number in the block's tree; without groups, the unit's
  std::vector<double> values;
};
Grid grid(const Program& program, std::size_t block, const CubeView& cube,
          const PositionsView& positions, const CashView& cash, int threads = 0);

/// Registers of every unit of the book after its steps: (units, Program::unit_width()) row-major,
/// in the order of Evaluation::unit.
std::vector<double> unit_figures(const Program& program, const CubeView& cube,
                                 const PositionsView& positions, const CashView& cash,
                                 int threads = 0);

/// Sum over each row's positions: out (rows, scenarios) row-major.
void aggregate(const PositionsView& positions, const CubeView& cube, std::span<double> out,
               int threads = 0);
/// The same bits without the cube.
void aggregate(const PositionsView& positions, const Revaluation& cube, std::span<double> out,
               int threads = 0);

/// Largest loss (>= 0) over the scenarios and its lowest index, 0 where nothing loses.
void worst_loss(const PositionsView& positions, const CubeView& cube, std::span<double> loss,
                std::span<std::int32_t> scenario, int threads = 0);
/// The same bits without the cube.
void worst_loss(const PositionsView& positions, const Revaluation& cube, std::span<double> loss,
                std::span<std::int32_t> scenario, int threads = 0);

}  // namespace riskslide
