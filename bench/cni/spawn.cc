// Times whole processes, as a container runtime sees a CNI plugin: posix_spawn to exit.
//
//   spawn BINARY CONCURRENCY [INTERFACES] < jobs > times
//
// A job is a line `COMMAND CONTAINERID NETNS IFNAME ARGS STDIN-FILE STDOUT-FILE`; CNI_PATH comes from
// the environment. A result is a line `MICROSECONDS EXIT-CODE`, in the order of the jobs, then
// `total MICROSECONDS` and `cpu MICROSECONDS` (of all the processes). With INTERFACES it also waits until this network namespace has as many, and
// says `gone MICROSECONDS`, from the same start: a DEL may answer before its link has gone.
// Node's own child_process costs over a millisecond a spawn and would hide what is measured here.

#include <fcntl.h>
#include <net/if.h>
#include <spawn.h>
#include <sys/resource.h>
#include <sys/wait.h>
#include <unistd.h>

#include <atomic>
#include <chrono>
#include <cstdio>
#include <cstdlib>
#include <iostream>
#include <sstream>
#include <string>
#include <thread>
#include <vector>

namespace {

using Clock = std::chrono::steady_clock;

struct Job {
  std::string command, container_id, netns, if_name, args, input, output;
  long micros = 0;
  int exit_code = -1;
};

long micros_since(Clock::time_point start) {
  return std::chrono::duration_cast<std::chrono::microseconds>(Clock::now() - start).count();
}

void run(const char* binary, Job& job) {
  const char* path = std::getenv("CNI_PATH");
  std::string env[] = {"CNI_COMMAND=" + job.command,
                       "CNI_CONTAINERID=" + job.container_id,
                       "CNI_NETNS=" + job.netns,
                       "CNI_IFNAME=" + job.if_name,
                       "CNI_ARGS=" + job.args,
                       std::string("CNI_PATH=") + (path ? path : "/opt/cni/bin"),
                       "PATH=/usr/sbin:/usr/bin:/sbin:/bin"};
  std::vector<char*> envp;
  for (auto& entry : env) envp.push_back(entry.data());
  envp.push_back(nullptr);
  char* argv[] = {const_cast<char*>(binary), nullptr};

  posix_spawn_file_actions_t actions;
  posix_spawn_file_actions_init(&actions);
  posix_spawn_file_actions_addopen(&actions, 0, job.input.c_str(), O_RDONLY, 0);
  posix_spawn_file_actions_addopen(&actions, 1, job.output.c_str(), O_WRONLY | O_CREAT | O_TRUNC,
                                   0600);

  const auto start = Clock::now();
  pid_t pid;
  if (posix_spawn(&pid, binary, &actions, nullptr, argv, envp.data()) == 0) {
    int status = 0;
    waitpid(pid, &status, 0);
    job.exit_code = WIFEXITED(status) ? WEXITSTATUS(status) : 128;
  }
  job.micros = micros_since(start);
  posix_spawn_file_actions_destroy(&actions);
}

long cpu_of_children() {
  struct rusage used;
  getrusage(RUSAGE_CHILDREN, &used);
  const long seconds = used.ru_utime.tv_sec + used.ru_stime.tv_sec;
  return seconds * 1000000 + used.ru_utime.tv_usec + used.ru_stime.tv_usec;
}

int count_interfaces() {
  struct if_nameindex* names = if_nameindex();
  if (names == nullptr) return -1;
  int count = 0;
  while (names[count].if_index != 0) count++;
  if_freenameindex(names);
  return count;
}

/** False when there are others after ten seconds. */
bool wait_for_interfaces(int wanted) {
  for (int i = 0; i < 10000; i++) {
    if (count_interfaces() == wanted) return true;
    usleep(1000);
  }
  return false;
}

}  // namespace

int main(int argc, char** argv) {
  if (argc < 3 || argc > 4 || std::atoi(argv[2]) < 1) {
    std::cerr << "usage: spawn BINARY CONCURRENCY [INTERFACES] < jobs\n";
    return 2;
  }

  std::vector<Job> jobs;
  for (std::string line; std::getline(std::cin, line);) {
    Job job;
    std::istringstream(line) >> job.command >> job.container_id >> job.netns >> job.if_name >>
        job.args >> job.input >> job.output;
    jobs.push_back(job);
  }

  std::atomic<size_t> next{0};
  const auto start = Clock::now();
  std::vector<std::thread> workers;
  for (int i = 0; i < std::atoi(argv[2]); i++) {
    workers.emplace_back([&] {
      for (size_t at = next++; at < jobs.size(); at = next++) run(argv[1], jobs[at]);
    });
  }
  for (auto& worker : workers) worker.join();
  const long total = micros_since(start);

  for (const auto& job : jobs) std::printf("%ld %d\n", job.micros, job.exit_code);
  std::printf("total %ld\ncpu %ld\n", total, cpu_of_children());
  if (argc == 4) {
    if (!wait_for_interfaces(std::atoi(argv[3]))) {
      std::cerr << "after ten seconds there are " << count_interfaces() << " interfaces, not "
                << argv[3] << "\n";
      return 1;
    }
    std::printf("gone %ld\n", micros_since(start));
  }
  return 0;
}
