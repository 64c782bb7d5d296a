// Every lock rank of Ringwall, outermost first. A thread may only take a lock of a higher number than all it holds
// (equal ranks need MutexLockNested and a rule written beside the use). There is no rank "None".
#pragma once

#include <cstdint>

namespace ringwall {

enum class LockRank : uint8_t {
  // runsc-cli and control: run whole operations on the kernel.
  kControl = 10,          // control server's connection list; calls into Kernel
  kKernel = 20,           // the Kernel's own lists (containers, shutdown state)
  kEpollControl = 26,     // epoll_ctl(2) of one instance: registers with files of every kind
  kPidTable = 30,         // pid namespaces, thread groups, process groups, sessions, parent/child links: Linux's tasklist_lock
  kThreadGroup = 40,      // one thread group's thread list, exec and exit state
  kTty = 48,              // a terminal's session, foreground group and line discipline; signals groups below it
  kSignal = 50,           // one thread group's signal actions and pending queues, and its threads' masks: Linux's siglock
  kTask = 60,             // one task's state: parked/running, names, pointers to shared parts
  kFilePosition = 62,     // one open file description's offset over a whole transfer: the only lock that may be held over a guest copy
  kNamespace = 64,        // uts and other small namespaces
  kMountTable = 70,       // mount tree of a mount namespace
  kRename = 74,           // renames across directories: parent links of dentries change only under it
  kDentry = 78,           // one dentry's child map; parent before child
  kInode = 82,            // one inode's data and attributes; see vfs README for pairs
  kDentryCache = 84,      // one file system's list of dentries kept alive, its root dentry
  kFdTable = 86,          // one descriptor table
  kFile = 90,             // one open file description: offset, flags
  kEpoll = 92,            // an epoll instance's interest list
  kFileLock = 94,         // advisory locks of one inode
  kSocketAddress = 96,    // abstract and bound unix address tables
  kSocket = 98,           // one socket; peers by address order
  kSeccompListener = 99,  // one seccomp listener's questions
  kPipe = 100,            // one pipe's ring
  kNotifyGroup = 101,     // an inotify instance's watches; the sandbox's counts of them
  kNotifyMarks = 102,     // who watches one inode
  kNotifyQueue = 103,     // an inotify instance's events
  kIpcTable = 104,        // the identifiers and keys of one kind of System V object
  kIpcObject = 105,       // one System V segment, semaphore set or message queue
  kMessageQueue = 106,    // one POSIX message queue
  kMm = 110,              // one address space's VMAs
  kMemoryFile = 114,      // allocator of shared memory pages
  kFutex = 120,           // one futex bucket; by address when two
  kProcessTimers = 126,   // one process's interval and POSIX timers
  kTimer = 130,           // timer queue
  kLimits = 135,          // one process's resource limits: read by file systems under their own locks
  kWaitQueue = 140,       // one wait queue: leaf of the kernel proper
  kEpollReady = 145,      // an epoll instance's ready list: filled from within the wait queues of its files
  kReady = 150,           // a worker's ready list
  kGoferClient = 160,     // a gofer connection's send side
  kPlatform = 170,        // platform bookkeeping (stubs, tracer inbox)
  kObserve = 190,         // unimplemented ledger, trace sinks
  kLog = 200,             // the log's own lock
  kTest = 250,            // only tests
};

// "kFdTable" for messages; "?" when unknown.
const char* LockRankName(LockRank rank);

}  // namespace ringwall
