// The server's nodes: O_PATH descriptors under ids that are never reused.
#pragma once

#include <cstdint>
#include <vector>

#include "base/error/result.h"
#include "base/fd/unique_fd.h"
#include "gofer/protocol/types.h"

namespace ringwall::gofer {

class NodeTable {
 public:
  struct Node {
    int fd = -1;  // O_PATH, owned by the table
    uint32_t generation = 0;
    uint16_t mount = 0;
    uint16_t type = 0;       // S_IFMT bits; a file never changes its type
    uint32_t next_free = 0;  // 1 + slot, while free
    bool directory() const { return type == kTypeDirectory; }
  };

  explicit NodeTable(uint32_t max_nodes) : max_nodes_(max_nodes) {}
  NodeTable(const NodeTable&) = delete;
  NodeTable& operator=(const NodeTable&) = delete;
  ~NodeTable();

  bool full() const { return count_ >= max_nodes_; }
  uint32_t count() const { return count_; }
  uint32_t max_nodes() const { return max_nodes_; }
  // ENFILE when full.
  Result<NodeId> Add(UniqueFd path_fd, uint32_t mount, uint32_t type);
  // EBADF for an id that was never given out or is forgotten. Valid until the next Add.
  Result<Node> Find(NodeId id) const;
  // False for an unknown id.
  bool Forget(NodeId id);

 private:
  const uint32_t max_nodes_;
  uint32_t count_ = 0;
  uint32_t first_free_ = 0;  // 1 + slot
  std::vector<Node> slots_;
};

}  // namespace ringwall::gofer
