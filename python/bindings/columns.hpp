// Decides how dictionaries of arrays become the columns that valuation takes.
#pragma once

#include <utility>
#include <vector>

#include "convert.hpp"
#include "riskslide/value/revalue.hpp"

namespace riskslide::python {

/// Keeps the arrays that a struct of spans points into, the dictionary they came in aside.
class Columns {
 public:
  explicit Columns(py::dict columns) : columns_(std::move(columns)) {}

  template <class T>
  std::span<const T> get(const char* name, py::ssize_t dimensions = 1) {
    if (!columns_.contains(name)) throw InputError("E_SHAPE", name, "is missing");
    kept_.push_back(strict<T>(columns_[name], name, dimensions));
    return {static_cast<const T*>(kept_.back().data()),
            static_cast<std::size_t>(kept_.back().size())};
  }

  /// Nothing where the column is not there.
  template <class T>
  std::span<const T> get_or_none(const char* name, py::ssize_t dimensions = 1) {
    return columns_.contains(name) ? get<T>(name, dimensions) : std::span<const T>();
  }

  /// A bool or uint8 enumeration column as its bytes.
  template <class T, class Stored>
  std::span<const T> bytes(const char* name) {
    const auto raw = get<Stored>(name);
    return {reinterpret_cast<const T*>(raw.data()), raw.size()};
  }

 private:
  py::dict columns_;
  std::vector<py::array> kept_;
};

inline InstrumentColumns instruments_of(Columns& held) {
  return {.payoff = held.bytes<Payoff, std::uint8_t>("payoff"),
          .is_call = held.bytes<std::uint8_t, bool>("is_call"),
          .inverse = held.bytes<std::uint8_t, bool>("inverse"),
          .factor = held.get<std::int32_t>("factor"),
          .fx_factor = held.get<std::int32_t>("fx_factor"),
          .price = held.get<double>("price"),
          .strike = held.get<double>("strike"),
          .years = held.get<double>("years"),
          .vol = held.get<double>("vol"),
          .discount = held.get<double>("discount"),
          .multiplier = held.get<double>("multiplier"),
          .fx = held.get<double>("fx"),
          .spot = held.get_or_none<double>("spot")};
}

inline ShockColumns shocks_of(const py::dict& shocks, Columns& held) {
  const auto shape = strict<double>(shocks["price_scale"], "price_scale", 2);
  for (const char* name : {"price_shift", "vol_scale", "vol_shift", "vol_floor", "rate_shift"}) {
    if (!shocks.contains(name)) continue;  // `get` says what is missing
    need_shape(strict<double>(shocks[name], name, 2), shape.shape(0), shape.shape(1), name);
  }
  return {.factors = static_cast<std::size_t>(shape.shape(0)),
          .scenarios = static_cast<std::size_t>(shape.shape(1)),
          .price_scale = held.get<double>("price_scale", 2),
          .price_shift = held.get<double>("price_shift", 2),
          .vol_scale = held.get<double>("vol_scale", 2),
          .vol_shift = held.get<double>("vol_shift", 2),
          .vol_floor = held.get<double>("vol_floor", 2),
          .horizon = held.get_or_none<double>("horizon"),
          .rate_shift = held.get_or_none<double>("rate_shift", 2)};
}

}  // namespace riskslide::python
