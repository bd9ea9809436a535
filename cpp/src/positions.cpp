// Decides how unsorted position columns become canonical rows; see book/positions.hpp.
#include "riskslide/book/positions.hpp"

#include <algorithm>
#include <atomic>
#include <cmath>
#include <limits>
#include <string>
#include <utility>

#include "checks.hpp"
#include "threads.hpp"

namespace riskslide {
namespace {

template <class Quantity>
struct Entry {
  std::int32_t instrument;
  Quantity quantity;

  friend bool operator<(const Entry& a, const Entry& b) {
    return a.instrument != b.instrument ? a.instrument < b.instrument : a.quantity < b.quantity;
  }
};

void check_index(const char* argument, std::span<const std::int64_t> index, std::int64_t count) {
  for (std::size_t i = 0; i < index.size(); ++i) {
    if (index[i] < 0 || index[i] >= count) {
      detail::refuse("E_INDEX", argument, static_cast<std::int64_t>(i),
                     static_cast<double>(index[i]),
                     "must be an index from 0 to " + std::to_string(count - 1));
    }
  }
}

// Exact sum of quantities in ascending order; false if it does not fit. Adding from the end whose
// sign is opposite to the sum so far, nothing on the way can overflow unless the sum itself does.
template <class Iterator>
bool sum_of(Iterator first, Iterator last, std::int64_t& sum) {
  constexpr auto most = std::numeric_limits<std::int64_t>::max();
  constexpr auto least = std::numeric_limits<std::int64_t>::min();
  sum = 0;
  while (first != last) {
    const std::int64_t next = sum >= 0 ? (first++)->quantity : (--last)->quantity;
    if (next > 0 ? sum > most - next : sum < least - next) return false;
    sum += next;
  }
  return true;
}

// Entries by account, in input order within an account: a counting sort.
template <class Quantity>
std::vector<Entry<Quantity>> by_account(std::span<const std::int64_t> account,
                                        std::span<const std::int64_t> instrument,
                                        std::span<const Quantity> quantity,
                                        std::vector<std::int64_t>& offsets) {
  for (const std::int64_t a : account) ++offsets[static_cast<std::size_t>(a) + 1];
  for (std::size_t a = 1; a < offsets.size(); ++a) offsets[a] += offsets[a - 1];
  std::vector<std::int64_t> next(offsets.begin(), offsets.end() - 1);
  std::vector<Entry<Quantity>> entries(account.size());
  for (std::size_t i = 0; i < account.size(); ++i) {
    entries[static_cast<std::size_t>(next[static_cast<std::size_t>(account[i])]++)] = {
        static_cast<std::int32_t>(instrument[i]), quantity[i]};
  }
  return entries;
}

template <class Quantity>
Rows<Quantity> sorted_rows(std::span<const std::int64_t> account,
                           std::span<const std::int64_t> instrument,
                           std::span<const Quantity> quantity, std::int64_t accounts,
                           std::int64_t instruments, int threads) {
  detail::need_size("instrument", instrument.size(), account.size());
  detail::need_size("quantity", quantity.size(), account.size());
  if (accounts < 0 || instruments < 0 || instruments > std::numeric_limits<std::int32_t>::max()) {
    detail::refuse("E_SHAPE", "instruments", -1, static_cast<double>(instruments),
                   "counts must be from 0 to 2147483647");
  }
  check_index("account", account, accounts);
  check_index("instrument", instrument, instruments);

  constexpr bool summed = std::is_same_v<Quantity, std::int64_t>;
  std::vector<std::int64_t> offsets(static_cast<std::size_t>(accounts) + 1, 0);
  auto entries = by_account(account, instrument, quantity, offsets);
  std::vector<std::int64_t> kept(static_cast<std::size_t>(accounts) + 1, 0);
  std::atomic<std::int64_t> overflowed{accounts};
  constexpr std::int64_t block = 256;
  detail::parallel_for((accounts + block - 1) / block, threads, [&](std::int64_t b) {
    for (std::int64_t a = b * block; a < std::min(accounts, (b + 1) * block); ++a) {
      const auto first = entries.begin() + offsets[static_cast<std::size_t>(a)];
      const auto last = entries.begin() + offsets[static_cast<std::size_t>(a) + 1];
      std::sort(first, last);
      auto end = last;
      if constexpr (summed) {
        end = first;
        for (auto from = first; from != last;) {
          auto to = from;
          while (to != last && to->instrument == from->instrument) ++to;
          Entry<Quantity> summed_up{from->instrument, 0};
          if (!sum_of(from, to, summed_up.quantity)) {
            detail::lower(overflowed, a);
          }
          *end++ = summed_up;
          from = to;
        }
      }
      kept[static_cast<std::size_t>(a) + 1] = end - first;
    }
  });
  if (overflowed.load() < accounts) {
    detail::refuse("E_OVERFLOW", "account", overflowed.load(), std::nan(""),
                   "the sum of its lots of one instrument leaves int64; use a larger lot");
  }

  for (std::size_t a = 1; a < kept.size(); ++a) kept[a] += kept[a - 1];
  Rows<Quantity> rows;
  rows.instrument.resize(static_cast<std::size_t>(kept.back()));
  rows.quantity.resize(rows.instrument.size());
  detail::parallel_for((accounts + block - 1) / block, threads, [&](std::int64_t b) {
    for (std::int64_t a = b * block; a < std::min(accounts, (b + 1) * block); ++a) {
      auto entry = entries.begin() + offsets[static_cast<std::size_t>(a)];
      for (std::int64_t k = kept[static_cast<std::size_t>(a)];
           k < kept[static_cast<std::size_t>(a) + 1]; ++k, ++entry) {
        rows.instrument[static_cast<std::size_t>(k)] = entry->instrument;
        rows.quantity[static_cast<std::size_t>(k)] = entry->quantity;
      }
    }
  });
  rows.offsets = std::move(kept);
  return rows;
}

}  // namespace

Rows<std::int64_t> positions_from_columns(std::span<const std::int64_t> account,
                                          std::span<const std::int64_t> instrument,
                                          std::span<const std::int64_t> lots, std::int64_t accounts,
                                          std::int64_t instruments, int threads) {
  return sorted_rows(account, instrument, lots, accounts, instruments, threads);
}

Rows<double> cash_from_columns(std::span<const std::int64_t> account,
                               std::span<const std::int64_t> instrument,
                               std::span<const double> amount, std::int64_t accounts,
                               std::int64_t instruments, int threads) {
  detail::need_finite("amount", amount);
  return sorted_rows(account, instrument, amount, accounts, instruments, threads);
}

void check_rows(std::span<const std::int64_t> offsets, std::span<const std::int32_t> instrument,
                std::size_t quantities, std::size_t instruments) {
  detail::need_size("lots", quantities, instrument.size());
  if (offsets.empty() || offsets.front() != 0 ||
      offsets.back() != static_cast<std::int64_t>(instrument.size())) {
    detail::refuse("E_SHAPE", "offsets", -1, static_cast<double>(offsets.size()),
                   "must start at 0 and end at the number of positions");
  }
  for (std::size_t a = 1; a < offsets.size(); ++a) {
    if (offsets[a] < offsets[a - 1]) {
      detail::refuse("E_SHAPE", "offsets", static_cast<std::int64_t>(a),
                     static_cast<double>(offsets[a]), "must not decrease");
    }
  }
  for (std::size_t i = 0; i < instrument.size(); ++i) {
    if (instrument[i] < 0 || static_cast<std::size_t>(instrument[i]) >= instruments) {
      detail::refuse("E_INDEX", "instrument", static_cast<std::int64_t>(i), instrument[i],
                     "must be an index from 0 to " +
                         std::to_string(static_cast<std::int64_t>(instruments) - 1));
    }
  }
}

}  // namespace riskslide
