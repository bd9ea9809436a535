// Decides how work is spread over threads; see threads.hpp.
#include "threads.hpp"

#include <algorithm>
#include <atomic>
#include <cerrno>
#include <condition_variable>
#include <cstdlib>
#include <exception>
#include <memory>
#include <mutex>
#include <string>
#include <system_error>
#include <thread>
#include <vector>

#include "riskslide/runtime.hpp"
#include "riskslide/types.hpp"

#if defined(__unix__) || defined(__APPLE__)
#include <pthread.h>
#include <unistd.h>
#endif
#if defined(__linux__)
#include <sched.h>
#endif

namespace riskslide {
namespace {

constexpr int most_threads = 1024;

int usable_cores() {
#if defined(__linux__)
  cpu_set_t set;
  if (sched_getaffinity(0, sizeof set, &set) == 0) return std::max(1, CPU_COUNT(&set));
#endif
  return std::max(1, static_cast<int>(std::thread::hardware_concurrency()));
}

// One call to run_tasks: threads draw indices until none is left.
struct Job {
  detail::Task task;
  void* context;
  std::int64_t tasks;
  std::atomic<std::int64_t> next{0};
  int seats = 0;  // helpers that may still join; guarded by the pool's mutex
  std::atomic_flag failed = ATOMIC_FLAG_INIT;
  std::exception_ptr failure = nullptr;  // the first one thrown; what is left is then not begun

  void work() noexcept {
    try {
      for (std::int64_t i = next.fetch_add(1); i < tasks; i = next.fetch_add(1)) task(context, i);
    } catch (...) {
      if (!failed.test_and_set()) failure = std::current_exception();
      next = tasks;
    }
  }
};

thread_local bool inside_task = false;

class Pool {
 public:
  void run(Job& job, int helpers) {
    const std::lock_guard<std::mutex> one_at_a_time(calls_);
    {
      const std::lock_guard<std::mutex> lock(mutex_);
      try {
        while (static_cast<int>(workers_.size()) < helpers) {
          workers_.emplace_back([this] { serve(); });
        }
      } catch (const std::system_error&) {  // no more to be had: fewer threads do the same work
        helpers = static_cast<int>(workers_.size());
      }
      job.seats = helpers;
      job_ = &job;
      ++generation_;
    }
    wake_.notify_all();
    inside_task = true;
    job.work();
    inside_task = false;
    std::unique_lock<std::mutex> lock(mutex_);
    job_ = nullptr;
    idle_.wait(lock, [this] { return busy_ == 0; });
  }

 private:
  void serve() {
    inside_task = true;
    std::uint64_t seen = 0;
    std::unique_lock<std::mutex> lock(mutex_);
    for (;;) {
      wake_.wait(lock, [&] { return job_ != nullptr && generation_ != seen; });
      seen = generation_;
      Job* job = job_;
      if (job->seats-- <= 0) continue;
      ++busy_;
      lock.unlock();
      job->work();
      lock.lock();
      if (--busy_ == 0) idle_.notify_one();
    }
  }

  std::mutex calls_;
  std::mutex mutex_;
  std::condition_variable wake_;
  std::condition_variable idle_;
  std::vector<std::thread> workers_;
  Job* job_ = nullptr;
  std::uint64_t generation_ = 0;
  int busy_ = 0;
};

// The pool is never destroyed: its threads wait until the process ends. After a fork the child has
// no threads, so it leaves the parent's pool alone and makes one of its own.
std::atomic<Pool*> the_pool{nullptr};
std::mutex making;

void before_fork() { making.lock(); }
void after_fork_in_parent() { making.unlock(); }
void after_fork_in_child() {
  the_pool = nullptr;
  inside_task = false;
  making.unlock();
}

#if defined(__unix__) || defined(__APPLE__)
// Before main, so that no fork can meet the lock held.
[[maybe_unused]] const int registered =
    pthread_atfork(before_fork, after_fork_in_parent, after_fork_in_child);
#endif

Pool& pool() {
  if (Pool* made = the_pool.load(std::memory_order_acquire)) return *made;
  const std::lock_guard<std::mutex> lock(making);
  if (the_pool.load() == nullptr) {
    the_pool.store(std::make_unique<Pool>().release(), std::memory_order_release);
  }
  return *the_pool.load();
}

}  // namespace

int default_threads() {
  const char* asked = std::getenv("RISKSLIDE_THREADS");
  if (asked == nullptr || *asked == '\0') return std::min(usable_cores(), most_threads);
  char* end = nullptr;
  errno = 0;
  const long count = std::strtol(asked, &end, 10);
  if (errno != 0 || *end != '\0' || count < 1 || count > most_threads) {
    throw InputError("E_THREADS", "RISKSLIDE_THREADS",
                     "is '" + std::string(asked) +
                         "'; set it to a whole number from 1 to 1024, or leave it unset");
  }
  return static_cast<int>(count);
}

void detail::run_tasks(Task task, void* context, std::int64_t tasks, int threads) {
  if (threads < 0 || threads > most_threads) {
    throw InputError("E_THREADS", "threads", -1, threads, "must be from 0 (all cores) to 1024");
  }
  if (tasks <= 0) return;
  const bool alone = tasks == 1 || threads == 1 || inside_task;
  const std::int64_t wanted = alone ? 1 : threads > 0 ? threads : default_threads();
  const int helpers = static_cast<int>(std::min(wanted, tasks)) - 1;
  if (helpers <= 0) {
    for (std::int64_t i = 0; i < tasks; ++i) task(context, i);
    return;
  }
  Job job{.task = task, .context = context, .tasks = tasks};
  pool().run(job, helpers);
  if (job.failure) std::rethrow_exception(job.failure);
}

}  // namespace riskslide
