// Decides what a kernel offers: plain structs of pointers in, columns out. No type with a
// constructor, no standard container: object files of different instruction sets share none.
#pragma once

#include <cstdint>

namespace riskslide::kernel {

inline constexpr int lanes = 16;  // columns are padded to a multiple of this many doubles

// One block of options; vanna and on are null where only the first order is asked for.
struct GreeksBlock {
  const double* underlying;
  const double* strike;
  const double* years;
  const double* vol;
  const double* rate;            // or the discount factor
  const double* dividend_yield;  // bsm only
  const std::uint8_t* is_call;
  double* side;  // room for `size` doubles
  double* value;
  double* delta;
  double* gamma;
  double* vega;
  double* theta;
  double* rho;
  double* vanna;
  double* volga;
  double* charm;
  std::int64_t size;
};

// What a block of quotes is solved for, columns of scratch memory; see implied.inc.
struct TargetColumns {
  double *x, *x_low, *aim, *aim_low, *cap, *cap_low, *sign;
  double* status;  // holds the numbers of VolStatus
  double *first_back, *second_back;
};

// One block of quotes: vols, and their statuses in `target`.
struct ImpliedBlock {
  const double* price;
  const double* underlying;
  const double* strike;
  const double* years;
  const double* rate;            // or the discount factor
  const double* dividend_yield;  // bsm only
  const std::uint8_t* is_call;
  double* side;       // room for `size` doubles
  double* deviation;  // likewise
  TargetColumns target;
  double* vol;
  std::int64_t size;
};

// Shocks of one risk factor, resolved for one instrument, `size` columns (a multiple of lanes).
struct ShockRow {
  const double* scale;      // price' / price, floored at 0
  const double* log_scale;  // its logarithm
  const double* move;       // price' - price
  const double* vol_scale;
  const double* vol_shift;
  const double* vol_floor;
  const double* conversion;  // fx' / fx, over scale for an inverse instrument
  const double* root_years;  // read where time passes or rates move, as discount; else null
  const double* discount;
  std::int64_t size;
};

// Constants of one instrument. `unit` turns a price into reporting currency (over the price itself
// for an inverse instrument: see contracts.cpp).
struct Contract {
  double price, strike, log_moneyness, root_years, vol, discount, unit, side;
};

// What decides the rest of an option's life in a scenario. The rates are logarithms per year, 0
// where years is: of the discount, and of the spot over the forward (0: the forward is held).
struct Life {
  double years, discount, discount_rate, drift_rate;
  double follows;  // 1: the forward moves with the rate, as the spot is held; else 0
  double coin;     // 1: the price in coin is over that spot; else 0
};

// Columns of one option, `size` of them: what passes and shifts, and what that leaves.
struct LifeRow {
  const double* horizon;
  const double* rate_shift;
  double* root_years;
  double* discount;
  double* growth;  // of the forward, and its logarithm
  double* log_growth;
  std::int64_t size;
};

// A stretch of rows of one account that belong to one leaf; positions also to several, in order,
// that are all biased or none, and have one parent.
struct Run {
  std::int64_t begin;
  std::int32_t count;
  std::int32_t leaf;        // the first, or -1 - leaf where the stretch lies in the cash rows
  std::int32_t beyond = 0;  // how far behind the first the last leaf is numbered
};

constexpr std::int32_t leaf_of(const Run& run) { return run.leaf < 0 ? -1 - run.leaf : run.leaf; }

// What is passed of a gain grows by so much more for each unit beyond `start` than it did before;
// that of the first tier is its whole gain, as what the fold passes ends there.
struct FoldTier {
  double start, more;
};

// Fold with its special cases resolved; see risk/program.hpp.
struct FoldNode {
  enum Form : std::int8_t { identity, slopes, general };  // the cheapest way to the same figure
  double gain, loss, scale, deadband, cap;
  std::int32_t parent;
  std::int32_t until;  // first node behind it that folds in another form
  std::int32_t tier;   // the first of its tiers
  std::int32_t tiers;  // how many there are
  Form form;
  std::int8_t anchored;
  std::int8_t mixed;    // folds differently in the sets of a block
  std::int8_t against;  // passes -|.|
  std::int8_t biases;   // has a base value
  std::int8_t worst;    // passes the most negative of its columns in the first
};

struct FoldLevel {
  const FoldNode* nodes;  // (sets, count)
  const FoldTier* tiers;  // of all nodes
  std::int64_t count;
};

inline constexpr int max_levels = 16;

// One tile of columns over a range of units.
struct FoldTask {
  const double* tile;  // (rows, width)
  const std::int32_t* position_row;
  const std::int64_t* lots;
  const std::int32_t* cash_row;
  const double* amount;
  std::uint64_t keeps;  // bits of a quantity that count: all, or all but its sign
  const Run* runs;
  const std::uint8_t* starts;        // of every position: 1 where a run goes on in another leaf
  const std::int32_t* row_leaf;      // leaf of every row, read where runs have several
  const double* run_bias;            // of its last leaf; null where nothing has a base value
  const double* row_base;            // base value of one lot of every row, where run_bias is given
  const std::int64_t* unit_runs;     // (units + 1) first run of a unit; null: plain offsets
  const std::int64_t* unit_offsets;  // (units + 1) used where unit_runs is null
  std::int64_t first_unit, last_unit;
  FoldLevel levels[max_levels];
  int depth;
  const std::int32_t* fold_set;  // set of every column of the tile; null where all take the first
  std::int32_t several;          // whether other columns of the tile take another set
  // reduction: worst if it is given, else store
  double* worst;           // (units, stride) most negative sum so far
  std::int32_t* scenario;  // (units, stride)
  std::int64_t stride;
  std::int32_t first_column;
  std::int32_t columns;  // columns of this tile that count
  const double* factor;  // of every column of the tile, times the sum of a unit; null: 1
  double* out;           // (units, out_stride) at the tile's first column
  std::int64_t out_stride;
  double* unsound;  // set to NaN where a sum is not finite, left alone elsewhere
};

inline constexpr int screen_width = 32;  // columns of a tile in single precision

// One tile of columns in single precision over a range of units; see screen.cpp. Outputs by unit.
struct ScreenTask {
  const float* tile;  // (rows, screen_width)
  const std::int32_t* row;
  const std::int64_t* lots;
  const std::int64_t* offsets;
  std::int64_t first, last;
  int columns;   // of this tile that count
  bool sized;    // the last column holds the rows' sizes, and gross is written; else it is read
  float* gross;  // sum of |lot| times size
  float* least;  // the smallest sum
  float* error;  // how far a sum may be off
  std::uint32_t* mask;  // columns whose sum is within twice the error of the smallest
};

inline constexpr int refine_width = 8;  // columns of a tile that is summed exactly

// One such tile over the units whose `chosen` has its bit.
struct RefineTask {
  const double* tile;  // (rows, refine_width)
  const std::int32_t* row;
  const std::int64_t* lots;
  const std::int64_t* offsets;
  std::int64_t first, last;
  const std::uint32_t* chosen;
  std::uint32_t bit;
  std::int32_t first_column;
  int columns;             // of this tile that count
  double* least;           // by unit: the most negative sum so far
  std::int32_t* scenario;  // its column
};

// Sizes of a rule by which an exercise boundary is solved for. The system has the columns of the
// Jacobian, then three right-hand sides; columns of nodes are padded to them.
template <int size, int most>
struct ExerciseSize {
  static constexpr int nodes = size, points = most;  // points of the integral up to one node
  static constexpr int columns = (size + 3 + 7) / 8 * 8;
  static_assert(size / 8 * 8 + 8 == columns, "the right-hand sides lie within one vector");
};
using CoarseExercise = ExerciseSize<13, 8>;
using MiddleExercise = ExerciseSize<13, 16>;
using FineExercise = ExerciseSize<20, 16>;
inline constexpr std::int64_t premium_points = 96;  // of the integral over a whole life

// Nodes and points as shares of a life T: s = T sine^2 years from now, at node i u = tau - s before
// expiry. Weights of the boundary at the nodes give it at the points.
struct ExerciseRule {
  std::int64_t nodes, points, columns;
  const double* root;  // (columns) sqrt(tau / T) of the nodes
  const double* sine;  // (points)
  const double* cosine;
  const double* inverse_sine;
  const double* measure;      // of ds / sqrt(s), over sqrt(tau)
  const double* interpolate;  // (nodes, nodes, points)
  const double* spread;       // the same as (nodes, points, columns)
  const double* refine;       // (nodes, columns of the fine rule): weights at its nodes
  const double* tail;         // (2, nodes): the last two coefficients of Chebyshev's series
};

struct PremiumRule {
  const double* sine;         // (points)
  const double* share;        // sqrt(u) over that of the years over which the boundary moves
  const double* measure;      // of ds, over T
  const double* interpolate;  // (nodes, points)
};

// One option, in units of its strike, and its boundary so far; see kernel/exercise.inc.
struct ExerciseTask {
  const ExerciseRule* rule;
  double side, vol, rate, yield;
  double root_life, root_years;  // sqrt of T, and of the years over which the boundary moves
  double inverse_vol, drift;     // 1 / vol, (rate - yield) / vol + vol / 2
  double carry, coupon, level;   // of the first guess: drift, what exercise earns, its farthest
  double start, start_by_rate;   // side * ln(B / K) at expiry, and how the rate moves it
  double* excess;                // (columns) e at the nodes
  double* inverse_shape;         // (columns) what e is divided by before it is interpolated
  double* shape;                 // (nodes, points) what it is multiplied with afterwards
  double* system;                // (nodes, columns)
};

inline constexpr std::int64_t vector_lanes =
    8;  // of sums that run side by side, whatever the vectors

// What the premium reads of a boundary, a vector of points at a time.
struct Points {
  double boundary[vector_lanes];        // its logarithm
  double gain[vector_lanes];            // rate / boundary - yield
  double root[vector_lanes];            // sqrt(s)
  double asset_discount[vector_lanes];  // as logarithms
  double cash_discount[vector_lanes];
  double measure[vector_lanes];
  double by_vol[vector_lanes];  // of the boundary's logarithm
  double by_rate[vector_lanes];
};

struct PremiumProfile {
  Points points[premium_points / vector_lanes];
};

struct Premium {
  double value, delta, gamma, vega, rho;
};

// 0 where all is well; else an input is out of its domain, or an output is not finite.
using GreeksKernel = int (*)(const GreeksBlock&);
using ImpliedKernel = void (*)(const ImpliedBlock&);
// values: value' - base in `size` columns; not 0 where one of them is not finite.
using RevalueKernel = int (*)(const Contract&, const ShockRow&, double base, double* values);

// Elementary functions of columns: see functions.hpp.
using Unary = void (*)(const double* x, double* out, std::int64_t size);
using Binary = void (*)(const double* a, const double* b, double* out, std::int64_t size);

struct Table {
  const char* name;
  GreeksKernel greeks[3][2][2];  // [model][discounting][second order]
  ImpliedKernel implied[3][2];   // [model][discounting]
  RevalueKernel revalue[2][4];   // [whether time passes or rates move][payoff]
  void (*age)(const Life&, const LifeRow&);
  Binary log_ratio;
  Unary exponential;
  Binary power;
  Unary mills;
  Unary normal_tail;
  Unary normal_inverse;
  void (*fold)(const FoldTask&);
  void (*screen)(const ScreenTask&);
  void (*refine)(const RefineTask&);
  void (*guess_exercise)(const ExerciseTask&);
  void (*shape_exercise)(const ExerciseTask&);
  void (*refine_exercise)(const ExerciseTask&, const ExerciseRule&);
  void (*exercise_system[3][2])(const ExerciseTask&);  // [rule][whether by vol and rate too]
  void (*solve_exercise)(double* system, std::int64_t nodes, std::int64_t columns);
  void (*profile_premium)(const ExerciseTask&, const PremiumRule&, const double* by_vol,
                          const double* by_rate, PremiumProfile&);
  // [whether derivatives too]
  void (*premium[2])(const ExerciseTask&, const PremiumProfile&, double spot, double log_spot,
                     Premium&);
};

inline constexpr int tile_width = 16;

extern const Table baseline;
#if defined(RISKSLIDE_X86_KERNELS)
extern const Table x86_64_v3;
extern const Table x86_64_v4;
#endif

}  // namespace riskslide::kernel
