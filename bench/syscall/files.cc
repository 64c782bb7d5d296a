// Files: data, names and attributes, in $BENCH_DIR (default /tmp).
#include <fcntl.h>
#include <sys/stat.h>
#include <unistd.h>

#include <string>

#include "bench/syscall/bench.h"

namespace ringwall::bench {
namespace {

constexpr size_t kPage = 4096;
constexpr size_t kMegabyte = 1 << 20;

std::string g_file;
int g_fd = -1;
alignas(kPage) char g_buffer[kMegabyte];

std::string InDirectory(const char* name) {
  const char* directory = std::getenv("BENCH_DIR");
  return std::string(directory != nullptr ? directory : "/tmp") + "/" + name + "." + std::to_string(getpid());
}

void MakeFile() {
  g_file = InDirectory("syscall_bench");
  g_fd = open(g_file.c_str(), O_RDWR | O_CREAT | O_TRUNC, 0600);
  BENCH_REQUIRE(g_fd >= 0);
  BENCH_REQUIRE(write(g_fd, g_buffer, kMegabyte) == kMegabyte);
}
void RemoveFile() {
  close(g_fd);
  unlink(g_file.c_str());
}

off_t PageOffset(uint64_t i) { return static_cast<off_t>(i % (kMegabyte / kPage) * kPage); }

void Pread4k(uint64_t count) {
  for (uint64_t i = 0; i < count; ++i) BENCH_REQUIRE(pread(g_fd, g_buffer, kPage, PageOffset(i)) == kPage);
}
void Pwrite4k(uint64_t count) {
  for (uint64_t i = 0; i < count; ++i) BENCH_REQUIRE(pwrite(g_fd, g_buffer, kPage, PageOffset(i)) == kPage);
}
void Pread1m(uint64_t count) {
  while (count-- != 0) BENCH_REQUIRE(pread(g_fd, g_buffer, kMegabyte, 0) == kMegabyte);
}
void Pwrite1m(uint64_t count) {
  while (count-- != 0) BENCH_REQUIRE(pwrite(g_fd, g_buffer, kMegabyte, 0) == kMegabyte);
}
void OpenClose(uint64_t count) {
  while (count-- != 0) {
    const int fd = open(g_file.c_str(), O_RDONLY);
    BENCH_REQUIRE(fd >= 0);
    close(fd);
  }
}
void StatHit(uint64_t count) {
  struct stat st;
  while (count-- != 0) BENCH_REQUIRE(stat(g_file.c_str(), &st) == 0);
}
void StatMiss(uint64_t count) {
  struct stat st;
  const std::string missing = g_file + ".missing";
  while (count-- != 0) BENCH_REQUIRE(stat(missing.c_str(), &st) == -1);
}
void CreateUnlink(uint64_t count) {
  const std::string name = g_file + ".new";
  while (count-- != 0) {
    const int fd = open(name.c_str(), O_WRONLY | O_CREAT | O_EXCL, 0600);
    BENCH_REQUIRE(fd >= 0);
    close(fd);
    unlink(name.c_str());
  }
}

BENCHMARK_OP(pread_4k, MakeFile, Pread4k, RemoveFile);
BENCHMARK_OP(pwrite_4k, MakeFile, Pwrite4k, RemoveFile);
BENCHMARK_OP(pread_1m, MakeFile, Pread1m, RemoveFile);
BENCHMARK_OP(pwrite_1m, MakeFile, Pwrite1m, RemoveFile);
BENCHMARK_OP(open_close, MakeFile, OpenClose, RemoveFile);
BENCHMARK_OP(stat_hit, MakeFile, StatHit, RemoveFile);
BENCHMARK_OP(stat_miss, MakeFile, StatMiss, RemoveFile);
BENCHMARK_OP(create_unlink, MakeFile, CreateUnlink, RemoveFile);

}  // namespace
}  // namespace ringwall::bench
