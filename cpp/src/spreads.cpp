// Decides how spreads are searched: by the latest expiry of their shorts, and cut off as soon as
// the loss at zero or far above all strikes cannot be made good.
#include "spreads.hpp"

#include <algorithm>
#include <limits>
#include <utility>

namespace riskslide {
namespace {

constexpr double none = std::numeric_limits<double>::infinity();

// In the order in which a spread is built; strikes of each kind from the best to the worst.
enum Kind : std::size_t { SHORT_CALL, SHORT_PUT, LONG_CALL, LONG_PUT };

struct Candidate {
  double strike, charge;
  std::int32_t row;
};

struct Kinds {
  std::array<std::vector<Candidate>, 4> of;
  std::array<double, 4> best_charge{};
};

class Walk {
 public:
  Walk(const Holding& held, const Kinds& kinds, double limit, std::int64_t expiry, bool only_last,
       const detail::Sink& sink)
      : held_(held),
        kinds_(kinds),
        limit_(limit),
        expiry_(expiry),
        only_last_(only_last),
        sink_(sink) {}

  // Spreads of so many contracts of each kind.
  void run(const std::array<int, 4>& counts) {
    left_ = counts;
    balanced_ = counts[LONG_CALL] == counts[SHORT_CALL];
    size_ = 0;
    choose(SHORT_CALL, 0, {});
  }

 private:
  struct Sums {
    double charge = 0.0, at_zero = 0.0, far = 0.0;  // far: loss above all strikes if balanced
  };

  static Sums with(Sums s, std::size_t kind, double strike, double charge, int times) {
    s.charge += times * charge;
    if (kind == SHORT_PUT) s.at_zero += times * strike;
    if (kind == LONG_PUT) s.at_zero -= times * strike;
    if (kind == SHORT_CALL) s.far -= times * strike;
    if (kind == LONG_CALL) s.far += times * strike;
    return s;
  }

  // No spread that is completed from here saves more: what is left takes the best of its kind.
  double least(Sums s, std::size_t kind, std::size_t from) const {
    for (std::size_t k = kind; k < 4; ++k) {
      if (left_[k] == 0) continue;
      const auto& list = kinds_.of[k];
      const double strike = list[k == kind ? from : 0].strike;
      s = with(s, k, strike, kinds_.best_charge[k], left_[k]);
    }
    return std::max({0.0, s.at_zero, balanced_ ? s.far : 0.0}) - s.charge;
  }

  void choose(std::size_t kind, std::size_t from, const Sums& sums) {
    while (kind < 4 && left_[kind] == 0) {
      ++kind;
      from = 0;
    }
    if (kind == 4) return finish(sums.charge);
    const auto& list = kinds_.of[kind];
    for (std::size_t at = from; at < list.size(); ++at) {
      if (least(sums, kind, at) >= limit_) break;
      const Candidate& one = list[at];
      if (taken(one.row) == held_.quantity[static_cast<std::size_t>(one.row)]) continue;
      --left_[kind];
      chosen_[size_++] = one.row;
      const Sums next = with(sums, kind, one.strike, one.charge, 1);
      if (least(next, kind, at) < limit_) choose(kind, at, next);
      --size_;
      ++left_[kind];
    }
  }

  std::int64_t taken(std::int32_t row) const {
    return std::count(chosen_.begin(), chosen_.begin() + static_cast<std::ptrdiff_t>(size_), row);
  }

  void finish(double charge) {
    const std::span<const std::int32_t> rows{chosen_.data(), size_};
    if (only_last_ && !reaches(rows)) return;
    const double requirement = spread_requirement(held_, rows);
    if (requirement - charge >= limit_) return;
    Group group{chosen_, static_cast<std::int32_t>(size_), requirement};
    for (std::size_t k = 1; k < size_; ++k) {  // in ascending order
      for (std::size_t j = k; j > 0 && group.row[j] < group.row[j - 1]; --j) {
        std::swap(group.row[j], group.row[j - 1]);
      }
    }
    sink_(group, requirement - charge);
  }

  bool reaches(std::span<const std::int32_t> rows) const {
    return std::any_of(rows.begin(), rows.end(), [&](std::int32_t row) {
      const auto k = static_cast<std::size_t>(row);
      return held_.is_short[k] && held_.expiry[k] == expiry_;
    });
  }

