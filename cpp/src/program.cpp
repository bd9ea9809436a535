// Decides what a consistent Program is and how it is written down; see risk/program.hpp.
#include "riskslide/risk/program.hpp"

#include <algorithm>
#include <cmath>
#include <cstring>
#include <fstream>
#include <iterator>

#include "checks.hpp"
#include "kernel/table.hpp"

namespace riskslide {
namespace {

constexpr char magic[8] = {'R', 'S', 'L', 'P', 'R', 'O', 'G', '3'};

[[noreturn]] void inconsistent(const std::string& part, const std::string& reason) {
  detail::refuse("E_PROGRAM", part, -1, std::nan(""), reason);
}

std::uint64_t checksum(const char* data, std::size_t size) {
  std::uint64_t hash = 0xcbf29ce484222325;  // FNV-1a: guards against damage, not against malice
  for (std::size_t i = 0; i < size; ++i) {
    hash = (hash ^ static_cast<unsigned char>(data[i])) * 0x100000001b3;
  }
  return hash;
}

// Visits every field in one fixed order; writing and reading share it.
template <class Archive, class AnyProgram>
void visit(Archive& a, AnyProgram& p) {
  a(p.name), a(p.rulebook_sha256), a(p.as_of), a(p.coin_at_index), a(p.option_over_index);
  a(p.rows), a(p.leaf), a(p.lot), a(p.levels), a(p.units), a(p.unit_pool), a(p.pools);
  a(p.blocks), a(p.registers), a(p.steps), a(p.outputs), a(p.output_register);
  auto& s = p.scenarios;
  a(s.labels), a(s.factors), a(s.price_scale), a(s.price_shift), a(s.vol_scale), a(s.vol_shift);
  a(s.vol_floor), a(s.horizon), a(s.rate_shift);
}

template <class Archive, class Item>
void visit_item(Archive& a, Item& item) {
  using Plain = std::remove_const_t<Item>;
  if constexpr (std::is_same_v<Plain, Level>) {
    a(item.parent), a(item.folds);
  } else if constexpr (std::is_same_v<Plain, Fold>) {
    a(item.gain), a(item.loss), a(item.scale), a(item.deadband), a(item.cap), a(item.biased);
    a(item.anchored);
  } else if constexpr (std::is_same_v<Plain, Block>) {
    a(item.name), a(item.reduction), a(item.columns), a(item.weight), a(item.attribute);
    a(item.measure), a(item.fold_set);
  } else {
    a(item.operation), a(item.target), a(item.left), a(item.right);
  }
}

class Writer {
 public:
  template <class T>
  void operator()(const T& item) {
    if constexpr (std::is_arithmetic_v<T> || std::is_enum_v<T>) {
      std::uint64_t bits = 0;
      std::memcpy(&bits, &item, sizeof item);
      for (int shift = 0; shift < 64 && shift < static_cast<int>(8 * sizeof item); shift += 8) {
        bytes.push_back(static_cast<char>(bits >> shift & 0xff));
      }
    } else {
      visit_item(*this, item);
    }
  }
  void operator()(const std::string& text) {
    (*this)(static_cast<std::uint64_t>(text.size()));
    bytes += text;
  }
  template <class T>
  void operator()(const std::vector<T>& items) {
    (*this)(static_cast<std::uint64_t>(items.size()));
    for (const T& item : items) (*this)(item);
  }

  std::string bytes;
};

class Reader {
 public:
  Reader(const char* data, std::size_t size) : data_(data), left_(size) {}

  template <class T>
  void operator()(T& item) {
    if constexpr (std::is_arithmetic_v<T> || std::is_enum_v<T>) {
      need(sizeof item);
      std::uint64_t bits = 0;
      for (std::size_t k = 0; k < sizeof item; ++k) {
        bits |= static_cast<std::uint64_t>(static_cast<unsigned char>(data_[k])) << (8 * k);
      }
      if constexpr (std::is_same_v<T, bool>) {
        item = bits != 0;
      } else {
        std::memcpy(&item, &bits, sizeof item);
      }
      take(sizeof item);
    } else {
      visit_item(*this, item);
    }
  }
  void operator()(std::string& text) {
    const std::size_t size = counted(1);
    text.assign(data_, size);
    take(size);
  }
  template <class T>
  void operator()(std::vector<T>& items) {
    items.clear();
    const std::size_t count = counted(std::is_arithmetic_v<T> ? sizeof(T) : 1);
    items.reserve(std::is_arithmetic_v<T> ? count : 0);
    for (std::size_t k = 0; k < count; ++k) {
      items.emplace_back();
      (*this)(items.back());
    }
  }

  [[nodiscard]] bool done() const { return left_ == 0; }

