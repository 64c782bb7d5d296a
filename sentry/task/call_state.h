// CallState: what a blocked call keeps between its runs (DESIGN section 6: a blocked call is data). Typed per call, owned by the Task,
// dropped when the call ends. Registers plus this are the whole of a parked call: no host stack holds any of it.
#pragma once

namespace ringwall::task {

class CallState {
 public:
  virtual ~CallState() = default;
  const void* tag() const { return tag_; }

 protected:
  explicit CallState(const void* tag) : tag_(tag) {}

 private:
  const void* const tag_;
};

// struct FutexWaitState : TypedCallState<FutexWaitState> { ... };
template <typename T>
class TypedCallState : public CallState {
 public:
  static const void* Tag() {
    static const char tag = 0;
    return &tag;
  }

 protected:
  TypedCallState() : CallState(Tag()) {}
};

}  // namespace ringwall::task
