// Decides the worst column of every account: single precision says which columns may be it, and
// double precision sums those alone. Half the bytes, the same bits.
//
// Bound. Values are scaled by a power of two to at most 1, and the size of a row is its largest
// |value|, 2^-70 at least. A single-precision sum of n products is off by at most
// (n + 3) u (1 + n u) gross, u = 2^-24 and gross = sum |lot| * size: one u each for rounding value,
// lot and product, n for the additions; values below 2^-100 become 0, far inside the first. The
// double sum itself is off by n 2^-53 gross. `error` = 1.1 (n + 8) u gross holds all of it, and the
// rounding of gross and of the comparisons, for n up to most_rows. Then the worst column c has
// sum(c) <= exact(c) + error <= exact(b) + error <= sum(b) + 2 error, b the column of the least
// sum.
#include "screen.hpp"

#include <algorithm>
#include <atomic>
#include <bit>
#include <cmath>
#include <memory>

#include "dispatch.hpp"
#include "threads.hpp"
#include "tiles.hpp"
#include "tiling.hpp"

namespace riskslide::detail {
namespace {

using kernel::refine_width, kernel::screen_width;
constexpr std::size_t fewest = 33, most = 255;  // columns: below, two tiles hold them exactly
constexpr std::int64_t most_rows = 1 << 16;     // of an account, for n u to stay below 1 %
constexpr double largest_sum = 0x1p960;         // beyond it a sum might leave float64
constexpr std::size_t row_block = 256;

// Columns of tile t: the last of the first tile holds the sizes.
struct Cut {
  std::size_t first, count;

  static Cut of(std::size_t tile, std::size_t columns) {
    const std::size_t first = tile == 0 ? 0 : tile * screen_width - 1;
    const std::size_t width = tile == 0 ? screen_width - 1 : screen_width;
    return {first, std::min(width, columns - first)};
  }
};

// The largest |value|, or NaN where one is not finite.
double largest_of(std::span<const double> values) {
  double largest = 0.0, sound = 0.0;
  for (const double x : values) {
    const double size = std::fabs(x);
    largest = size > largest ? size : largest;
    sound += x * 0.0;
  }
  return largest + sound;
}

float narrowed(double x) { return std::fabs(x) < 0x1p-100 ? 0.0F : static_cast<float>(x); }

std::int64_t blocks_of(std::size_t rows) {
  return static_cast<std::int64_t>((rows + row_block - 1) / row_block);
}

// The cube times `scale` in single precision, with the sizes of its rows: (tile, row, width).
struct Singles {
  std::size_t rows, columns, count;
  Tiles packed;

  Singles(const CubeView& cube, double scale, int threads)
      : rows(cube.rows), columns(cube.scenarios), count((columns + screen_width) / screen_width) {
    packed.reserve(count * rows * screen_width / 2);
    parallel_for(blocks_of(rows), threads, [&](std::int64_t b) {
      const std::size_t begin = static_cast<std::size_t>(b) * row_block;
      for (std::size_t row = begin; row < std::min(rows, begin + row_block); ++row) {
        narrow(cube.values.subspan(row * columns, columns), scale, row);
      }
    });
  }

  [[nodiscard]] float* tile(std::size_t t) const {
    return reinterpret_cast<float*>(packed.data()) + t * rows * screen_width;
  }

 private:
  void narrow(std::span<const double> from, double scale, std::size_t row) const {
    for (std::size_t t = 0; t < count; ++t) {
      const Cut cut = Cut::of(t, columns);
      float* to = tile(t) + row * screen_width;
      for (std::size_t w = 0; w < cut.count; ++w) to[w] = narrowed(from[cut.first + w] * scale);
      std::fill(to + cut.count, to + screen_width, 0.0F);
    }
    const double size = std::max(largest_of(from) * scale, 0x1p-70) * (1.0 + 0x1p-22);
    tile(0)[row * screen_width + screen_width - 1] = static_cast<float>(size);
  }
};

// Copies columns [first, first + count) of the cube to a tile (row, refine_width).
void copy_tile(const CubeView& cube, std::size_t first, std::size_t count, double* tile,
               int threads) {
  parallel_for(blocks_of(cube.rows), threads, [&](std::int64_t b) {
    const std::size_t begin = static_cast<std::size_t>(b) * row_block;
    for (std::size_t row = begin; row < std::min(cube.rows, begin + row_block); ++row) {
      double* to = tile + row * refine_width;
      std::copy_n(cube.values.data() + row * cube.scenarios + first, count, to);
      std::fill(to + count, to + refine_width, 0.0);
    }
  });
}

// What the screens say of every account: least and mask (screens, accounts).
struct Found {
  std::unique_ptr<float[]> gross, error, least;
  std::unique_ptr<std::uint32_t[]> mask, chosen;

  Found(std::size_t screens, std::size_t accounts)
      : gross(std::make_unique_for_overwrite<float[]>(accounts)),
        error(std::make_unique_for_overwrite<float[]>(accounts)),
        least(std::make_unique_for_overwrite<float[]>(screens * accounts)),
        mask(std::make_unique_for_overwrite<std::uint32_t[]>(screens * accounts)),
        chosen(std::make_unique_for_overwrite<std::uint32_t[]>(accounts)) {}
};

// One call: the book over the cube in single precision, then over the columns that were chosen.
class Screen {
 public:
  Screen(const PositionsView& positions, const CubeView& cube, double scale, int threads)
      : positions_(positions),
        cube_(cube),
        singles_(cube, scale, threads),
        found_(singles_.count, positions.accounts()) {}

