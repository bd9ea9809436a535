// Decides how work is spread over threads: one persistent pool a process, remade after a fork.
#pragma once

#include <atomic>
#include <cstddef>
#include <cstdint>

namespace riskslide::detail {

using Task = void (*)(void* context, std::int64_t index);

/// Runs task(context, 0 .. tasks - 1) on up to `threads` threads (0: default_threads()), the
/// caller's among them, and returns when all are done. The first exception that a task throws is
/// thrown again here. A call from inside a task runs in the calling thread.
void run_tasks(Task task, void* context, std::int64_t tasks, int threads);

/// The same for a callable with `void operator()(std::int64_t) const`.
template <class Body>
void parallel_for(std::int64_t tasks, int threads, const Body& body) {
  run_tasks([](void* context, std::int64_t i) { (*static_cast<const Body*>(context))(i); },
            const_cast<Body*>(&body), tasks, threads);
}

/// How many of `rows` a task takes that lays scratch memory out: `least`, or more where the tasks
/// would be over 256. What a call allocates is then bounded, however large the book.
constexpr std::size_t task_length(std::size_t rows, std::size_t least) {
  const std::size_t bounded = (rows + 255) / 256;
  return bounded > least ? bounded : least;
}

/// Lowers `least` to `value` if that is smaller.
inline void lower(std::atomic<std::int64_t>& least, std::int64_t value) {
  std::int64_t known = least.load();
  while (value < known && !least.compare_exchange_weak(known, value)) {
  }
}

}  // namespace riskslide::detail
