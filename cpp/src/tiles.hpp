// Decides where packed tiles lie: aligned to the cache line, on huge pages where the system has
// them.
#pragma once

#include <cstddef>
#include <memory>
#include <new>

#if defined(__linux__)
#include <sys/mman.h>
#endif

namespace riskslide::detail {

/// Deletes what was allocated with an alignment.
struct Aligned {
  std::align_val_t alignment{64};
  void operator()(double* memory) const noexcept { ::operator delete(memory, alignment); }
};

/// Memory for doubles that only grows, and is not initialised.
class Tiles {
 public:
  void reserve(std::size_t count) {
    if (count <= size_) return;
    const std::size_t bytes = count * sizeof(double);
    const std::align_val_t alignment{bytes < huge_page ? cache_line : huge_page};
    memory_ = {static_cast<double*>(::operator new(bytes, alignment)), Aligned{alignment}};
    size_ = count;
#if defined(__linux__)
    // Rows of a tile are read at random, and small pages miss the first-level TLB (up to 1.4 times
    // slower where it was measured). Asked for before the first touch, which is what decides.
    if (bytes >= huge_page) madvise(memory_.get(), bytes, MADV_HUGEPAGE);
#endif
  }

  [[nodiscard]] double* data() const noexcept { return memory_.get(); }

 private:
  static constexpr std::size_t cache_line = 64;
  static constexpr std::size_t huge_page = std::size_t{1} << 21;
  std::unique_ptr<double, Aligned> memory_;
  std::size_t size_ = 0;
};

}  // namespace riskslide::detail
