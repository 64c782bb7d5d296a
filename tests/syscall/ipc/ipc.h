// What the tests of System V objects share: raw calls, and objects that are removed with their scope.
#pragma once

#include <sys/ipc.h>
#include <sys/msg.h>
#include <sys/sem.h>
#include <sys/shm.h>

#include "tests/lib/guest.h"

namespace tests {

// A key that nobody else uses: of this process and test.
inline key_t FreshKey() {
  static int next = 0;
  return static_cast<key_t>(0x52570000 + (getpid() % 2048) * 32 + next++ % 32);
}

class SharedMemory {
 public:
  explicit SharedMemory(size_t size = 4096, int mode = 0600, key_t key = IPC_PRIVATE) : id_(shmget(key, size, IPC_CREAT | mode)) {
    EXPECT_GE(id_, 0) << strerror(errno);
  }
  ~SharedMemory() { Remove(); }
  SharedMemory(const SharedMemory&) = delete;
  int get() const { return id_; }
  shmid_ds Stat() const {
    shmid_ds ds{};
    EXPECT_EQ(shmctl(id_, IPC_STAT, &ds), 0) << strerror(errno);
    return ds;
  }
  char* Attach(int flags = 0) const { return static_cast<char*>(shmat(id_, nullptr, flags)); }
  void Remove() {
    if (id_ >= 0) shmctl(id_, IPC_RMID, nullptr);
    id_ = -1;
  }

 private:
  int id_;
};

class Semaphores {
 public:
  explicit Semaphores(int count = 1, int mode = 0600, key_t key = IPC_PRIVATE) : id_(semget(key, count, IPC_CREAT | mode)) {
    EXPECT_GE(id_, 0) << strerror(errno);
  }
  ~Semaphores() { Remove(); }
  Semaphores(const Semaphores&) = delete;
  int get() const { return id_; }
  int Value(int number = 0) const { return semctl(id_, number, GETVAL); }
  void Set(int value, int number = 0) const { EXPECT_EQ(semctl(id_, number, SETVAL, value), 0) << strerror(errno); }
  long Operate(int operation, int flags = 0, int number = 0) const {
    sembuf op{static_cast<unsigned short>(number), static_cast<short>(operation), static_cast<short>(flags)};
    return Call(SYS_semop, id_, &op, 1);
  }
  semid_ds Stat() const {
    semid_ds ds{};
    EXPECT_EQ(semctl(id_, 0, IPC_STAT, &ds), 0) << strerror(errno);
    return ds;
  }
  void Remove() {
    if (id_ >= 0) semctl(id_, 0, IPC_RMID);
    id_ = -1;
  }

 private:
  int id_;
};

class Messages {
 public:
  explicit Messages(int mode = 0600, key_t key = IPC_PRIVATE) : id_(msgget(key, IPC_CREAT | mode)) { EXPECT_GE(id_, 0) << strerror(errno); }
  ~Messages() { Remove(); }
  Messages(const Messages&) = delete;
  int get() const { return id_; }
  long Send(long type, const std::string& text, int flags = IPC_NOWAIT) const {
    Buffer buffer{type, {}};
    memcpy(buffer.text, text.data(), text.size());
    return Call(SYS_msgsnd, id_, &buffer, text.size(), flags);
  }
  // The text, or "error N".
  std::string Receive(long type = 0, int flags = IPC_NOWAIT, size_t room = sizeof(Buffer::text)) {
    Buffer buffer{};
    const long n = Call(SYS_msgrcv, id_, &buffer, room, type, flags);
    if (n < 0) return "error " + std::to_string(-n);
    last_type = buffer.type;
    return std::string(buffer.text, static_cast<size_t>(n));
  }
  msqid_ds Stat() const {
    msqid_ds ds{};
    EXPECT_EQ(msgctl(id_, IPC_STAT, &ds), 0) << strerror(errno);
    return ds;
  }
  void Remove() {
    if (id_ >= 0) msgctl(id_, IPC_RMID, nullptr);
    id_ = -1;
  }
  long last_type = 0;

  struct Buffer {
    long type;
    char text[8192];
  };

 private:
  int id_;
};

}  // namespace tests
