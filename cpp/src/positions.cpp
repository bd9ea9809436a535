// Decides how unsorted position columns become canonical rows; see book/positions.hpp.
#include "riskslide/book/positions.hpp"

#include <algorithm>
#include <array>
#include <atomic>
#include <bit>
#include <cmath>
#include <limits>
#include <memory>
#include <string>
#include <utility>

#include "checks.hpp"
#include "threads.hpp"

namespace riskslide {
namespace {

// Rows are parted by ranges of accounts, so that each part fits a cache and is sorted on its own.
constexpr std::int64_t part_rows = 1 << 14;  // rows of a part, about
constexpr std::int64_t most_parts = 512;     // more streams than this and scattering misses caches
constexpr std::int64_t chunk_rows = 1 << 17;
constexpr int digit_bits = 9;

template <class Quantity>
struct Entry {
  std::uint64_t key;  // account within its part, then instrument
  Quantity quantity;
};

int bits_of(std::int64_t count) {
  return count <= 1 ? 0 : static_cast<int>(std::bit_width(static_cast<std::uint64_t>(count - 1)));
}

// Which accounts a part holds: those whose number agrees above `shift` bits.
struct Parting {
  int shift = 0, instrument_bits = 0;
  std::int64_t parts = 1;

  Parting(std::int64_t rows, std::int64_t accounts, std::int64_t instruments)
      : instrument_bits(bits_of(instruments)) {
    const std::int64_t wanted = std::clamp<std::int64_t>(rows / part_rows, 1, most_parts);
    while (accounts >> shift >= wanted && accounts >> shift > 0) ++shift;
    parts = ((std::max<std::int64_t>(accounts, 1) - 1) >> shift) + 1;
  }
  [[nodiscard]] std::int64_t first(std::int64_t part) const { return part << shift; }
  [[nodiscard]] std::int64_t part_of(std::int64_t account) const { return account >> shift; }
  [[nodiscard]] std::uint64_t key(std::int64_t account, std::int64_t instrument) const {
    const auto within = static_cast<std::uint64_t>(account - first(part_of(account)));
    return within << instrument_bits | static_cast<std::uint64_t>(instrument);
  }
};

void check_index(const char* argument, std::span<const std::int64_t> index, std::int64_t count,
                 int threads) {
  const auto rows = static_cast<std::int64_t>(index.size());
  std::atomic<bool> good{true};
  detail::parallel_for((rows + chunk_rows - 1) / chunk_rows, threads, [&](std::int64_t chunk) {
    std::uint64_t worst = 0;  // a negative index is a large one here
    for (std::int64_t i = chunk * chunk_rows; i < std::min(rows, (chunk + 1) * chunk_rows); ++i) {
      worst = std::max(worst, static_cast<std::uint64_t>(index[static_cast<std::size_t>(i)]));
    }
    if (worst >= static_cast<std::uint64_t>(count)) good = false;
  });
  if (good) return;
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

// Memory for many entries that is written before it is read.
template <class T>
using Scratch = std::unique_ptr<T[]>;
template <class T>
Scratch<T> scratch(std::int64_t size) {
  return std::make_unique_for_overwrite<T[]>(static_cast<std::size_t>(size));
}

// Sorts by key, stably, digit by digit from the lowest; returns whichever memory holds the result.
template <class Quantity>
Entry<Quantity>* sort_by_key(Entry<Quantity>* from, Entry<Quantity>* to, std::int64_t size,
                             int bits) {
  constexpr std::size_t radix = std::size_t{1} << digit_bits;
  for (int low = 0; low < bits; low += digit_bits) {
    std::array<std::int64_t, radix> next{};
    const auto digit = [low](const Entry<Quantity>& e) {
      return static_cast<std::size_t>(e.key >> low) & (radix - 1);
    };
    for (std::int64_t k = 0; k < size; ++k) ++next[digit(from[k])];
    std::int64_t before = 0;
    for (std::int64_t& n : next) before += std::exchange(n, before);
    for (std::int64_t k = 0; k < size; ++k) to[next[digit(from[k])]++] = from[k];
    std::swap(from, to);
  }
  return from;
}

// Turns sorted entries into rows in place: equal keys are summed, or ordered by quantity.
template <class Quantity>
std::int64_t settle(Entry<Quantity>* entries, std::int64_t size, std::int64_t& overflowed_key) {
  const auto smaller = [](const auto& a, const auto& b) { return a.quantity < b.quantity; };
  std::int64_t kept = 0;
  for (std::int64_t from = 0; from < size;) {
    std::int64_t to = from + 1;
    while (to < size && entries[to].key == entries[from].key) ++to;
    if (to - from > 1) std::sort(entries + from, entries + to, smaller);
    if constexpr (std::is_same_v<Quantity, std::int64_t>) {
      Entry<Quantity> whole = entries[from];
      if (to - from > 1 && !sum_of(entries + from, entries + to, whole.quantity) &&
          overflowed_key < 0) {
        overflowed_key = static_cast<std::int64_t>(whole.key);
      }
      entries[kept++] = whole;
    } else {
      kept = std::copy(entries + from, entries + to, entries + kept) - entries;
    }
    from = to;
  }
  return kept;
}

// Entries part by part, in input order within a part; `starts` (parts + 1) says where each begins.
template <class Quantity>
Scratch<Entry<Quantity>> part_entries(const Parting& parting, std::span<const std::int64_t> account,
                                      std::span<const std::int64_t> instrument,
                                      std::span<const Quantity> quantity,
                                      std::vector<std::int64_t>& starts, int threads) {
  const auto rows = static_cast<std::int64_t>(account.size());
  const std::int64_t chunks = (rows + chunk_rows - 1) / chunk_rows;
  std::vector<std::int64_t> next(static_cast<std::size_t>(chunks * parting.parts), 0);
  const auto each_row = [&](std::int64_t chunk, const auto& visit) {
    for (std::int64_t i = chunk * chunk_rows; i < std::min(rows, (chunk + 1) * chunk_rows); ++i) {
      const auto row = static_cast<std::size_t>(i);
      visit(row,
            next[static_cast<std::size_t>(chunk * parting.parts + parting.part_of(account[row]))]);
    }
  };
  detail::parallel_for(chunks, threads, [&](std::int64_t chunk) {
    each_row(chunk, [](std::size_t, std::int64_t& count) { ++count; });
  });
  std::int64_t before = 0;
  for (std::int64_t part = 0; part < parting.parts; ++part) {
    starts[static_cast<std::size_t>(part)] = before;
    for (std::int64_t chunk = 0; chunk < chunks; ++chunk) {
      before += std::exchange(next[static_cast<std::size_t>(chunk * parting.parts + part)], before);
    }
  }
  starts.back() = before;
  auto entries = scratch<Entry<Quantity>>(rows);
  detail::parallel_for(chunks, threads, [&](std::int64_t chunk) {
    each_row(chunk, [&](std::size_t row, std::int64_t& at) {
      entries[static_cast<std::size_t>(at++)] = {parting.key(account[row], instrument[row]),
                                                 quantity[row]};
    });
  });
  return entries;
}

// Whether rows lie by account and then instrument, no pair twice.
bool ascend(std::span<const std::int64_t> account, std::span<const std::int64_t> instrument) {
  for (std::size_t k = 1; k < account.size(); ++k) {
    if (account[k - 1] > account[k]) return false;
    if (account[k - 1] == account[k] && instrument[k - 1] >= instrument[k]) return false;
  }
  return true;
}

// Rows that lie in order as they are.
template <class Quantity>
Rows<Quantity> rows_in_order(std::span<const std::int64_t> account,
                             std::span<const std::int64_t> instrument,
                             std::span<const Quantity> quantity, std::int64_t accounts) {
  Rows<Quantity> rows;
  rows.offsets.assign(static_cast<std::size_t>(accounts) + 1, 0);
  for (const std::int64_t a : account) ++rows.offsets[static_cast<std::size_t>(a) + 1];
  for (std::size_t a = 1; a < rows.offsets.size(); ++a) rows.offsets[a] += rows.offsets[a - 1];
  rows.instrument.reserve(instrument.size());
  for (const std::int64_t i : instrument) {
    rows.instrument.push_back(static_cast<std::int32_t>(i));
  }
  rows.quantity.assign(quantity.begin(), quantity.end());
  return rows;
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
  check_index("account", account, accounts, threads);
  check_index("instrument", instrument, instruments, threads);
  if (ascend(account, instrument)) return rows_in_order(account, instrument, quantity, accounts);

  const Parting parting(static_cast<std::int64_t>(account.size()), accounts, instruments);
  std::vector<std::int64_t> starts(static_cast<std::size_t>(parting.parts) + 1);
  const auto entries = part_entries(parting, account, instrument, quantity, starts, threads);

  Rows<Quantity> rows;
  rows.offsets.assign(static_cast<std::size_t>(accounts) + 1, 0);
  std::vector<std::int64_t> kept(static_cast<std::size_t>(parting.parts) + 1, 0);
  std::atomic<std::int64_t> overflowed{accounts};
  detail::parallel_for(parting.parts, threads, [&](std::int64_t part) {
    const auto p = static_cast<std::size_t>(part);
    const std::int64_t size = starts[p + 1] - starts[p];
    Entry<Quantity>* mine = entries.get() + starts[p];
    const auto other = scratch<Entry<Quantity>>(size);
    const Entry<Quantity>* sorted =
        sort_by_key(mine, other.get(), size, parting.shift + parting.instrument_bits);
    if (sorted != mine) std::copy_n(sorted, size, mine);
    std::int64_t overflowed_key = -1;
    kept[p + 1] = settle(mine, size, overflowed_key);
    if (overflowed_key >= 0) {
      detail::lower(overflowed, parting.first(part) + (overflowed_key >> parting.instrument_bits));
    }
    for (std::int64_t k = 0; k < kept[p + 1]; ++k) {
      const auto within = static_cast<std::int64_t>(mine[k].key >> parting.instrument_bits);
      ++rows.offsets[static_cast<std::size_t>(parting.first(part) + within) + 1];
    }
  });
  if (overflowed.load() < accounts) {
    detail::refuse("E_OVERFLOW", "account", overflowed.load(), std::nan(""),
                   "the sum of its lots of one instrument leaves int64; use a larger lot");
  }

  for (std::size_t p = 1; p < kept.size(); ++p) kept[p] += kept[p - 1];
  for (std::size_t a = 1; a < rows.offsets.size(); ++a) rows.offsets[a] += rows.offsets[a - 1];
  rows.instrument.resize(static_cast<std::size_t>(kept.back()));
  rows.quantity.resize(rows.instrument.size());
  const std::uint64_t instrument_mask = (std::uint64_t{1} << parting.instrument_bits) - 1;
  detail::parallel_for(parting.parts, threads, [&](std::int64_t part) {
    const auto p = static_cast<std::size_t>(part);
    const Entry<Quantity>* mine = entries.get() + starts[p];
    for (std::int64_t k = kept[p]; k < kept[p + 1]; ++k, ++mine) {
      const auto at = static_cast<std::size_t>(k);
      rows.instrument[at] = static_cast<std::int32_t>(mine->key & instrument_mask);
      rows.quantity[at] = mine->quantity;
    }
  });
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
  // All at once first: a loop that may leave early is three times as long.
  bool outside = false;
  for (const std::int32_t i : instrument) {
    outside |= i < 0 || static_cast<std::size_t>(i) >= instruments;
  }
  for (std::size_t i = 0; outside && i < instrument.size(); ++i) {
    if (instrument[i] < 0 || static_cast<std::size_t>(instrument[i]) >= instruments) {
      detail::refuse("E_INDEX", "instrument", static_cast<std::int64_t>(i), instrument[i],
                     "must be an index from 0 to " +
                         std::to_string(static_cast<std::int64_t>(instruments) - 1));
    }
  }
}

}  // namespace riskslide
