// Decides how the columns of a block run through its tree: a program, a cube and a book, brought
// together; what becomes of the results is decided in evaluate.cpp.
#pragma once

#include <cstddef>
#include <cstdint>
#include <vector>

#include "kernel/table.hpp"
#include "plan.hpp"
#include "riskslide/risk/evaluate.hpp"

namespace riskslide::detail {

/// A program, a cube and a book, ready to run block by block. It keeps views of them.
class Evaluator {
 public:
  /// @throws InputError where they do not fit each other.
  Evaluator(const Program& program, const CubeView& cube, const PositionsView& positions,
            const CashView& cash, int threads);

  /// The plan of the tree that a block takes.
  [[nodiscard]] const Plan& plan_of(const Block& block) const { return of(block).plan; }
  /// P&L of every group in every column of the block.
  void store(const Block& block, double* out, std::int64_t stride) const;
  /// The most negative column of every group (0 where none is below it) and its index.
  void worst(const Block& block, double* least, std::int32_t* scenario, std::int64_t stride) const;

  [[nodiscard]] std::int64_t account_of(std::int64_t unit) const;
  [[nodiscard]] int threads() const { return threads_; }

  Lines lines;

 private:
  // One tree with its plan and what a book is worth in its biased leaves.
  struct Planned {
    Plan plan;
    std::vector<double> bias;
    std::vector<std::int64_t> cuts;
  };

  [[nodiscard]] const Planned& of(const Block& block) const {
    return trees_[static_cast<std::size_t>(block.tree)];
  }
  [[nodiscard]] std::vector<std::int64_t> cuts_of(const Plan& plan) const;
  [[nodiscard]] kernel::FoldTask task_of(const Block& block) const;
  void run(const Block& block, kernel::FoldTask task) const;
  [[nodiscard]] std::vector<double> measure(const Block& block) const;
  [[nodiscard]] std::vector<double> base_of_lots() const;

  const Program& program_;
  const CubeView& cube_;
  const PositionsView& positions_;
  const CashView& cash_;
  int threads_;
  std::vector<Planned> trees_;
  std::vector<double> base_;
};

}  // namespace riskslide::detail
