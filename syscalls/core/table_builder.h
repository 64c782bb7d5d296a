// TableBuilder: fills the system call table at compile time. A number used twice, or one without its Linux name, does not compile.
#pragma once

#include <string_view>

#include "sentry/task/syscall_table.h"
#include "syscalls/core/thunk.h"

namespace ringwall::syscalls {

class TableBuilder {
 public:
  constexpr TableBuilder() = default;

  // Works as Linux does.
  template <auto Fn>
  constexpr void Full(int number, std::string_view name) {
    Put<Fn>(number, name, task::SupportLevel::kFull, {});
  }
  // Works; `missing` is the sentence that says what does not.
  template <auto Fn>
  constexpr void Partial(int number, std::string_view name, std::string_view missing) {
    Put<Fn>(number, name, task::SupportLevel::kPartial, missing);
  }
  // ENOSYS until somebody writes it; counted in the ledger.
  constexpr void Todo(int number, std::string_view name) {
    task::SyscallRow& row = Claim(number, name);
    row.level = task::SupportLevel::kTodo;
  }
  // Always fails with `error`; `why` is for operators.
  constexpr void Refuse(int number, std::string_view name, Errno error, std::string_view why) {
    task::SyscallRow& row = Claim(number, name);
    row.level = task::SupportLevel::kRefuse;
    row.refusal = static_cast<int32_t>(error);
    row.note = why;
  }
  constexpr task::SyscallTable Finish() const { return table_; }

 private:
  template <auto Fn>
  constexpr void Put(int number, std::string_view name, task::SupportLevel level, std::string_view note) {
    task::SyscallRow& row = Claim(number, name);
    row.level = level;
    row.note = note;
    row.arity = Thunk<Fn>::kArity;
    row.shape = Thunk<Fn>::kShape;
    row.invoke = &Thunk<Fn>::Invoke;
    row.describe = &Thunk<Fn>::Describe;
  }
  constexpr task::SyscallRow& Claim(int number, std::string_view name) {
    task::SyscallRow& row = table_.rows.at(static_cast<size_t>(number));
    if (!row.name.empty() || name.empty()) __builtin_abort();  // not a constant expression: duplicate number or missing name
    row.name = name;
    return row;
  }
  task::SyscallTable table_{};
};

// The x86-64 table: table_x86_64.cc.
extern const task::SyscallTable kTableX86_64;

}  // namespace ringwall::syscalls
