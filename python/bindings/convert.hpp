// Decides how arrays cross the border: exact dtype, C-contiguous, never a silent copy on the way
// in; memory of their own on the way out.
#pragma once

#include <pybind11/numpy.h>
#include <pybind11/pybind11.h>

#include <span>
#include <string>
#include <type_traits>
#include <vector>

#include "riskslide/types.hpp"

namespace riskslide::python {

namespace py = pybind11;

/// Throws E_DTYPE: says what the argument is and what it must be.
[[noreturn]] void refuse_dtype(const py::handle& object, const char* name, const py::dtype& wanted);

/// Throws E_DTYPE or E_SHAPE naming the argument unless `object` is a C-contiguous, aligned array
/// of exactly T with `dimensions` axes.
template <class T>
py::array_t<T> strict(const py::handle& object, const char* name, py::ssize_t dimensions = 1) {
  const py::dtype wanted = py::dtype::of<T>();
  if (!py::isinstance<py::array>(object)) refuse_dtype(object, name, wanted);
  const auto array = py::reinterpret_borrow<py::array>(object);
  const py::dtype found = array.dtype();
  if (!found.is(wanted) && !found.equal(wanted)) refuse_dtype(object, name, wanted);
  if (array.ndim() != dimensions) {
    throw InputError("E_SHAPE", name, -1, static_cast<double>(array.ndim()),
                     "must have " + std::to_string(dimensions) + " axes");
  }
  constexpr int wanted_flags = static_cast<int>(py::array::c_style) |
                               static_cast<int>(py::detail::npy_api::NPY_ARRAY_ALIGNED_);
  if ((array.flags() & wanted_flags) != wanted_flags) {
    throw InputError("E_DTYPE", name,
                     "must be C-contiguous and aligned; pass numpy.require(" + std::string(name) +
                         ", requirements='CA')");
  }
  return py::reinterpret_borrow<py::array_t<T>>(array);
}

template <class T>
std::span<const T> view(const py::array_t<T>& array) {
  return {array.data(), static_cast<std::size_t>(array.size())};
}

/// Memory to write to; refuses read-only arrays by name.
template <class T>
std::span<T> writable(py::array_t<T>& array, const char* name) {
  if (!array.writeable()) throw InputError("E_DTYPE", name, "must be writable");
  return {array.mutable_data(), static_cast<std::size_t>(array.size())};
}

/// Hands a vector's memory to a new array.
template <class T>
py::array_t<T> owned(std::vector<T>&& values, std::vector<py::ssize_t> shape = {}) {
  auto* kept = new std::vector<T>(std::move(values));
  if (shape.empty()) shape = {static_cast<py::ssize_t>(kept->size())};
  const py::capsule owner(kept, [](void* p) { delete static_cast<std::vector<T>*>(p); });
  return py::array_t<T>(shape, kept->data(), owner);
}

/// Throws E_SHAPE unless the matrix has this shape.
template <class T>
void need_shape(const py::array_t<T>& matrix, py::ssize_t rows, py::ssize_t columns,
                const char* name) {
  if (matrix.shape(0) == rows && matrix.shape(1) == columns) return;
  throw InputError("E_SHAPE", name,
                   "must be (" + std::to_string(rows) + ", " + std::to_string(columns) + ")");
}

template <class T>
std::vector<T> copied(const py::handle& object, const char* name, py::ssize_t dimensions = 1) {
  const auto array = strict<T>(object, name, dimensions);
  return {array.data(), array.data() + array.size()};
}

}  // namespace riskslide::python