 private:
  // A count of items of at least `size` bytes each: never more than the file can hold.
  std::size_t counted(std::size_t size) {
    std::uint64_t count = 0;
    (*this)(count);
    if (count > left_ / size) inconsistent("file", "is truncated or damaged");
    return static_cast<std::size_t>(count);
  }
  void need(std::size_t size) {
    if (left_ < size) inconsistent("file", "is truncated");
  }
  void take(std::size_t size) {
    data_ += size;
    left_ -= size;
  }

  const char* data_;
  std::size_t left_;
};

bool nested(const std::vector<std::int32_t>& parent, std::size_t parents) {
  std::int32_t last = 0;
  for (const std::int32_t p : parent) {
    if (p < last || static_cast<std::size_t>(p) >= parents) return false;
    last = p;
  }
  return true;
}

std::size_t index_of(const char* what, const std::vector<std::string>& names,
                     const std::string& name) {
  const auto found = std::find(names.begin(), names.end(), name);
  if (found == names.end()) {
    detail::refuse("E_UNKNOWN", what, -1, std::nan(""), "'" + name + "' is not in the program");
  }
  return static_cast<std::size_t>(found - names.begin());
}

void check_fold(const Fold& f) {
  const bool finite = std::isfinite(f.gain) && std::isfinite(f.loss) && std::isfinite(f.scale) &&
                      std::isfinite(f.deadband) && !std::isnan(f.cap);
  if (!finite || f.deadband < 0 || f.cap < 0) {
    inconsistent("fold", "gain, loss, scale must be finite, deadband and cap >= 0");
  }
}

bool has_nodes(const Program& p) {
  return std::any_of(p.levels.begin(), p.levels.end(),
                     [](const Level& level) { return !level.parent.empty(); });
}

void check_block(const Block& block, const Program& p) {
  const std::string part = "block '" + block.name + "'";
  if (block.reduction > Reduction::each) inconsistent(part, "unknown reduction");
  if (block.scenarios()) {
    if (block.weight.size() != p.scenarios.labels.size()) {
      inconsistent(part, "needs one weight a scenario");
    }
    if (!block.attribute.empty()) inconsistent(part, "has scenarios or attributes, not both");
    if (block.reduction == Reduction::each && block.columns.size() != block.weight.size()) {
      inconsistent(part, "needs one column a scenario");
    }
  } else if (block.columns.empty()) {
    inconsistent(part, "needs weights of scenarios, or columns of attributes");
  } else if (block.attribute.size() != p.rows.size() * block.columns.size()) {
    inconsistent(part, "its attributes must be (rows, columns)");
  }
  if (block.measure > Measure::delta) inconsistent(part, "unknown measure");
  if (!block.fold_set.empty()) {
    const std::size_t count = block.scenarios() ? block.weight.size() : block.columns.size();
    if (block.fold_set.size() != count) inconsistent(part, "needs one set of folds a column");
  }
  const std::size_t sets = p.fold_sets();
  const bool folds = p.levels.empty() || has_nodes(p);  // else a set has nothing to hold
  for (const std::int32_t set : block.fold_set) {
    if (set < 0 || (folds && static_cast<std::size_t>(set) >= sets)) {
      inconsistent(part, "names a set of folds that the levels do not have");
    }
  }
  for (const double w : block.weight) {
    if (!std::isfinite(w)) inconsistent(part, "weights must be finite");
  }
  for (const double x : block.attribute) {
    if (!std::isfinite(x)) inconsistent(part, "attributes must be finite");
  }
}

void check_scenarios(const Scenarios& s) {
  const std::size_t cells = s.factors.size() * s.labels.size();
  for (const auto* matrix :
       {&s.price_scale, &s.price_shift, &s.vol_scale, &s.vol_shift, &s.vol_floor, &s.rate_shift}) {
    const bool absent = matrix == &s.rate_shift && matrix->empty();
    if (!absent && matrix->size() != cells) {
      inconsistent("scenarios", "must be (factors, scenarios)");
    }
    if (!std::all_of(matrix->begin(), matrix->end(), [](double x) { return std::isfinite(x); })) {
      inconsistent("scenarios", "must be finite");
    }
  }
  if (!s.horizon.empty() && s.horizon.size() != s.labels.size()) {
    inconsistent("scenarios", "need one horizon each, or none");
  }
  if (!std::all_of(s.horizon.begin(), s.horizon.end(),
                   [](double x) { return std::isfinite(x) && x >= 0; })) {
    inconsistent("scenarios", "horizons must be finite and >= 0");
  }
}

}  // namespace

std::size_t Program::fold_sets() const noexcept {
  std::size_t sets = 1;
  for (const Level& level : levels) sets = std::max(sets, level.sets());
  return sets;
}

std::size_t Program::first_register(std::size_t block) const {
  std::size_t next = 0;
  for (std::size_t b = 0; b < block; ++b) {
    next += blocks[b].reduction == Reduction::worst ? 1 : blocks[b].columns.size();
  }
  return next;
}

void Program::check() const {
  if (leaf.size() != rows.size()) inconsistent("leaf", "needs one entry a row");
  if (lot.size() != rows.size()) inconsistent("lot", "needs one entry a row");
  for (const double size : lot) {
    if (!(std::isfinite(size) && size > 0)) inconsistent("lot", "must be finite and > 0");
  }
  if (levels.size() > kernel::max_levels) inconsistent("levels", "at most 16 are supported");
  const std::size_t leaves = levels.empty() ? units.size() : levels.front().parent.size();
  for (const std::int32_t node : leaf) {
    if (node < 0 || static_cast<std::size_t>(node) >= leaves) {
      inconsistent("leaf", "must be a node of the first level");
    }
  }
  for (std::size_t l = 0; l < levels.size(); ++l) {
    const std::size_t parents = l + 1 == levels.size() ? units.size() : levels[l + 1].parent.size();
    const std::size_t nodes = levels[l].parent.size();
    if (levels[l].folds.size() != fold_sets() * nodes) {
      inconsistent("levels", "need one fold a node, in as many sets as the other levels have");
    }
    if (!nested(levels[l].parent, parents)) {
      inconsistent("levels", "parents must exist and not decrease");
    }
    for (std::size_t k = 0; k < levels[l].folds.size(); ++k) {
      const Fold &fold = levels[l].folds[k], &first = levels[l].folds[k % nodes];
      check_fold(fold);
      if (l > 0 && fold.biased) inconsistent("levels", "only the first level may be biased");
      if (fold.biased != first.biased || fold.anchored != first.anchored) {
        inconsistent("levels", "a node is biased and anchored in all sets of folds, or in none");
      }
    }
  }
  if (pools.empty()) inconsistent("pools", "must name one pool or more");
  if (unit_pool.size() != units.size() || !nested(unit_pool, pools.size())) {
    inconsistent("unit_pool", "needs one pool a unit, not decreasing");
  }
  for (const Block& block : blocks) check_block(block, *this);
  if (registers.size() < first_register(blocks.size())) {
    inconsistent("registers", "must hold the results of all blocks");
  }
  for (const double value : registers) {
    if (!std::isfinite(value)) inconsistent("registers", "must be finite");
  }
  const auto known = [this](std::int32_t r) {
    return r >= 0 && static_cast<std::size_t>(r) < registers.size();
  };
  for (const Step& step : steps) {
    if (!known(step.target) || !known(step.left) || !known(step.right) ||
        step.operation > Operation::maximum) {
      inconsistent("steps", "must name registers that exist and a known operation");
    }
  }
  if (outputs.size() != output_register.size()) inconsistent("outputs", "need one register each");
  for (const std::int32_t r : output_register) {
    if (!known(r)) inconsistent("outputs", "must name registers that exist");
  }
  check_scenarios(scenarios);
}

std::size_t Program::row(const std::string& wanted) const { return index_of("row", rows, wanted); }
std::size_t Program::factor(const std::string& wanted) const {
  return index_of("factor", scenarios.factors, wanted);
}
std::size_t Program::output(const std::string& wanted) const {
  return index_of("output", outputs, wanted);
}

std::string Program::to_bytes() const {
  Writer writer;
  writer.bytes.assign(magic, sizeof magic);
  visit(writer, *this);
  writer(checksum(writer.bytes.data(), writer.bytes.size()));
  return std::move(writer.bytes);
}

Program Program::from_bytes(const std::string& bytes) {
  constexpr std::size_t tail = sizeof(std::uint64_t);
  const bool program_file = bytes.size() >= sizeof magic + tail &&
                            std::memcmp(bytes.data(), magic, sizeof magic - 1) == 0;
  if (!program_file) inconsistent("file", "is not a riskslide program");
  if (bytes[sizeof magic - 1] != magic[sizeof magic - 1]) {
    inconsistent("file", std::string("is of version ") + bytes[sizeof magic - 1] +
                             ", and this reads version 3: compile its rule book again");
  }
  std::uint64_t sum = 0;
  Reader(bytes.data() + bytes.size() - tail, tail)(sum);
  if (sum != checksum(bytes.data(), bytes.size() - tail)) {
    inconsistent("file", "is damaged: its checksum does not match");
  }
  Program program;
  Reader reader(bytes.data() + sizeof magic, bytes.size() - sizeof magic - tail);
  visit(reader, program);
  if (!reader.done()) inconsistent("file", "has bytes left over");
  program.check();
  return program;
}

void Program::save(const std::string& path) const {
  std::ofstream file(path, std::ios::binary);
  const std::string bytes = to_bytes();
  file.write(bytes.data(), static_cast<std::streamsize>(bytes.size()));
  if (!file.flush()) inconsistent("file", "'" + path + "' cannot be written");
}

Program Program::load(const std::string& path) {
  std::ifstream file(path, std::ios::binary);
  if (!file) inconsistent("file", "'" + path + "' cannot be read");
  return from_bytes({std::istreambuf_iterator<char>(file), std::istreambuf_iterator<char>()});
}

}  // namespace riskslide
