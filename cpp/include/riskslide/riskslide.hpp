// The tour: everything a C++ user includes, in the order in which a margin number comes about.
//
//   instruments + shocks --revalue--> cube
//   positions + cash + cube + program --evaluate--> one line per (account, pool)
//   positions + cube --worst_loss, tail--> worst column, or value at risk and shortfall, of a row
//   positions + Revaluation --the same--> the same bits where the cube would not fit
#pragma once

#include "riskslide/book/positions.hpp"
#include "riskslide/risk/evaluate.hpp"
#include "riskslide/risk/matching.hpp"
#include "riskslide/risk/program.hpp"
#include "riskslide/risk/tail.hpp"
#include "riskslide/runtime.hpp"
#include "riskslide/types.hpp"
#include "riskslide/value/functions.hpp"
#include "riskslide/value/greeks.hpp"
#include "riskslide/value/implied.hpp"
#include "riskslide/value/revaluation.hpp"
#include "riskslide/value/revalue.hpp"