  const Holding& held_;
  const Kinds& kinds_;
  double limit_;
  std::int64_t expiry_;
  bool only_last_;
  const detail::Sink& sink_;
  std::array<int, 4> left_{};
  bool balanced_ = false;
  std::array<std::int32_t, group_size> chosen_{};
  std::size_t size_ = 0;
};

bool ascends(std::size_t kind) { return kind == LONG_CALL || kind == SHORT_PUT; }

// Shorts that expire by then and longs that do not expire before, by kind; `leading`: of each
// strike the one with the largest charge.
Kinds kinds_at(const Holding& held, std::span<const double> charge, std::int64_t expiry,
               bool leading) {
  Kinds out;
  for (std::size_t row = 0; row < held.rows(); ++row) {
    if (!held.option[row]) continue;
    const bool fits = held.is_short[row] ? held.expiry[row] <= expiry : held.expiry[row] >= expiry;
    const std::size_t kind = (held.is_short[row] ? 0u : 2u) + (held.is_call[row] ? 0u : 1u);
    if (fits) {
      out.of[kind].push_back({held.strike[row], charge[row], static_cast<std::int32_t>(row)});
    }
  }
  for (std::size_t kind = 0; kind < 4; ++kind) {
    auto& list = out.of[kind];
    std::sort(list.begin(), list.end(), [kind](const Candidate& a, const Candidate& b) {
      if (a.strike != b.strike) return ascends(kind) ? a.strike < b.strike : a.strike > b.strike;
      return a.charge != b.charge ? a.charge > b.charge : a.row < b.row;
    });
    if (leading) {
      const auto same = [](const Candidate& a, const Candidate& b) { return a.strike == b.strike; };
      list.erase(std::unique(list.begin(), list.end(), same), list.end());
    }
    out.best_charge[kind] = -none;
    for (const Candidate& c : list) {
      out.best_charge[kind] = std::max(out.best_charge[kind], c.charge);
    }
  }
  return out;
}

// How many contracts of each kind a spread may have: shorts and longs, calls not short on balance.
std::vector<std::array<int, 4>> shapes(const Kinds& kinds) {
  std::vector<std::array<int, 4>> out;
  const int most = static_cast<int>(group_size);
  for (int sc = 0; sc < most; ++sc) {
    for (int sp = 0; sc + sp < most; ++sp) {
      for (int lc = sc; sc + sp + lc <= most; ++lc) {
        for (int lp = 0; sc + sp + lc + lp <= most; ++lp) {
          const bool sided = sc + sp >= 1 && lc + lp >= 1;
          if (!sided) continue;
          const std::array<int, 4> shape{sc, sp, lc, lp};
          bool held = true;
          for (std::size_t k = 0; k < 4; ++k) held = held && (!shape[k] || !kinds.of[k].empty());
          if (held) out.push_back(shape);
        }
      }
    }
  }
  return out;
}

}  // namespace

double spread_requirement(const Holding& held, std::span<const std::int32_t> rows) {
  int calls = 0;  // long on balance
  for (const std::int32_t row : rows) {
    const auto k = static_cast<std::size_t>(row);
    if (held.is_call[k]) calls += held.is_short[k] ? -1 : 1;
  }
  if (calls < 0) return none;
  double worst = 0.0;
  for (std::size_t point = 0; point <= rows.size(); ++point) {
    const double spot = point ? held.strike[static_cast<std::size_t>(rows[point - 1])] : 0.0;
    double loss = 0.0;
    for (const std::int32_t row : rows) {
      const auto k = static_cast<std::size_t>(row);
      const double above = held.is_call[k] ? spot - held.strike[k] : held.strike[k] - spot;
      if (above > 0.0) loss += held.is_short[k] ? above : -above;
    }
    worst = std::max(worst, loss);
  }
  return worst;
}

namespace detail {

void find_spreads(const Holding& held, std::span<const double> charge, double limit, Search search,
                  const Sink& sink) {
  std::vector<std::int64_t> expiries;
  for (std::size_t row = 0; row < held.rows(); ++row) {
    if (held.option[row] && held.is_short[row]) expiries.push_back(held.expiry[row]);
  }
  std::sort(expiries.begin(), expiries.end());
  expiries.erase(std::unique(expiries.begin(), expiries.end()), expiries.end());
  const bool leading = search == Search::LEADING;
  for (const std::int64_t expiry : expiries) {
    const Kinds kinds = kinds_at(held, charge, expiry, leading);
    Walk walk(held, kinds, limit, expiry, !leading, sink);
    for (const auto& shape : shapes(kinds)) walk.run(shape);
  }
}

}  // namespace detail
}  // namespace riskslide
