// The tour: everything a C++ user includes, in the order in which a margin number comes about.
//
//   instruments + shocks --revalue--> cube
//   positions + cash + cube + program --evaluate--> one line per (account, pool)
#pragma once

#include "riskslide/book/positions.hpp"
#include "riskslide/risk/evaluate.hpp"
#include "riskslide/risk/program.hpp"
#include "riskslide/runtime.hpp"
#include "riskslide/types.hpp"
#include "riskslide/value/greeks.hpp"
#include "riskslide/value/revalue.hpp"
