// Decides nothing itself: one kernel body, compiled once per instruction set. The including file
// defines RISKSLIDE_KERNEL_NAME and RISKSLIDE_KERNEL_TEXT.
#include <cmath>
#include <cstdint>

#include "kernel/functions.hpp"
#include "kernel/normal.hpp"
#include "kernel/pairs.hpp"
#include "kernel/power.hpp"
#include "kernel/table.hpp"
#include "riskslide/kinds.hpp"

namespace riskslide::kernel {
namespace {

#include "kernel/greeks.inc"

#include "kernel/implied.inc"

#include "kernel/revalue.inc"

#include "kernel/age.inc"

#include "kernel/fold.inc"

#include "kernel/screen.inc"

#include "kernel/exercise.inc"

#include "kernel/premium.inc"

void log_ratios(const double* __restrict a, const double* __restrict b, double* __restrict out,
                std::int64_t size) noexcept {
#pragma omp simd
  for (std::int64_t i = 0; i < size; ++i) out[i] = log_ratio(a[i], b[i]);
}

void exponentials(const double* __restrict x, double* __restrict out, std::int64_t size) noexcept {
#pragma omp simd
  for (std::int64_t i = 0; i < size; ++i) out[i] = exp_flushed(x[i]);
}

void powers(const double* __restrict x, const double* __restrict y, double* __restrict out,
            std::int64_t size) noexcept {
#pragma omp simd
  for (std::int64_t i = 0; i < size; ++i) out[i] = power(x[i], y[i]);
}

void mills_ratios(const double* __restrict x, double* __restrict out, std::int64_t size) noexcept {
#pragma omp simd
  for (std::int64_t i = 0; i < size; ++i) out[i] = mills(x[i]);
}

void normal_tails(const double* __restrict x, double* __restrict out, std::int64_t size) noexcept {
#pragma omp simd
  for (std::int64_t i = 0; i < size; ++i) out[i] = normal_tail(x[i]);
}

void normal_inverses(const double* __restrict p, double* __restrict out,
                     std::int64_t size) noexcept {
#pragma omp simd
  for (std::int64_t i = 0; i < size; ++i) out[i] = normal_inverse(p[i]);
}

}  // namespace

const Table RISKSLIDE_KERNEL_NAME = {
    .name = RISKSLIDE_KERNEL_TEXT,
    .greeks = {{{greeks_block<Model::black76, Discounting::rate, false>,
                 greeks_block<Model::black76, Discounting::rate, true>},
                {greeks_block<Model::black76, Discounting::discount, false>,
                 greeks_block<Model::black76, Discounting::discount, true>}},
               {{greeks_block<Model::bsm, Discounting::rate, false>,
                 greeks_block<Model::bsm, Discounting::rate, true>},
                {nullptr, nullptr}},
               {{greeks_block<Model::bachelier, Discounting::rate, false>,
                 greeks_block<Model::bachelier, Discounting::rate, true>},
                {greeks_block<Model::bachelier, Discounting::discount, false>,
                 greeks_block<Model::bachelier, Discounting::discount, true>}}},
    .implied = {{implied_block<Model::black76, Discounting::rate>,
                 implied_block<Model::black76, Discounting::discount>},
                {implied_block<Model::bsm, Discounting::rate>, nullptr},
                {implied_block<Model::bachelier, Discounting::rate>,
                 implied_block<Model::bachelier, Discounting::discount>}},
    .revalue = {{revalue_black76<false>, revalue_bachelier<false>, revalue_margined, revalue_spot},
                {revalue_black76<true>, revalue_bachelier<true>, revalue_margined, revalue_spot}},
    .age = age,
    .log_ratio = log_ratios,
    .exponential = exponentials,
    .power = powers,
    .mills = mills_ratios,
    .normal_tail = normal_tails,
    .normal_inverse = normal_inverses,
    .fold = fold,
    .screen = screen,
    .refine = refine,
    .guess_exercise = guess_exercise,
    .shape_exercise = shape_exercise,
    .refine_exercise = refine_exercise,
    .exercise_system =
        {{exercise_system<CoarseExercise, false>, exercise_system<CoarseExercise, true>},
         {exercise_system<MiddleExercise, false>, exercise_system<MiddleExercise, true>},
         {exercise_system<FineExercise, false>, exercise_system<FineExercise, true>}},
    .solve_exercise = solve_exercise,
    .profile_premium = profile_premium,
    .premium = {premium<false>, premium<true>},
};

}  // namespace riskslide::kernel
