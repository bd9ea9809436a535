// Decides nothing: a binary floating-point number of MPFR with the operators of a formula. Every
// result is rounded to the bits that Real::precision set for this thread.
#pragma once

#include <mpfr.h>

#include <utility>

namespace check {

class Real {
 public:
  static void precision(int bits) { mpfr_set_default_prec(bits); }
  /// At the end of a thread: gives back what the library keeps for it.
  static void release() { mpfr_free_cache(); }
  static int precision() { return static_cast<int>(mpfr_get_default_prec()); }

  Real() : Real(0.0) {}
  Real(double x) {  // NOLINT(google-explicit-constructor): formulas mix both
    mpfr_init(value_);
    mpfr_set_d(value_, x, MPFR_RNDN);
  }
  Real(const Real& other) {
    mpfr_init(value_);
    mpfr_set(value_, other.value_, MPFR_RNDN);
  }
  Real(Real&& other) noexcept : Real(Unset{}) { mpfr_swap(value_, other.value_); }
  Real& operator=(Real other) noexcept {
    mpfr_swap(value_, other.value_);
    return *this;
  }
  ~Real() { mpfr_clear(value_); }

  explicit operator double() const { return mpfr_get_d(value_, MPFR_RNDN); }

  friend Real operator+(const Real& a, const Real& b) { return of(mpfr_add, a, b); }
  friend Real operator-(const Real& a, const Real& b) { return of(mpfr_sub, a, b); }
  friend Real operator*(const Real& a, const Real& b) { return of(mpfr_mul, a, b); }
  friend Real operator/(const Real& a, const Real& b) { return of(mpfr_div, a, b); }
  friend Real operator-(const Real& a) { return of(mpfr_neg, a); }
  friend bool operator<(const Real& a, const Real& b) {
    return mpfr_less_p(a.value_, b.value_) != 0;
  }
  friend bool operator>(const Real& a, const Real& b) { return b < a; }

  friend Real fma(const Real& a, const Real& b, const Real& c) {
    Real out{Unset{}};
    mpfr_fma(out.value_, a.value_, b.value_, c.value_, MPFR_RNDN);
    return out;
  }
  friend Real pow(const Real& a, const Real& b) { return of(mpfr_pow, a, b); }
  friend Real abs(const Real& a) { return of(mpfr_abs, a); }
  friend Real sqrt(const Real& a) { return of(mpfr_sqrt, a); }
  friend Real exp(const Real& a) { return of(mpfr_exp, a); }
  friend Real log(const Real& a) { return of(mpfr_log, a); }
  friend Real erf(const Real& a) { return of(mpfr_erf, a); }
  friend Real erfc(const Real& a) { return of(mpfr_erfc, a); }

  static Real pi() {
    Real out{Unset{}};
    mpfr_const_pi(out.value_, MPFR_RNDN);
    return out;
  }

 private:
  mpfr_t value_;

  struct Unset {};
  explicit Real(Unset /*NaN until an operation sets it*/) { mpfr_init(value_); }

  template <class Operation>
  static Real of(Operation operation, const Real& a) {
    Real out{Unset{}};
    operation(out.value_, a.value_, MPFR_RNDN);
    return out;
  }
  template <class Operation>
  static Real of(Operation operation, const Real& a, const Real& b) {
    Real out{Unset{}};
    operation(out.value_, a.value_, b.value_, MPFR_RNDN);
    return out;
  }
};

}  // namespace check
