// Times whole processes, as a container runtime sees a CNI plugin: posix_spawn to exit.
//
//   spawn BINARY CONCURRENCY < jobs > times
//
// A job is a line `COMMAND CONTAINERID NETNS IFNAME CONFIG-FILE`; CNI_PATH comes from the environment.
// A result is a line `MICROSECONDS EXIT-CODE`, in the order of the jobs, then `total MICROSECONDS`.
// Node's own child_process costs over a millisecond a spawn and would hide what is measured here.

#include <fcntl.h>
#include <spawn.h>
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
  std::string command, container_id, netns, if_name, config;
  long micros = 0;
  int exit_code = -1;
};

long micros_since(Clock::time_point start) {
  return std::chrono::duration_cast<std::chrono::microseconds>(Clock::now() - start).count();
}

void run(const char* binary, Job& job) {
  const char* path = std::getenv("CNI_PATH");
  std::string env[] = {"CNI_COMMAND=" + job.command,       "CNI_CONTAINERID=" + job.container_id,
                       "CNI_NETNS=" + job.netns,           "CNI_IFNAME=" + job.if_name,
                       std::string("CNI_PATH=") + (path ? path : "/opt/cni/bin"),
                       "PATH=/usr/sbin:/usr/bin:/sbin:/bin"};
  std::vector<char*> envp;
  for (auto& entry : env) envp.push_back(entry.data());
  envp.push_back(nullptr);
  char* argv[] = {const_cast<char*>(binary), nullptr};

  posix_spawn_file_actions_t actions;
  posix_spawn_file_actions_init(&actions);
  posix_spawn_file_actions_addopen(&actions, 0, job.config.c_str(), O_RDONLY, 0);
  posix_spawn_file_actions_addopen(&actions, 1, "/dev/null", O_WRONLY, 0);

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

}  // namespace

int main(int argc, char** argv) {
  if (argc != 3 || std::atoi(argv[2]) < 1) {
    std::cerr << "usage: spawn BINARY CONCURRENCY < jobs\n";
    return 2;
  }

  std::vector<Job> jobs;
  for (std::string line; std::getline(std::cin, line);) {
    Job job;
    std::istringstream(line) >> job.command >> job.container_id >> job.netns >> job.if_name >> job.config;
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
  std::printf("total %ld\n", total);
  return 0;
}
