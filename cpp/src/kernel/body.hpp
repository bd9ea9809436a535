// Decides nothing itself: one kernel body, compiled once per instruction set. The including file
// defines RISKSLIDE_KERNEL_NAME and RISKSLIDE_KERNEL_TEXT.
#include <cmath>
#include <cstdint>

#include "kernel/functions.hpp"
#include "kernel/table.hpp"
#include "riskslide/kinds.hpp"

namespace riskslide::kernel {
namespace {

#include "kernel/greeks.inc"

#include "kernel/revalue.inc"

#include "kernel/age.inc"

#include "kernel/fold.inc"

void log_ratios(const double* __restrict a, const double* __restrict b, double* __restrict out,
                std::int64_t size) noexcept {
#pragma omp simd
  for (std::int64_t i = 0; i < size; ++i) out[i] = log_ratio(a[i], b[i]);
}

void exponentials(const double* __restrict x, double* __restrict out, std::int64_t size) noexcept {
#pragma omp simd
  for (std::int64_t i = 0; i < size; ++i) out[i] = exp_flushed(x[i]);
}

}  // namespace

const Table RISKSLIDE_KERNEL_NAME = {
    .name = RISKSLIDE_KERNEL_TEXT,
    .greeks = {{greeks_block<Model::black76, Discounting::rate>,
                greeks_block<Model::black76, Discounting::discount>},
               {greeks_block<Model::bsm, Discounting::rate>, nullptr},
               {greeks_block<Model::bachelier, Discounting::rate>,
                greeks_block<Model::bachelier, Discounting::discount>}},
    .revalue = {{revalue_black76<false>, revalue_bachelier<false>, revalue_margined, revalue_spot},
                {revalue_black76<true>, revalue_bachelier<true>, revalue_margined, revalue_spot}},
    .age = age,
    .log_ratio = log_ratios,
    .exponential = exponentials,
    .fold = fold,
};

}  // namespace riskslide::kernel
