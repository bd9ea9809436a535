// Decides how the relaxation is solved: a dense inverse of the basis; of a short list of columns
// the one with the most negative reduced cost enters; after a limit the dual method regains the
// optimum.
#include <algorithm>
#include <cmath>

#include "cover.hpp"

namespace riskslide::detail {
namespace {

constexpr double drawn_apart = 1e-5;  // of a contract
constexpr double least_pivot = 1e-7;
constexpr double cost_tolerance = 1e-9;  // of the reporting unit
constexpr double short_of = -1e-9;       // contracts: what is less is missing
constexpr std::size_t list_length = 64;

}  // namespace

Relaxation::Relaxation(const std::vector<Group>& columns, std::span<const std::int64_t> quantity)
    : columns_(&columns), rows_(quantity.size()), size_(rows_) {
  double part = 0.0;
  for (const std::int64_t n : quantity) {
    part += 0.6180339887498949;  // golden ratio: never the same part twice
    part -= part >= 1.0 ? 1.0 : 0.0;
    right_.push_back(static_cast<double>(n));
    drawn_.push_back(right_.back() + drawn_apart * (1.0 + part));
  }
  inverse_.assign(size_ * size_, 0.0);
  value_ = drawn_;
  for (std::size_t k = 0; k < size_; ++k) {
    inverse_[k * size_ + k] = 1.0;
    basis_.push_back(static_cast<std::int64_t>(k));
    charge_.push_back(columns[k].requirement);
  }
}

template <class Visit>
void Relaxation::entries(std::size_t column, const Visit& visit) const {
  const Group& group = (*columns_)[column];
  for (std::int32_t k = 0; k < group.size; ++k) {
    visit(static_cast<std::size_t>(group.row[static_cast<std::size_t>(k)]));
  }
  if (column < limit_of_.size() && limit_of_[column] >= 0) {
    visit(rows_ + static_cast<std::size_t>(limit_of_[column]));
  }
}

double Relaxation::along(std::size_t column, const double* row) const {
  double sum = 0.0;
  entries(column, [&](std::size_t k) { sum += row[k]; });
  return sum;
}

double Relaxation::reduced(std::size_t column) const {
  return (*columns_)[column].requirement - along(column, charge_.data());
}

void Relaxation::solve() {
  for (;;) {
    scan();
    if (listed_.empty()) return;
    for (;;) {  // the list until none of it may enter
      std::size_t entering = columns_->size();
      double least = -cost_tolerance;
      for (auto& [cost, column] : listed_) {
        cost = reduced(column);
        if (cost < least) {
          least = cost;
          entering = column;
        }
      }
      if (entering == columns_->size()) break;
      place(entering);
      const std::size_t row = leaving();
      if (row == size_) return;  // cannot be: what is held bounds every column
      enter(static_cast<std::int64_t>(entering), least, row);
    }
  }
}

// The columns of the most negative reduced costs.
void Relaxation::scan() {
  listed_.clear();
  for (std::size_t column = 0; column < columns_->size(); ++column) {
    const double cost = reduced(column);
    if (cost >= -cost_tolerance) continue;
    if (listed_.size() == list_length && cost >= listed_.front().first) continue;
    listed_.emplace_back(cost, column);
    std::push_heap(listed_.begin(), listed_.end());
    if (listed_.size() > list_length) {
      std::pop_heap(listed_.begin(), listed_.end());
      listed_.pop_back();
    }
  }
}

// The direction of a column in the basis.
void Relaxation::place(std::size_t column) {
  direction_.assign(size_, 0.0);
  entries(column, [&](std::size_t row) {
    for (std::size_t k = 0; k < size_; ++k) direction_[k] += inverse_[k * size_ + row];
  });
}

std::size_t Relaxation::leaving() const {
  std::size_t best = size_;
  double least = std::numeric_limits<double>::infinity();
  for (std::size_t k = 0; k < size_; ++k) {
    if (direction_[k] <= least_pivot) continue;
    const double ratio = std::max(value_[k], 0.0) / direction_[k];
    if (ratio < least) {
      least = ratio;
      best = k;
    }
  }
  return best;
}

// Takes a variable, whose direction stands, into the basis in place of what is in `row`.
void Relaxation::enter(std::int64_t variable, double reduced, std::size_t row) {
  double* const top = &inverse_[row * size_];
  const double by = 1.0 / direction_[row];
  for (std::size_t k = 0; k < size_; ++k) top[k] *= by;
  value_[row] *= by;
  for (std::size_t k = 0; k < size_; ++k) {
    charge_[k] += reduced * top[k];
    const double factor = direction_[k];
    if (k == row || factor == 0.0) continue;
    double* const other = &inverse_[k * size_];
    for (std::size_t j = 0; j < size_; ++j) other[j] -= factor * top[j];
    value_[k] -= factor * value_[row];
  }
  basis_[row] = variable;
}

void Relaxation::take_off(std::size_t column, std::int64_t times) {
  entries(column, [&](std::size_t row) {
    right_[row] -= static_cast<double>(times);
    drawn_[row] -= static_cast<double>(times);
  });
}

void Relaxation::limit(std::size_t column, std::int64_t most) {
  limit_of_.resize(columns_->size(), -1);
  if (limit_of_[column] < 0) {
    const auto at = std::find(basis_.begin(), basis_.end(), static_cast<std::int64_t>(column));
    const auto row = static_cast<std::size_t>(at - basis_.begin());
    std::vector<double> grown((size_ + 1) * (size_ + 1), 0.0);
    for (std::size_t k = 0; k < size_; ++k) {
      std::copy_n(&inverse_[k * size_], size_, &grown[k * (size_ + 1)]);
    }
    double* const last = &grown[size_ * (size_ + 1)];
    for (std::size_t k = 0; row < size_ && k < size_; ++k) last[k] = -inverse_[row * size_ + k];
    last[size_] = 1.0;
    inverse_ = std::move(grown);
    limit_of_[column] = static_cast<std::int32_t>(limited_.size());
    basis_.push_back(-1 - static_cast<std::int64_t>(limited_.size()));
    limited_.push_back(column);
    right_.push_back(0.0);
    drawn_.push_back(0.0);
    charge_.push_back(0.0);
    value_.push_back(0.0);
    ++size_;
  }
  const std::size_t row = rows_ + static_cast<std::size_t>(limit_of_[column]);
  right_[row] = static_cast<double>(most);
  drawn_[row] = right_[row] + drawn_apart;
}

// The dual method: what is short leaves, until nothing is.
bool Relaxation::regain() {
  for (std::size_t k = 0; k < size_; ++k) {
    value_[k] = 0.0;
    for (std::size_t j = 0; j < size_; ++j) value_[k] += inverse_[k * size_ + j] * drawn_[j];
  }
  for (;;) {
    const auto least = std::min_element(value_.begin(), value_.end());
    if (*least >= short_of) return true;
    const auto row = static_cast<std::size_t>(least - value_.begin());
    const double* const top = &inverse_[row * size_];
    double smallest = std::numeric_limits<double>::infinity(), cost = 0.0;
    std::int64_t entering = static_cast<std::int64_t>(columns_->size());
    const auto offer = [&](std::int64_t variable, double element, double reduced_cost) {
      const double ratio = std::max(reduced_cost, 0.0) / -element;
      if (ratio >= smallest) return;
      smallest = ratio;
      cost = reduced_cost;
      entering = variable;
    };
    for (std::size_t column = 0; column < columns_->size(); ++column) {
      const double element = along(column, top);
      if (element < -least_pivot)
        offer(static_cast<std::int64_t>(column), element, reduced(column));
    }
    for (std::size_t k = rows_; k < size_; ++k) {  // slacks cost nothing
      if (top[k] < -least_pivot)
        offer(-1 - static_cast<std::int64_t>(k - rows_), top[k], -charge_[k]);
    }
    if (entering == static_cast<std::int64_t>(columns_->size())) return false;
    if (entering >= 0) {
      place(static_cast<std::size_t>(entering));
    } else {
      const std::size_t at = rows_ + static_cast<std::size_t>(-1 - entering);
      direction_.assign(size_, 0.0);
      for (std::size_t k = 0; k < size_; ++k) direction_[k] = inverse_[k * size_ + at];
    }
    enter(entering, cost, row);
  }
}

double Relaxation::value() const {
  double sum = 0.0;
  for (std::size_t k = 0; k < size_; ++k) sum += charge_[k] * right_[k];
  return sum;
}

std::vector<double> Relaxation::amounts() const {
  std::vector<double> out(columns_->size(), 0.0);
  for (std::size_t k = 0; k < size_; ++k) {
    if (basis_[k] < 0) continue;
    double basic = 0.0;
    for (std::size_t j = 0; j < size_; ++j) basic += inverse_[k * size_ + j] * right_[j];
    out[static_cast<std::size_t>(basis_[k])] = std::max(basic, 0.0);
  }
  return out;
}

}  // namespace riskslide::detail
