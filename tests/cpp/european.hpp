// Decides what a European option is worth exactly, and its Greeks: the textbook's formulas in 256
// bits, and differences of the price in as many as Real::precision says. Nothing here is shared
// with the kernels; the inputs are taken as exact.
#pragma once

#include <array>

#include "normal_tail.hpp"
#include "real.hpp"
#include "riskslide/kinds.hpp"

namespace check {

using riskslide::Discounting;
using riskslide::Model;

struct European {
  Model model;
  Discounting discounting;
  double underlying, strike, years, vol;
  double rate;  // or the discount factor
  double dividend_yield;
  bool call;
};

// One long unit: theta per year as time passes, vanna d2V/(dU dvol), volga d2V/dvol2, charm the
// change of delta per year as time passes. The forward models hold the forward and the rate.
enum Field : std::size_t { value, delta, gamma, vega, theta, rho, vanna, volga, charm, fields };
inline constexpr const char* field_names[fields] = {"value", "delta", "gamma", "vega", "theta",
                                                    "rho",   "vanna", "volga", "charm"};

struct Exact {
  std::array<Real, fields> at;
  std::array<Real, fields> terms;  // sum of the absolute terms of which it is made
};

// Whether the standard deviation vanishes: the limits of value/greeks.hpp hold there.
inline bool at_limit(const European& o) { return !(o.vol > 0) || !(o.years > 0); }

inline Real exact_rate(const European& o) {
  if (o.discounting == Discounting::rate) return o.rate;
  return o.years > 0 ? -log(Real(o.rate)) / Real(o.years) : Real(0.0);
}

inline Real exact_discount(const European& o) {
  return o.discounting == Discounting::rate ? exp(-(Real(o.rate) * Real(o.years))) : Real(o.rate);
}

namespace detail {

struct Terms {
  Exact& out;
  template <class... Term>
  void operator()(Field field, const Term&... term) const {
    out.at[field] = (Real(0.0) + ... + term);
    out.terms[field] = (Real(0.0) + ... + abs(term));
  }
};

// The step at the strike: 0, 1, or 1/2 on it.
inline Real step(const Real& above) {
  return above > Real(0.0) ? Real(1.0) : above < Real(0.0) ? Real(0.0) : Real(0.5);
}

inline Exact limit_greeks(const European& o) {
  Exact out;
  const Terms set{out};
  const bool spot = o.model == Model::bsm;
  const Real w = o.call ? 1.0 : -1.0, U = o.underlying, K = o.strike, T = o.years;
  const Real r = exact_rate(o), D = exact_discount(o), q = spot ? Real(o.dividend_yield) : r;
  const Real Q = spot ? exp(-(q * T)) : D;
  const Real held = step(w * (U * Q - K * D));
  const Real asset = w * U * Q * held, cash = w * K * D * held;
  set(value, asset, -cash);
  set(delta, w * Q * held);
  if (spot) {
    set(theta, q * asset, -(r * cash));
    set(rho, T * cash);
  } else {
    set(theta, r * (asset - cash));
    set(rho, -(T * (asset - cash)));
  }
  set(charm, q * w * Q * held);
  return out;
}

inline Exact lognormal_greeks(const European& o) {
  Exact out;
  const Terms set{out};
  const bool spot = o.model == Model::bsm;
  const Real w = o.call ? 1.0 : -1.0, U = o.underlying, K = o.strike, T = o.years, v = o.vol;
  const Real r = exact_rate(o), D = exact_discount(o), q = spot ? Real(o.dividend_yield) : r;
  const Real Q = spot ? exp(-(q * T)) : D;
  const Real root = sqrt(T), deviation = v * root, half = Real(0.5);
  const Real scaled = (log(U / K) + (r - q) * T) / deviation;  // r = q for a forward
  const Real d1 = scaled + half * deviation, d2 = scaled - half * deviation;
  const NormalTail& normal = normal_tail();
  const Real density1 = normal.density(d1), density = Q * density1;
  const Real above = Q * normal.below(w * d1, density1), asset = w * U * above;
  const Real cash = w * K * D * normal.below(w * d2, normal.density(d2));
  const Real decay = half * U * density * v / root;
  const Real sum_d = abs(scaled) + half * deviation;
  set(value, asset, -cash);
  set(delta, w * above);
  set(gamma, density / (U * deviation));
  set(vega, U * density * root);
  if (spot) {
    set(theta, -decay, q * asset, -(r * cash));
    set(rho, T * cash);
  } else {
    set(theta, -decay, r * (asset - cash));
    set(rho, -(T * (asset - cash)));
  }
  set(vanna, -(density * d2 / v));
  out.terms[vanna] = density * sum_d / v;
  set(volga, U * density * root * d1 * d2 / v);
  out.terms[volga] = U * density * root * sum_d * sum_d / v;
  // d1 = ln(U e^((r - q) T) / K) / (v sqrt T) + v sqrt T / 2, so d(d1)/dT is
  const Real drift = (r - q) / deviation, shrink = d2 / (Real(2.0) * T);
  set(charm, q * w * above, -(density * drift), density * shrink);
  out.terms[charm] = abs(q) * above + density * (abs(drift) + sum_d / (Real(2.0) * T));
  return out;
}

inline Exact normal_greeks(const European& o) {
  Exact out;
  const Terms set{out};
  const Real w = o.call ? 1.0 : -1.0, U = o.underlying, K = o.strike, T = o.years, v = o.vol;
  const Real r = exact_rate(o), D = exact_discount(o);
  const Real root = sqrt(T), deviation = v * root, d = (U - K) / deviation;
  const Real density_at_d = normal_tail().density(d), density = D * density_at_d;
  const Real above = D * normal_tail().below(w * d, density_at_d);
  const Real inside = w * (U - K) * above, time_value = deviation * density;
  set(value, inside, time_value);
  set(delta, w * above);
  set(gamma, density / deviation);
  set(vega, root * density);
  set(theta, r * (inside + time_value), -(Real(0.5) * v * density / root));
  set(rho, -(T * (inside + time_value)));
  set(vanna, -(density * d / v));
  set(volga, root * density * d * d / v);
  set(charm, r * w * above, density * d / (Real(2.0) * T));
  return out;
}

// By MPFR's own function and in any precision: the price below shares no tail with the formulas.
inline Real normal_density(const Real& z) {
  return exp(Real(-0.5) * z * z) / sqrt(Real(2.0) * Real::pi());
}
inline Real normal_below(const Real& z) { return erfc(-z / sqrt(Real(2.0))) / Real(2.0); }

// Where a price is asked for; strike, dividend yield and side stay those of the option.
struct Point {
  Real underlying, years, vol, rate;
};

inline Real price(const European& o, const Point& p) {
  const Real w = o.call ? 1.0 : -1.0, K = o.strike, D = exp(-(p.rate * p.years));
  const Real deviation = p.vol * sqrt(p.years);
  if (o.model == Model::bachelier) {
    const Real d = (p.underlying - K) / deviation;
    return D * (w * (p.underlying - K) * normal_below(w * d) + deviation * normal_density(d));
  }
  const Real carry =
      o.model == Model::bsm ? exp((p.rate - Real(o.dividend_yield)) * p.years) : Real(1.0);
  const Real forward = p.underlying * carry;
  const Real d1 = log(forward / K) / deviation + deviation / Real(2.0);
  return D * w * (forward * normal_below(w * d1) - K * normal_below(w * (d1 - deviation)));
}

}  // namespace detail

inline Exact exact_greeks(const European& o) {
  if (at_limit(o)) return detail::limit_greeks(o);
  return o.model == Model::bachelier ? detail::normal_greeks(o) : detail::lognormal_greeks(o);
}

/// The same by central differences of the price, steps of about 1e-20 of the scale of each input.
inline std::array<Real, fields> greeks_by_differences(const European& o) {
  const detail::Point at{o.underlying, o.years, o.vol, exact_rate(o)};
  const Real small = 1e-20, two = 2.0;
  const Real deviation = at.vol * sqrt(at.years);
  const Real hu = small * deviation * (o.model == Model::bachelier ? Real(1.0) : at.underlying);
  const Real hv = small * at.vol, ht = small * at.years;
  const Real no = 0.0;
  const auto moved = [&](const Real& u, const Real& v, const Real& t, const Real& r) {
    return detail::price(o, {at.underlying + u, at.years + t, at.vol + v, at.rate + r});
  };
  const Real here = moved(no, no, no, no);
  const Real up = moved(hu, no, no, no), down = moved(-hu, no, no, no);
  const Real more = moved(no, hv, no, no), less = moved(no, -hv, no, no);
  std::array<Real, fields> out;
  out[value] = here;
  out[delta] = (up - down) / (two * hu);
  out[gamma] = (up - two * here + down) / (hu * hu);
  out[vega] = (more - less) / (two * hv);
  out[theta] = -((moved(no, no, ht, no) - moved(no, no, -ht, no)) / (two * ht));
  out[rho] = (moved(no, no, no, small) - moved(no, no, no, -small)) / (two * small);
  out[vanna] = (moved(hu, hv, no, no) - moved(hu, -hv, no, no) - moved(-hu, hv, no, no) +
                moved(-hu, -hv, no, no)) /
               (Real(4.0) * hu * hv);
  out[volga] = (more - two * here + less) / (hv * hv);
  out[charm] = -((moved(hu, no, ht, no) - moved(hu, no, -ht, no) - moved(-hu, no, ht, no) +
                  moved(-hu, no, -ht, no)) /
                 (Real(4.0) * hu * ht));
  return out;
}

}  // namespace check
