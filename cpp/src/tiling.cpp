// Decides how columns are cut into tiles and units into tasks; see tiling.hpp.
#include "tiling.hpp"

#include <algorithm>
#include <atomic>
#include <iterator>

#include "cells.hpp"
#include "dispatch.hpp"
#include "threads.hpp"
#include "tiles.hpp"

namespace riskslide::detail {
namespace {

using kernel::tile_width;
constexpr std::size_t packed_tiles = 16;  // tiles packed at a time: bounds the copy's memory

// As many tiles as a quarter of the memory takes that cells may have; the rest is for sums.
std::size_t tiles_at_once(const Source& source) {
  if (source.revaluation == nullptr || source.rows == 0) return packed_tiles;
  const std::size_t tile = source.rows * tile_width * sizeof(double);
  return std::clamp<std::size_t>(source.revaluation->memory() / 4 / tile, 1, packed_tiles);
}

// Spreads `count` columns of one row, times lot and weight, over tiles (tile, row, width); what is
// left of the last is zero.
void spread(const Source& source, std::size_t row, std::size_t first, std::size_t count,
            const double* from, double* tiles) {
  const std::size_t width = tile_width;
  const double lot = source.lot.empty() ? 1.0 : source.lot[row];
  for (std::size_t t = 0; t * width < count; ++t) {
    double* to = tiles + (t * source.rows + row) * width;
    const std::size_t live = std::min(width, count - t * width);
    for (std::size_t w = 0; w < live; ++w) {
      const std::size_t c = t * width + w;
      const double weight = source.weight.empty() ? 1.0 : source.weight[first + c];
      to[w] = from[c] * lot * weight;
    }
    std::fill(to + live, to + width, 0.0);
  }
}

// Copies columns [first, first + count) into tiles.
void pack(const Source& source, std::size_t first, std::size_t count, Tiles& tiles, int threads) {
  constexpr std::size_t block = 256;
  parallel_for(static_cast<std::int64_t>((source.rows + block - 1) / block), threads,
               [&](std::int64_t b) {
                 const std::size_t begin = static_cast<std::size_t>(b) * block;
                 for (std::size_t row = begin; row < std::min(source.rows, begin + block); ++row) {
                   const double* from = source.values.data() + row * source.stride + first;
                   spread(source, row, first, count, from, tiles.data());
                 }
               });
}

// Values columns [first, first + count) of the rows that are held into tiles.
void value(const Source& source, std::size_t first, std::size_t count, Tiles& tiles, int threads) {
  const InstrumentColumns& x = source.revaluation->instruments();
  const std::span<const double> base = source.revaluation->base();
  const ShockBlock columns(source.revaluation->shocks(), first, count);
  const std::size_t block = task_length(source.rows, 32);
  const auto end = static_cast<std::int64_t>(source.rows);
  std::atomic<std::int64_t> refused{end};
  const auto blocks = static_cast<std::int64_t>((source.rows + block - 1) / block);
  parallel_for(blocks, threads, [&](std::int64_t b) {
    Workspace workspace(columns.padded);
    double cells[packed_tiles * tile_width];
    const std::size_t begin = static_cast<std::size_t>(b) * block;
    for (std::size_t row = begin; row < std::min(source.rows, begin + block); ++row) {
      if (source.held[row] == 0) continue;
      if (!fill_row(x, row, contract_of(x, row), base[row], columns, workspace, {cells, count})) {
        lower(refused, static_cast<std::int64_t>(row));
      }
      spread(source, row, first, count, cells, tiles.data());
    }
  });
  if (refused.load() < end) refuse_value(x, refused.load());
}

// What the columns of one tile have of their own.
struct Own {
  std::int32_t sets[tile_width];
  double factor[2 * tile_width];  // a tile is also gone through from its middle
};

// The folds and factors that the columns of one tile take: sets are counted from that of the first
// column, and named where they differ.
void choose_folds(const Source& source, std::size_t first, std::size_t count, Own& of_tile,
                  kernel::FoldTask& task) {
  if (!source.factor.empty()) {
    const auto factors = source.factor.subspan(first, count);
    std::fill(std::copy(factors.begin(), factors.end(), of_tile.factor), std::end(of_tile.factor),
              1.0);
    task.factor = of_tile.factor;
  }
  if (source.fold_set.empty()) return;
  auto& own = of_tile.sets;
  const auto sets = source.fold_set.subspan(first, count);
  std::fill(std::copy(sets.begin(), sets.end(), own), own + tile_width, sets.back());
  const std::int32_t first_set = own[0];
  for (int l = 0; l < task.depth; ++l) task.levels[l].nodes += first_set * task.levels[l].count;
  for (std::int32_t& set : own) set -= first_set;
  if (std::any_of(own, own + tile_width, [](std::int32_t set) { return set != 0; })) {
    task.fold_set = own;
  }
}

// The first unit of [first, last) whose sums are not finite, in any tile that lies packed.
std::int64_t find_unsound(const Source& source, kernel::FoldTask task, std::int64_t first,
                          std::int64_t last, const double* tiles, std::size_t column0,
                          std::size_t count) {
  double column[tile_width];
  task.worst = nullptr;
  task.out = column;
  task.out_stride = 0;
  task.columns = tile_width;
  double found = 0.0;
  task.unsound = &found;
  for (std::int64_t unit = first; unit < last; ++unit) {
    task.first_unit = unit;
    task.last_unit = unit + 1;
    for (std::size_t c = 0; c < count && found == 0.0; c += tile_width) {
      kernel::FoldTask part = task;
      Own own;
      choose_folds(source, column0 + c, std::min<std::size_t>(tile_width, count - c), own, part);
      part.tile = tiles + c * source.rows;
      kernels().fold(part);
    }
    if (found != 0.0) return unit;
  }
  return last;
}

}  // namespace

std::int64_t run_tiles(const Source& source, const kernel::FoldTask& task,
                       const std::vector<std::int64_t>& cuts, int threads) {
  Tiles tiles;
  const auto& table = kernels();
  std::vector<double> unsound(cuts.size(), 0.0);
  const std::size_t step = tiles_at_once(source) * tile_width;
  tiles.reserve((std::min(step, source.columns) + tile_width - 1) / tile_width * source.rows *
                tile_width);
  for (std::size_t first = 0; first < source.columns; first += step) {
    const std::size_t count = std::min(step, source.columns - first);
    const auto fill = source.revaluation == nullptr ? pack : value;
    fill(source, first, count, tiles, threads);
    parallel_for(static_cast<std::int64_t>(cuts.size()) - 1, threads, [&](std::int64_t c) {
      for (std::size_t column = 0; column < count; column += tile_width) {
        kernel::FoldTask part = task;
        Own own;
        part.first_unit = cuts[static_cast<std::size_t>(c)];
        part.last_unit = cuts[static_cast<std::size_t>(c) + 1];
        part.unsound = &unsound[static_cast<std::size_t>(c)];
        part.tile = tiles.data() + column * source.rows;
        part.first_column = static_cast<std::int32_t>(first + column);
        const std::size_t live = std::min<std::size_t>(tile_width, count - column);
        part.columns = static_cast<std::int32_t>(live);
        choose_folds(source, first + column, live, own, part);
        if (task.out != nullptr) part.out = task.out + first + column;
        table.fold(part);
      }
    });
    for (std::size_t c = 0; c + 1 < cuts.size(); ++c) {
      if (unsound[c] == 0.0) continue;
      return find_unsound(source, task, cuts[c], cuts[c + 1], tiles.data(), first, count);
    }
  }
  return -1;
}

}  // namespace riskslide::detail
