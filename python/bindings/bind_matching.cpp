// Binds riskslide/risk/matching.hpp.
#include "riskslide/risk/matching.hpp"

#include "bind.hpp"
#include "columns.hpp"

namespace riskslide::python {
namespace {

py::tuple run(const py::dict& columns, const py::object& rows, const py::object& requirements,
              std::int64_t most) {
  Columns held(columns);
  const Holding holding{.option = held.get<bool>("option"),
                        .is_call = held.get<bool>("is_call"),
                        .is_short = held.get<bool>("is_short"),
                        .strike = held.get<double>("strike"),
                        .price = held.get<double>("price"),
                        .alone = held.get<double>("alone"),
                        .expiry = held.get<std::int64_t>("expiry"),
                        .quantity = held.get<std::int64_t>("quantity")};
  const auto given = strict<std::int32_t>(rows, "rows", 2);
  const auto amounts = strict<double>(requirements, "requirements");
  constexpr auto width = static_cast<py::ssize_t>(group_size);
  need_shape(given, amounts.size(), width, "rows");
  std::vector<Group> others(static_cast<std::size_t>(amounts.size()));
  for (py::ssize_t k = 0; k < amounts.size(); ++k) {
    Group& group = others[static_cast<std::size_t>(k)];
    group.requirement = amounts.at(k);
    for (py::ssize_t j = 0; j < width && given.at(k, j) >= 0; ++j) {
      group.row[static_cast<std::size_t>(group.size++)] = given.at(k, j);
    }
  }
  Matching found;
  {
    const py::gil_scoped_release unlocked;
    found = match(holding, others, most);
  }
  const auto groups = static_cast<py::ssize_t>(found.groups.size());
  py::array_t<std::int32_t> members({groups, width});
  py::array_t<double> each(groups);
  for (py::ssize_t k = 0; k < groups; ++k) {
    const Group& group = found.groups[static_cast<std::size_t>(k)];
    each.mutable_at(k) = group.requirement;
    for (py::ssize_t j = 0; j < width; ++j) {
      members.mutable_at(k, j) = j < group.size ? group.row[static_cast<std::size_t>(j)] : -1;
    }
  }
  return py::make_tuple(members, each, owned(std::move(found.count)), found.bound, found.nodes,
                        found.proven);
}

}  // namespace

void bind_matching(py::module_& module) {
  module.def(
      "match", &run, py::arg("columns"), py::arg("rows"), py::arg("requirements"),
      py::arg("most") = 2000,
      "(rows of every group, -1 for none; requirement of one; count; bound; nodes; proven).");
}

}  // namespace riskslide::python