  // Chooses for accounts [first, last), and adds their tiles to `chosen`; false where a sum might
  // leave float64.
  bool choose(std::int64_t first, std::int64_t last, double limit,
              std::atomic<std::uint32_t>& chosen) const {
    const auto accounts = static_cast<std::int64_t>(positions_.accounts());
    for (std::size_t t = 0; t < singles_.count; ++t) {
      const std::int64_t at = static_cast<std::int64_t>(t) * accounts;
      kernels().screen({.tile = singles_.tile(t),
                        .row = positions_.instrument.data(),
                        .lots = positions_.quantity.data(),
                        .offsets = positions_.offsets.data(),
                        .first = first,
                        .last = last,
                        .columns = static_cast<int>(Cut::of(t, cube_.scenarios).count),
                        .sized = t == 0,
                        .gross = found_.gross.get(),
                        .least = found_.least.get() + at,
                        .error = found_.error.get(),
                        .mask = found_.mask.get() + at});
    }
    std::uint32_t all = 0;
    for (std::int64_t account = first; account < last; ++account) {
      const auto a = static_cast<std::size_t>(account);
      if (!(static_cast<double>(found_.gross[a]) <= limit)) return false;
      found_.chosen[a] = chosen_of(a);
      all |= found_.chosen[a];
    }
    chosen.fetch_or(all);
    return true;
  }

  // Sums tile t, which lies packed, for the accounts of [first, last) that chose it.
  void refine(std::size_t t, const double* tile, std::int64_t first, std::int64_t last,
              double* least, std::int32_t* scenario) const {
    const std::size_t column = t * refine_width;
    kernels().refine({.tile = tile,
                      .row = positions_.instrument.data(),
                      .lots = positions_.quantity.data(),
                      .offsets = positions_.offsets.data(),
                      .first = first,
                      .last = last,
                      .chosen = found_.chosen.get(),
                      .bit = 1U << t,
                      .first_column = static_cast<std::int32_t>(column),
                      .columns = static_cast<int>(columns_of(t)),
                      .least = least,
                      .scenario = scenario});
  }

  // Columns of tile t of refine_width.
  [[nodiscard]] std::size_t columns_of(std::size_t t) const {
    return std::min<std::size_t>(refine_width, cube_.scenarios - t * refine_width);
  }

 private:
  // Bits of the tiles that may hold the worst column of an account.
  [[nodiscard]] std::uint32_t chosen_of(std::size_t a) const {
    const std::size_t accounts = positions_.accounts();
    if (positions_.offsets[a + 1] - positions_.offsets[a] > most_rows) return every();
    float best = found_.least[a];
    for (std::size_t t = 1; t < singles_.count; ++t) {
      best = std::min(best, found_.least[t * accounts + a]);
    }
    if (best > found_.error[a]) return 0;  // nothing loses
    const float limit = best + 2.0F * found_.error[a];
    std::uint32_t chosen = 0;
    for (std::size_t t = 0; t < singles_.count; ++t) {
      if (found_.least[t * accounts + a] > limit) continue;
      const std::size_t first = Cut::of(t, cube_.scenarios).first;
      for (std::uint32_t mask = found_.mask[t * accounts + a]; mask != 0; mask &= mask - 1) {
        const std::size_t column = first + static_cast<std::size_t>(std::countr_zero(mask));
        chosen |= 1U << (column / refine_width);
      }
    }
    return chosen;
  }

  [[nodiscard]] std::uint32_t every() const {
    const std::size_t tiles = (cube_.scenarios + refine_width - 1) / refine_width;
    return static_cast<std::uint32_t>((std::uint64_t{1} << tiles) - 1);
  }

  const PositionsView& positions_;
  const CubeView& cube_;
  Singles singles_;
  Found found_;
};

}  // namespace

bool screen_worst(const PositionsView& positions, const CubeView& cube, std::span<double> least,
                  std::span<std::int32_t> scenario, int threads) {
  if (cube.scenarios < fewest || cube.scenarios > most || cube.rows == 0) return false;
  const double largest = largest_of(cube.values);
  if (!(largest < largest_sum)) return false;
  int exponent = 0;
  std::frexp(largest, &exponent);
  const double scale = std::ldexp(1.0, std::clamp(-exponent, -1000, 1000));
  const Screen screen(positions, cube, scale, threads);
  const auto cuts = cut(static_cast<std::int64_t>(positions.accounts()), [&](std::int64_t row) {
    return positions.offsets[static_cast<std::size_t>(row)];
  });
  const auto tasks = static_cast<std::int64_t>(cuts.size()) - 1;
  std::atomic<bool> sound{true};
  std::atomic<std::uint32_t> chosen{0};
  parallel_for(tasks, threads, [&](std::int64_t c) {
    const auto k = static_cast<std::size_t>(c);
    if (!screen.choose(cuts[k], cuts[k + 1], largest_sum * scale, chosen)) sound.store(false);
  });
  if (!sound.load()) return false;
  std::fill(least.begin(), least.end(), 0.0);
  std::fill(scenario.begin(), scenario.end(), 0);
  Tiles tile;
  tile.reserve(cube.rows * refine_width);
  for (std::uint32_t left = chosen.load(); left != 0; left &= left - 1) {
    const auto t = static_cast<std::size_t>(std::countr_zero(left));
    copy_tile(cube, t * refine_width, screen.columns_of(t), tile.data(), threads);
    parallel_for(tasks, threads, [&](std::int64_t c) {
      const auto k = static_cast<std::size_t>(c);
      screen.refine(t, tile.data(), cuts[k], cuts[k + 1], least.data(), scenario.data());
    });
  }
  return true;
}

}  // namespace riskslide::detail
