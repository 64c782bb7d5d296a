// Where AddressSanitizer, UndefinedBehaviorSanitizer and ThreadSanitizer leave what they find in processes of a sandbox: these have neither
// standard error nor an environment nor a file system. Other builds have none of this.
#pragma once

namespace ringwall::sanitizer {

#ifdef RINGWALL_SANITIZED
// First in main(): opens <build directory>/findings/<role>.<time>.<pid> and has reports written there. `role` is a literal.
void Start(const char* role);
// For those who close what they do not know; -1 when there is none.
int FindingsFd();
#else
inline void Start(const char*) {}
inline int FindingsFd() { return -1; }
#endif

}  // namespace ringwall::sanitizer
