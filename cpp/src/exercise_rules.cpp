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

using kernel::exercise_nodes;

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

double node_at(int i) {  // x of node i, the last one 1
  const double half = sine_of(0.5 * std::numbers::pi * (i + 1) / exercise_nodes);
  return half * half;
}

// Weight of node j in the polynomial at x.
double basis(int j, double x) {
  double weight = 1.0;
  for (int k = 0; k < exercise_nodes; ++k) {
    if (k != j) weight *= (x - node_at(k)) / (node_at(j) - node_at(k));
  }
  return weight;
}

struct ExerciseTables {
  std::vector<double> root, sine, cosine, inverse_sine, measure, interpolate, spread;

  explicit ExerciseTables(int points) {
    const auto [at, weight] = gauss(points);
    for (std::size_t k = 0; k < at.size(); ++k) {
      const double angle = 0.5 * std::numbers::pi * at[k];
      sine.push_back(sine_of(angle));
      cosine.push_back(sine_of(0.5 * std::numbers::pi - angle));
      inverse_sine.push_back(1.0 / sine.back());
      measure.push_back(std::numbers::pi * weight[k] * cosine.back());
    }
    const std::size_t n = exercise_nodes, m = at.size(), width = kernel::exercise_columns;
    interpolate.resize(n * n * kernel::exercise_points);
    spread.resize(n * m * width);
    for (std::size_t i = 0; i < n; ++i) {
      const double x = node_at(static_cast<int>(i));
      root.push_back(x);
      for (std::size_t k = 0; k < m; ++k) {
        for (std::size_t j = 0; j < n; ++j) {
          const double share = basis(static_cast<int>(j), x * cosine[k]);
          interpolate[(i * n + j) * kernel::exercise_points + k] = share;
          spread[(i * m + k) * width + j] = share;
        }
      }
    }
    root.resize(width, 1.0);
  }

  [[nodiscard]] kernel::ExerciseRule rule() const {
    return {.points = static_cast<std::int64_t>(sine.size()),
            .root = root.data(),
            .sine = sine.data(),
            .cosine = cosine.data(),
            .inverse_sine = inverse_sine.data(),
            .measure = measure.data(),
            .interpolate = interpolate.data(),
            .spread = spread.data()};
  }
};

struct PremiumTables {
  std::vector<double> sine, cosine, measure, interpolate;

  PremiumTables() {
    const auto [at, weight] = gauss(static_cast<int>(kernel::premium_points));
    interpolate.resize(static_cast<std::size_t>(exercise_nodes) * at.size());
    for (std::size_t k = 0; k < at.size(); ++k) {
      const double t = at[k], fourth = t * t * t * t;
      const double angle = 0.5 * std::numbers::pi * fourth * t * (6.0 - 5.0 * t);
      cosine.push_back(sine_of(0.5 * std::numbers::pi - angle));
      sine.push_back(sine_of(angle));
      measure.push_back(30.0 * std::numbers::pi * fourth * (1.0 - t) * weight[k] * sine.back() *
                        cosine.back());
      for (std::size_t j = 0; j < exercise_nodes; ++j) {
        interpolate[j * at.size() + k] = basis(static_cast<int>(j), cosine.back());
      }
    }
  }
};

}  // namespace

void stretched_weights(double stretch, double* share, double* weights) {
  const double* cosine = exercise_rules().premium.share;
  for (int k = 0; k < kernel::premium_points; ++k) {
    share[k] = std::min(stretch * cosine[k], 1.0);
    for (int j = 0; j < exercise_nodes; ++j) {
      weights[j * kernel::premium_points + k] = basis(j, share[k]);
    }
  }
}

const ExerciseRules& exercise_rules() {
  static const ExerciseTables coarse(8), fine(static_cast<int>(kernel::exercise_points));
  static const PremiumTables premium;
  static const ExerciseRules rules{.coarse = coarse.rule(),
                                   .fine = fine.rule(),
                                   .premium = {.sine = premium.sine.data(),
                                               .share = premium.cosine.data(),
                                               .measure = premium.measure.data(),
                                               .interpolate = premium.interpolate.data()}};
  return rules;
}

}  // namespace riskslide::detail
