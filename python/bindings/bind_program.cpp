// Binds riskslide/risk/program.hpp: a Program is built from, and taken apart into, a dict of plain
// parts whose names are those of the header.
#include <pybind11/stl.h>

#include "bind.hpp"
#include "convert.hpp"
#include "riskslide/risk/program.hpp"

namespace riskslide::python {
namespace {

using Names = std::vector<std::string>;

// A number as a member of an enumeration; no enumeration knows 255, so that check() refuses it.
template <class Kind>
Kind member_of(std::int64_t number) {
  return static_cast<Kind>(number < 0 || number > 255 ? 255 : number);
}

Level level_of(const py::dict& part) {
  Level level;
  level.parent = copied<std::int32_t>(part["parent"], "parent");
  const auto column = [&](const char* name) { return copied<double>(part[name], name, 2); };
  const auto gain = column("gain"), loss = column("loss"), scale = column("scale");
  const auto deadband = column("deadband"), cap = column("cap");
  const auto biased = strict<bool>(part["biased"], "biased", 2);
  const auto anchored = strict<bool>(part["anchored"], "anchored", 2);
  const auto against = strict<bool>(part["against"], "against", 2);
  const auto worst = strict<bool>(part["worst"], "worst", 2);
  const std::size_t folds = gain.size();
  for (const std::size_t size :
       {loss.size(), scale.size(), deadband.size(), cap.size(),
        static_cast<std::size_t>(biased.size()), static_cast<std::size_t>(anchored.size()),
        static_cast<std::size_t>(against.size()), static_cast<std::size_t>(worst.size())}) {
    if (size != folds) {
      throw InputError("E_SHAPE", "levels", -1, static_cast<double>(size),
                       "every word of a level must have one entry a set and node");
    }
  }
  for (std::size_t n = 0; n < folds; ++n) {
    level.folds.push_back({gain[n], loss[n], scale[n], deadband[n], cap[n], biased.data()[n],
                           anchored.data()[n], against.data()[n], worst.data()[n]});
  }
  for (const auto& node : part["tiers"]) {
    std::vector<Tier> tiers;
    for (const auto& tier : node) {
      const auto [start, more] = tier.cast<std::pair<double, double>>();
      tiers.push_back({.start = start, .gain = more});
    }
    level.tiers.push_back(std::move(tiers));
  }
  return level;
}

py::dict part_of(const Level& level) {
  const std::vector<py::ssize_t> shape{static_cast<py::ssize_t>(level.sets()),
                                       static_cast<py::ssize_t>(level.parent.size())};
  const auto column = [&](double Fold::* field) {
    std::vector<double> values;
    for (const Fold& fold : level.folds) values.push_back(fold.*field);
    return owned(std::move(values), shape);
  };
  const auto flags = [&](bool Fold::* field) {
    py::array_t<bool> values(shape);
    for (std::size_t n = 0; n < level.folds.size(); ++n) {
      values.mutable_data()[n] = level.folds[n].*field;
    }
    return values;
  };
  py::dict part;
  part["parent"] = owned(std::vector<std::int32_t>(level.parent));
  part["gain"] = column(&Fold::gain);
  part["loss"] = column(&Fold::loss);
  part["scale"] = column(&Fold::scale);
  part["deadband"] = column(&Fold::deadband);
  part["cap"] = column(&Fold::cap);
  part["biased"] = flags(&Fold::biased);
  part["anchored"] = flags(&Fold::anchored);
  part["against"] = flags(&Fold::against);
  part["worst"] = flags(&Fold::worst);
  py::list nodes;
  for (const auto& tiers : level.tiers) {
    py::list node;
    for (const Tier& tier : tiers) node.append(py::make_tuple(tier.start, tier.gain));
    nodes.append(py::tuple(node));
  }
  part["tiers"] = py::tuple(nodes);
  return part;
}

Tree tree_of(const py::dict& part) {
  Tree tree;
  tree.leaf = copied<std::int32_t>(part["leaf"], "leaf");
  for (const auto& level : part["levels"]) tree.levels.push_back(level_of(level.cast<py::dict>()));
  tree.groups = part["groups"].cast<Names>();
  tree.group_unit = copied<std::int32_t>(part["group_unit"], "group_unit");
  return tree;
}

py::dict part_of(const Tree& tree) {
  py::list levels;
  for (const Level& level : tree.levels) levels.append(part_of(level));
  py::dict part;
  part["leaf"] = owned(std::vector<std::int32_t>(tree.leaf));
  part["levels"] = levels;
  part["groups"] = tree.groups;
  part["group_unit"] = owned(std::vector<std::int32_t>(tree.group_unit));
  return part;
}

Block block_of(const py::dict& part) {
  return {.name = part["name"].cast<std::string>(),
          .reduction = member_of<Reduction>(part["reduction"].cast<std::int64_t>()),
          .columns = part["columns"].cast<Names>(),
          .weight = copied<double>(part["weight"], "weight"),
          .attribute = copied<double>(part["attribute"], "attribute", 2),
          .measure = member_of<Measure>(part["measure"].cast<std::int64_t>()),
          .fold_set = copied<std::int32_t>(part["fold_set"], "fold_set"),
          .factor = copied<double>(part["factor"], "factor"),
          .first = part["first"].cast<std::int32_t>(),
          .tree = part["tree"].cast<std::int32_t>(),
          .gross = part["gross"].cast<bool>()};
}

py::dict part_of(const Block& block, std::size_t rows) {
  py::dict part;
  part["name"] = block.name;
  part["reduction"] = static_cast<std::uint8_t>(block.reduction);
  part["columns"] = block.columns;
  part["weight"] = owned(std::vector<double>(block.weight));
  const auto columns = static_cast<py::ssize_t>(block.scenarios() ? 0 : block.columns.size());
  part["attribute"] =
      owned(std::vector<double>(block.attribute), {static_cast<py::ssize_t>(rows), columns});
  part["measure"] = static_cast<std::uint8_t>(block.measure);
  part["fold_set"] = owned(std::vector<std::int32_t>(block.fold_set));
  part["factor"] = owned(std::vector<double>(block.factor));
  part["first"] = block.first;
  part["tree"] = block.tree;
  part["gross"] = block.gross;
  return part;
}

Scenarios scenarios_of(const py::dict& part) {
  const auto labels = part["labels"].cast<Names>();
  const auto factors = part["factors"].cast<Names>();
  const auto matrix = [&](const char* name) {
    need_shape(strict<double>(part[name], name, 2), static_cast<py::ssize_t>(factors.size()),
               static_cast<py::ssize_t>(labels.size()), name);
    return copied<double>(part[name], name, 2);
  };
  const bool passes = part.contains("horizon"), moves = part.contains("rate_shift");
  return {.labels = labels,
          .factors = factors,
          .price_scale = matrix("price_scale"),
          .price_shift = matrix("price_shift"),
          .vol_scale = matrix("vol_scale"),
          .vol_shift = matrix("vol_shift"),
          .vol_floor = matrix("vol_floor"),
          .horizon = passes ? copied<double>(part["horizon"], "horizon") : std::vector<double>(),
          .rate_shift = moves ? matrix("rate_shift") : std::vector<double>()};
}

py::dict part_of(const Scenarios& s) {
  const auto matrix = [&](const std::vector<double>& values) {
    return owned(std::vector<double>(values), {static_cast<py::ssize_t>(s.factors.size()),
                                               static_cast<py::ssize_t>(s.labels.size())});
  };
  py::dict part;
  part["labels"] = s.labels;
  part["factors"] = s.factors;
  part["price_scale"] = matrix(s.price_scale);
  part["price_shift"] = matrix(s.price_shift);
  part["vol_scale"] = matrix(s.vol_scale);
  part["vol_shift"] = matrix(s.vol_shift);
  part["vol_floor"] = matrix(s.vol_floor);
  if (!s.horizon.empty()) part["horizon"] = owned(std::vector<double>(s.horizon));
  if (!s.rate_shift.empty()) part["rate_shift"] = matrix(s.rate_shift);
  return part;
}

std::vector<Step> steps_of(const py::object& part, const char* name) {
  const auto columns = strict<std::int32_t>(part, name, 2);
  need_shape(columns, columns.shape(0), 4, name);
  std::vector<Step> steps;
  for (py::ssize_t k = 0; k < columns.shape(0); ++k) {
    steps.push_back({member_of<Operation>(columns.at(k, 0)), columns.at(k, 1), columns.at(k, 2),
                     columns.at(k, 3)});
  }
  return steps;
}

py::array_t<std::int32_t> part_of(const std::vector<Step>& steps) {
  std::vector<std::int32_t> columns;
  for (const Step& s : steps) {
    columns.insert(columns.end(),
                   {static_cast<std::int32_t>(s.operation), s.target, s.left, s.right});
  }
  return owned(std::move(columns), {static_cast<py::ssize_t>(steps.size()), 4});
}

Program program_of(const py::dict& part) {
  Program p;
  p.name = part["name"].cast<std::string>();
  p.rulebook_sha256 = part["rulebook_sha256"].cast<std::string>();
  p.as_of = part["as_of"].cast<std::int64_t>();
  p.coin_at_index = part["coin_at_index"].cast<bool>();
  p.option_over_index = part["option_over_index"].cast<bool>();
  p.rows = part["rows"].cast<Names>();
  p.lot = copied<double>(part["lot"], "lot");
  for (const auto& tree : part["trees"]) p.trees.push_back(tree_of(tree.cast<py::dict>()));
  p.units = part["units"].cast<Names>();
  p.unit_pool = copied<std::int32_t>(part["unit_pool"], "unit_pool");
  p.pools = part["pools"].cast<Names>();
  for (const auto& block : part["blocks"]) p.blocks.push_back(block_of(block.cast<py::dict>()));
  p.unit_registers = copied<double>(part["unit_registers"], "unit_registers", 2);
  p.unit_steps = steps_of(part["unit_steps"], "unit_steps");
  p.sums = copied<std::int32_t>(part["sums"], "sums");
  p.lifted = copied<std::int32_t>(part["lifted"], "lifted");
  p.lift_to = copied<std::int32_t>(part["lift_to"], "lift_to");
  p.registers = copied<double>(part["registers"], "registers");
  p.steps = steps_of(part["steps"], "steps");
  p.outputs = part["outputs"].cast<Names>();
  p.output_register = copied<std::int32_t>(part["output_register"], "output_register");
  p.scenarios = scenarios_of(part["scenarios"].cast<py::dict>());
  p.check();
  return p;
}

py::dict parts_of(const Program& p) {
  py::list trees, blocks;
  for (const Tree& tree : p.trees) trees.append(part_of(tree));
  for (const Block& block : p.blocks) blocks.append(part_of(block, p.rows.size()));
  const auto units = static_cast<py::ssize_t>(p.units.size());
  const auto held = static_cast<py::ssize_t>(p.unit_registers.empty() ? 0 : p.unit_width());
  py::dict part;
  part["name"] = p.name;
  part["rulebook_sha256"] = p.rulebook_sha256;
  part["as_of"] = p.as_of;
  part["coin_at_index"] = p.coin_at_index;
  part["option_over_index"] = p.option_over_index;
  part["rows"] = p.rows;
  part["lot"] = owned(std::vector<double>(p.lot));
  part["trees"] = trees;
  part["units"] = p.units;
  part["unit_pool"] = owned(std::vector<std::int32_t>(p.unit_pool));
  part["pools"] = p.pools;
  part["blocks"] = blocks;
  part["registers"] = owned(std::vector<double>(p.registers));
  part["unit_registers"] = owned(std::vector<double>(p.unit_registers), {units, held});
  part["unit_steps"] = part_of(p.unit_steps);
  part["sums"] = owned(std::vector<std::int32_t>(p.sums));
  part["lifted"] = owned(std::vector<std::int32_t>(p.lifted));
  part["lift_to"] = owned(std::vector<std::int32_t>(p.lift_to));
  part["steps"] = part_of(p.steps);
  part["outputs"] = p.outputs;
  part["output_register"] = owned(std::vector<std::int32_t>(p.output_register));
  part["scenarios"] = part_of(p.scenarios);
  return part;
}

}  // namespace

void bind_program(py::module_& module) {
  py::class_<Program>(module, "Program", "A compiled rule book.")
      .def(py::init(&program_of), py::arg("parts"))
      .def("parts", &parts_of)
      .def("to_bytes", [](const Program& p) { return py::bytes(p.to_bytes()); })
      .def_static(
          "from_bytes", [](const py::bytes& data) { return Program::from_bytes(data); },
          py::arg("data"));
}

}  // namespace riskslide::python
