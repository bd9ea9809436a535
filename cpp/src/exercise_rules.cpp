// Decides the nodes and points of American options; see exercise_rules.hpp.
//
// Interpolation is in x = sqrt(tau / T), by the polynomial through Chebyshev's extremes but for 0,
// where all shapes are 0. With s = T sin^2(theta) both square roots of an integral, of s and of T -
// s, are smooth in theta. The premium has more points towards s = 0, where a spot beside the
// boundary crosses it at once.
#include "exercise_rules.hpp"

#include <algorithm>
#include <numbers>
#include <vector>

namespace riskslide::detail {
namespace {

using kernel::CoarseExercise;
using kernel::FineExercise;
using kernel::MiddleExercise;

// sin(x) by its series, for |x| <= pi / 2, of which the cosine is sin(pi / 2 - x).
double sine_of(double x) {
  double term = x, sum = x;
  for (int k = 2; k < 30; k += 2) {
    term *= -(x * x) / (k * (k + 1.0));
    sum += term;
  }
  return sum;
}

struct Points {
  std::vector<double> at, weight;  // of an integral over [0, 1]
};

// Gauss and Legendre's points.
Points gauss(int size) {
  Points points{std::vector<double>(static_cast<std::size_t>(size)),
                std::vector<double>(static_cast<std::size_t>(size))};
  for (int k = 0; k < size; ++k) {
    const double turn = (k + 0.75) / (size + 0.5) - 0.5;  // the cosine as the sine of -turn pi
    double x = -sine_of(std::numbers::pi * turn), slope = 0.0;
    for (int step = 0; step < 8; ++step) {
      double now = 1.0, before = 0.0;
      for (int j = 0; j < size; ++j) {
        const double next = ((2 * j + 1) * x * now - j * before) / (j + 1);
        before = now;
        now = next;
      }
      slope = size * (x * now - before) / (x * x - 1.0);
      x -= now / slope;
    }
    points.at[static_cast<std::size_t>(k)] = 0.5 * (1.0 - x);
    points.weight[static_cast<std::size_t>(k)] = 1.0 / ((1.0 - x * x) * slope * slope);
  }
  return points;
}

double node_at(int i, int nodes) {  // x of node i, the last one 1
  const double half = sine_of(0.5 * std::numbers::pi * (i + 1) / nodes);
  return half * half;
}

// Weight of node j in the polynomial at x.
double basis(int j, int nodes, double x) {
  double weight = 1.0;
  for (int k = 0; k < nodes; ++k) {
    if (k != j) weight *= (x - node_at(k, nodes)) / (node_at(j, nodes) - node_at(k, nodes));
  }
  return weight;
}

// Share of node j in the coefficient of Chebyshev's polynomial of this degree on [0, 1].
double coefficient(int j, int nodes, int degree) {
  double sum = 0.0;
  for (int k = 0; k < nodes; ++k) {
    const double x = -sine_of(std::numbers::pi * ((k + 0.5) / nodes - 0.5));
    double now = x, before = 1.0;  // of the degrees 1 and 0
    for (int m = 1; m < degree; ++m) {
      const double next = 2.0 * x * now - before;
      before = now;
      now = next;
    }
    sum += now * basis(j, nodes, 0.5 + 0.5 * x);
  }
  return 2.0 * sum / nodes;
}

template <typename Size>
struct ExerciseTables {
  std::vector<double> root, sine, cosine, inverse_sine, measure, interpolate, spread, refine, tail;

