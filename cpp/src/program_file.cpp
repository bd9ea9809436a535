// Decides how a Program is written down; see risk/program.hpp.
#include <cstring>
#include <fstream>
#include <iterator>

#include "checks.hpp"
#include "riskslide/risk/program.hpp"

namespace riskslide {
namespace {

using detail::inconsistent;

constexpr char magic[8] = {'R', 'S', 'L', 'P', 'R', 'O', 'G', '5'};

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
  a(p.rows), a(p.lot), a(p.trees), a(p.units), a(p.unit_pool), a(p.pools), a(p.blocks);
  a(p.unit_registers), a(p.unit_steps), a(p.sums), a(p.lifted), a(p.lift_to);
  a(p.registers), a(p.steps);
  a(p.outputs), a(p.output_register);
  auto& s = p.scenarios;
  a(s.labels), a(s.factors), a(s.price_scale), a(s.price_shift), a(s.vol_scale), a(s.vol_shift);
  a(s.vol_floor), a(s.horizon), a(s.rate_shift);
}

template <class Archive, class Item>
void visit_item(Archive& a, Item& item) {
  using Plain = std::remove_const_t<Item>;
  if constexpr (std::is_same_v<Plain, Tree>) {
    a(item.leaf), a(item.levels), a(item.groups), a(item.group_unit);
  } else if constexpr (std::is_same_v<Plain, Level>) {
    a(item.parent), a(item.folds), a(item.tiers);
  } else if constexpr (std::is_same_v<Plain, Tier>) {
    a(item.start), a(item.gain);
  } else if constexpr (std::is_same_v<Plain, Fold>) {
    a(item.gain), a(item.loss), a(item.scale), a(item.deadband), a(item.cap), a(item.biased);
    a(item.anchored), a(item.against), a(item.worst);
  } else if constexpr (std::is_same_v<Plain, Block>) {
    a(item.name), a(item.reduction), a(item.columns), a(item.weight), a(item.attribute);
    a(item.measure), a(item.fold_set), a(item.factor), a(item.first), a(item.tree), a(item.gross);
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

}  // namespace

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
                             ", and this reads version 4: compile its rule book again");
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
