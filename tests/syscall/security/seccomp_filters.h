// Small seccomp filters for tests.
#pragma once

#include <linux/audit.h>
#include <linux/filter.h>
#include <linux/seccomp.h>
#include <stddef.h>
#include <sys/prctl.h>

#include <vector>

#include "tests/lib/guest.h"

namespace tests {

constexpr unsigned kArgument(int i) { return offsetof(struct seccomp_data, args) + static_cast<unsigned>(i) * 8; }

struct FilterProgram {
  std::vector<sock_filter> code;
  mutable sock_fprog header{};
  sock_fprog* get() const {
    header = {static_cast<unsigned short>(code.size()), const_cast<sock_filter*>(code.data())};
    return &header;
  }
};

// `action` for one call, SECCOMP_RET_ALLOW for all others.
inline FilterProgram On(long number, unsigned action) {
  return {{BPF_STMT(BPF_LD | BPF_W | BPF_ABS, offsetof(struct seccomp_data, nr)),
           BPF_JUMP(BPF_JMP | BPF_JEQ | BPF_K, static_cast<unsigned>(number), 0, 1), BPF_STMT(BPF_RET | BPF_K, action),
           BPF_STMT(BPF_RET | BPF_K, SECCOMP_RET_ALLOW)},
          {}};
}
// For one call, the value of a 32-bit word of seccomp_data decides: `action` when it is `value`.
inline FilterProgram OnWord(long number, unsigned offset, unsigned value, unsigned action) {
  return {
      {BPF_STMT(BPF_LD | BPF_W | BPF_ABS, offsetof(struct seccomp_data, nr)),
       BPF_JUMP(BPF_JMP | BPF_JEQ | BPF_K, static_cast<unsigned>(number), 0, 3), BPF_STMT(BPF_LD | BPF_W | BPF_ABS, offset),
       BPF_JUMP(BPF_JMP | BPF_JEQ | BPF_K, value, 0, 1), BPF_STMT(BPF_RET | BPF_K, action), BPF_STMT(BPF_RET | BPF_K, SECCOMP_RET_ALLOW)},
      {}};
}
inline FilterProgram Always(unsigned action) { return {{BPF_STMT(BPF_RET | BPF_K, action)}, {}}; }

inline long NoNewPrivs() { return Call(SYS_prctl, PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0); }
inline long Install(FilterProgram program, unsigned flags = 0) {
  NoNewPrivs();
  return Call(SYS_seccomp, SECCOMP_SET_MODE_FILTER, flags, program);
}

// A line of /proc/self/status by its name.
inline std::string StatusLine(const std::string& name, pid_t pid = 0) {
  const std::string path = "/proc/" + (pid == 0 ? std::string("self") : std::to_string(pid)) + "/status";
  FILE* file = fopen(path.c_str(), "r");
  if (file == nullptr) return "?";
  char line[512];
  std::string found = "?";
  while (fgets(line, sizeof(line), file) != nullptr) {
    const std::string text = line;
    if (text.compare(0, name.size() + 1, name + ":") != 0) continue;
    found = text.substr(name.size() + 1);
    found.erase(0, found.find_first_not_of(" \t"));
    found.erase(found.find_last_not_of(" \t\n") + 1);
  }
  fclose(file);
  return found;
}

}  // namespace tests