  ExerciseTables() {
    const auto [at, weight] = gauss(Size::points);
    for (std::size_t k = 0; k < at.size(); ++k) {
      const double angle = 0.5 * std::numbers::pi * at[k];
      sine.push_back(sine_of(angle));
      cosine.push_back(sine_of(0.5 * std::numbers::pi - angle));
      inverse_sine.push_back(1.0 / sine.back());
      measure.push_back(std::numbers::pi * weight[k] * cosine.back());
    }
    const std::size_t n = Size::nodes, m = at.size(), width = Size::columns;
    interpolate.resize(n * n * m);
    spread.resize(n * m * width);
    for (std::size_t i = 0; i < n; ++i) {
      const double x = node_at(static_cast<int>(i), Size::nodes);
      root.push_back(x);
      for (std::size_t k = 0; k < m; ++k) {
        for (std::size_t j = 0; j < n; ++j) {
          const double share = basis(static_cast<int>(j), Size::nodes, x * cosine[k]);
          interpolate[(i * n + j) * m + k] = share;
          spread[(i * m + k) * width + j] = share;
        }
      }
    }
    root.resize(width, 1.0);
    for (int degree = Size::nodes - 2; degree < Size::nodes; ++degree) {
      for (int j = 0; j < Size::nodes; ++j) tail.push_back(coefficient(j, Size::nodes, degree));
    }
    for (int j = 0; j < Size::nodes; ++j) {
      for (int i = 0; i < FineExercise::columns; ++i) {
        const double x = i < FineExercise::nodes ? node_at(i, FineExercise::nodes) : 1.0;
        refine.push_back(basis(j, Size::nodes, x));
      }
    }
  }

  [[nodiscard]] kernel::ExerciseRule rule() const {
    return {.nodes = Size::nodes,
            .points = Size::points,
            .columns = Size::columns,
            .root = root.data(),
            .sine = sine.data(),
            .cosine = cosine.data(),
            .inverse_sine = inverse_sine.data(),
            .measure = measure.data(),
            .interpolate = interpolate.data(),
            .spread = spread.data(),
            .refine = refine.data(),
            .tail = tail.data()};
  }
};

struct PremiumTables {
  std::vector<double> sine, cosine, measure, interpolate;

  explicit PremiumTables(int nodes) {
    const auto [at, weight] = gauss(static_cast<int>(kernel::premium_points));
    interpolate.resize(static_cast<std::size_t>(nodes) * at.size());
    for (std::size_t k = 0; k < at.size(); ++k) {
      const double t = at[k], fourth = t * t * t * t;
      const double angle = 0.5 * std::numbers::pi * fourth * t * (6.0 - 5.0 * t);
      cosine.push_back(sine_of(0.5 * std::numbers::pi - angle));
      sine.push_back(sine_of(angle));
      measure.push_back(30.0 * std::numbers::pi * fourth * (1.0 - t) * weight[k] * sine.back() *
                        cosine.back());
      for (int j = 0; j < nodes; ++j) {
        interpolate[static_cast<std::size_t>(j) * at.size() + k] = basis(j, nodes, cosine.back());
      }
    }
  }

  [[nodiscard]] kernel::PremiumRule rule() const {
    return {.sine = sine.data(),
            .share = cosine.data(),
            .measure = measure.data(),
            .interpolate = interpolate.data()};
  }
};

}  // namespace

void stretched_weights(double stretch, std::int64_t nodes, double* share, double* weights) {
  const double* cosine = exercise_rules().premium[0].share;
  for (int k = 0; k < kernel::premium_points; ++k) {
    share[k] = std::min(stretch * cosine[k], 1.0);
    for (int j = 0; j < nodes; ++j) {
      weights[j * kernel::premium_points + k] = basis(j, static_cast<int>(nodes), share[k]);
    }
  }
}

const ExerciseRules& exercise_rules() {
  static const ExerciseTables<CoarseExercise> coarse;
  static const ExerciseTables<MiddleExercise> middle;
  static const ExerciseTables<FineExercise> fine;
  static const PremiumTables few(CoarseExercise::nodes), many(FineExercise::nodes);
  static const ExerciseRules rules{.size = {coarse.rule(), middle.rule(), fine.rule()},
                                   .premium = {few.rule(), few.rule(), many.rule()}};
  return rules;
}

}  // namespace riskslide::detail
