// The texts of failed claims about system call results and wait statuses.
#include "tests/lib/call.h"

#include <string.h>
#include <sys/mman.h>
#include <sys/wait.h>

namespace tests {

char* ReadOnlyAddress() {
  static char* page = static_cast<char*>(mmap(nullptr, 4096, PROT_READ, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0));
  return page;
}

static std::string ErrorName(long error) {
  const char* name = strerrorname_np(static_cast<int>(error));
  return name != nullptr ? name : "errno " + std::to_string(error);
}

std::string ResultText(long result) {
  if (IsError(result)) return "failed with " + ErrorName(-result);
  return "returned " + std::to_string(result);
}

static testing::AssertionResult Judge(bool good, const char* text, long result, const std::string& wanted) {
  if (good) return testing::AssertionSuccess();
  return testing::AssertionFailure() << text << " " << ResultText(result) << ", wanted " << wanted;
}

testing::AssertionResult Succeeds::operator()(const char* text, long result) const {
  return Judge(!IsError(result), text, result, "success");
}
testing::AssertionResult SucceedsWith::operator()(const char* text, long result) const {
  return Judge(result == wanted, text, result, std::to_string(wanted));
}
testing::AssertionResult FailsWith::operator()(const char* text, long result) const {
  return Judge(result == -wanted, text, result, ErrorName(wanted));
}
testing::AssertionResult FailsWithEither::operator()(const char* text, long result) const {
  return Judge(result == -first || result == -second, text, result, ErrorName(first) + " or " + ErrorName(second));
}

static std::string StatusText(int status) {
  if (WIFEXITED(status)) return "exited with " + std::to_string(WEXITSTATUS(status));
  if (WIFSIGNALED(status)) return "was killed by signal " + std::to_string(WTERMSIG(status));
  if (WIFSTOPPED(status)) return "was stopped by signal " + std::to_string(WSTOPSIG(status));
  if (WIFCONTINUED(status)) return "was continued";
  return "has status " + std::to_string(status);
}

testing::AssertionResult Exited::operator()(const char* text, int status) const {
  if (WIFEXITED(status) && WEXITSTATUS(status) == code) return testing::AssertionSuccess();
  return testing::AssertionFailure() << text << ": " << StatusText(status) << ", wanted exit " << code;
}
testing::AssertionResult KilledBy::operator()(const char* text, int status) const {
  if (WIFSIGNALED(status) && WTERMSIG(status) == signal) return testing::AssertionSuccess();
  return testing::AssertionFailure() << text << ": " << StatusText(status) << ", wanted death by signal " << signal;
}

}  // namespace tests
