// Risk: work is lost, done twice, or hangs: nested calls, callers side by side, a forked process.
#include <atomic>
#include <cstdio>
#include <cstdlib>
#include <stdexcept>
#include <thread>

#include "book.hpp"
#include "check.hpp"
#include "riskslide/runtime.hpp"
#include "threads.hpp"

#if defined(__unix__) || defined(__APPLE__)
#include <sys/wait.h>
#include <unistd.h>
#endif

namespace {

using check::same;
using riskslide::detail::parallel_for;

// How often each of `tasks` was run.
bool each_once(std::int64_t tasks, int threads) {
  std::vector<std::atomic<int>> runs(static_cast<std::size_t>(tasks));
  parallel_for(tasks, threads, [&](std::int64_t i) { ++runs[static_cast<std::size_t>(i)]; });
  for (const auto& count : runs) {
    if (count != 1) return false;
  }
  return true;
}

void every_task_once() {
  for (const int threads : {1, 2, 3, 8, 40, 0}) {
    for (const std::int64_t tasks : {0, 1, 2, 7, 1000}) CHECK(each_once(tasks, threads));
  }
  for (int round = 0; round < 2000; ++round) CHECK(each_once(4, 4));
  CHECK(each_once(3, 1024));
  CHECK_REFUSED("E_THREADS", "threads", -1, each_once(3, -1));
  CHECK_REFUSED("E_THREADS", "threads", -1, each_once(3, 1025));
}

void nested_calls() {
  std::atomic<int> inner{0};
  parallel_for(8, 4, [&](std::int64_t) {
    parallel_for(8, 4, [&](std::int64_t) { parallel_for(2, 2, [&](std::int64_t) { ++inner; }); });
  });
  CHECK(inner == 128);
}

// What a task throws reaches the caller, once all have stopped, and the pool goes on working.
void failures_reach_the_caller() {
  for (int round = 0; round < 200; ++round) {
    for (const int threads : {1, 4}) {
      bool caught = false;
      try {
        parallel_for(1000, threads, [](std::int64_t i) {
          if (i % 300 == 3) throw std::runtime_error("task");
        });
      } catch (const std::runtime_error&) {
        caught = true;
      }
      CHECK(caught);
    }
    CHECK(each_once(16, 4));
  }
}

void callers_side_by_side() {
  std::atomic<int> good{0};
  std::vector<std::thread> callers;
  for (int t = 0; t < 6; ++t) {
    callers.emplace_back([&] {
      for (int round = 0; round < 50; ++round) good += each_once(17, 3) ? 1 : 0;
    });
  }
  for (std::thread& caller : callers) caller.join();
  CHECK(good == 300);
}

// A book large enough for several tasks, so that threads truly share the work.
struct Sample {
  riskslide::Program program = check::plain_program(40, 20);
  check::Cube cube;
  check::Book book;

  Sample() {
    check::Random random(1);
    program.trees[0].leaf.assign(40, 0);
    for (std::size_t row = 20; row < 40; ++row) program.trees[0].leaf[row] = 1;
    program.trees[0].levels = {{.parent = {0, 0}, .folds = {{}, {.gain = 0.5}}}};
    // A second tree whose groups add up in the unit, and figures worked out of both.
    program.trees.push_back(
        {.leaf = {}, .levels = {}, .groups = check::names("group", 5), .group_unit = {}});
    program.trees[1].group_unit.assign(5, 0);
    for (std::int32_t row = 0; row < 40; ++row) program.trees[1].leaf.push_back(row % 6 - 1);
    program.blocks.push_back(program.blocks[0]);
    program.blocks[1].tree = 1;
    program.blocks.push_back({.name = "gross",
                              .reduction = riskslide::Reduction::each,
                              .columns = {"gross"},
                              .weight = {},
                              .attribute = std::vector<double>(40, 1.5),
                              .fold_set = {},
                              .tree = 1});
    program.unit_registers = {0, 0, 0, 0};
    program.unit_steps = {{riskslide::Operation::subtract, 3, 1, 0}};
    program.sums = {0, 2, 3};
    program.registers = {0, 0, 0};
    program.outputs = check::names("output", 3);
    program.output_register = {0, 1, 2};
    cube = {random.column(800, -1, 1), random.column(40, -1, 1), 20};
    for (int a = 0; a < 20'000; ++a) {
      std::vector<std::pair<std::int32_t, std::int64_t>> held;
      for (std::int32_t row = a % 3; row < 40; row += 3)
        held.emplace_back(row, random.whole(-9, 9));
      book.account(held);
    }
  }
};

void same_figures_for_any_number_of_threads() {
  const Sample s;
  const auto one = evaluate(s.program, s.cube, s.book, 1);
  const auto figures = [&](int threads) {
    return riskslide::unit_figures(s.program, s.cube.view(), s.book.positions(), s.book.money(),
                                   threads);
  };
  const auto of_one = figures(1);
  for (const int threads : {2, 3, 5, 16, 0}) {
    CHECK(same(one, evaluate(s.program, s.cube, s.book, threads)));
    CHECK(of_one == figures(threads));
  }
  std::atomic<int> good{0};
  std::vector<std::thread> callers;
  for (int t = 0; t < 4; ++t) {
    callers.emplace_back(
        [&, t] { good += same(one, evaluate(s.program, s.cube, s.book, t + 1)) ? 1 : 0; });
  }
  for (std::thread& caller : callers) caller.join();
  CHECK(good == 4);
}

#if defined(__unix__) || defined(__APPLE__)
// Runs `work` in a forked child that a timer kills if it hangs; true if it returned true.
template <class Work>
bool in_child(Work work) {
  const pid_t child = fork();
  if (child == 0) {
    alarm(60);
    _exit(work() ? 0 : 1);
  }
  int status = -1;
  return waitpid(child, &status, 0) == child && WIFEXITED(status) && WEXITSTATUS(status) == 0;
}

void forked_child_computes_the_same() {
  const Sample s;
  const auto before = evaluate(s.program, s.cube, s.book, 3);
  const auto again = [&] { return same(before, evaluate(s.program, s.cube, s.book, 3)); };
  CHECK(in_child(again));
  CHECK(in_child([&] { return again() && in_child(again); }));
  CHECK(again());

  // Forked while other threads are inside the pool: the child must not wait for them.
  std::atomic<bool> stop{false};
  std::thread busy([&] {
    while (!stop) each_once(64, 4);
  });
  for (int round = 0; round < 10; ++round) CHECK(in_child([] { return each_once(64, 4); }));
  stop = true;
  busy.join();

  // Forked from inside a task: the child is no longer inside the parent's task.
  std::atomic<int> good{0};
  parallel_for(2, 2,
               [&](std::int64_t) { good += in_child([] { return each_once(9, 2); }) ? 1 : 0; });
  CHECK(good == 2);
}
#endif

void threads_by_environment() {
  unsetenv("RISKSLIDE_THREADS");
  CHECK(riskslide::default_threads() >= 1);
  setenv("RISKSLIDE_THREADS", "3", 1);
  CHECK(riskslide::default_threads() == 3);
  for (const char* bad : {"0", "-1", "1025", "two", "2 ", "1e1", "99999999999999999999"}) {
    setenv("RISKSLIDE_THREADS", bad, 1);
    CHECK_REFUSED("E_THREADS", "RISKSLIDE_THREADS", -1, each_once(4, 0));
    CHECK(each_once(4, 2));
  }
  unsetenv("RISKSLIDE_THREADS");
}

}  // namespace

int main(int count, char**) {
  threads_by_environment();
  every_task_once();
  nested_calls();
  failures_reach_the_caller();
  callers_side_by_side();
  same_figures_for_any_number_of_threads();
#if defined(__unix__) || defined(__APPLE__)
  if (count == 1) {
    forked_child_computes_the_same();
  } else {
    std::puts("forks are left out");
  }
#endif
  return check::done("threads");
}
