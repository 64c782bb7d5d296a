// Node ids: slot in the low half, generation in the high half.
#include "gofer/server/node_table.h"

#include <unistd.h>

namespace ringwall::gofer {

NodeTable::~NodeTable() {
  for (const Node& node : slots_) {
    if (node.fd >= 0) close(node.fd);
  }
}

Result<NodeId> NodeTable::Add(UniqueFd path_fd, uint32_t mount, uint32_t type) {
  if (full()) return Errno::kENFILE;
  uint32_t slot;
  if (first_free_ != 0) {
    slot = first_free_ - 1;
    first_free_ = slots_[slot].next_free;
  } else {
    slot = static_cast<uint32_t>(slots_.size());
    slots_.emplace_back();
  }
  Node& node = slots_[slot];
  node.fd = path_fd.release();
  node.generation++;
  node.mount = static_cast<uint16_t>(mount);
  node.type = static_cast<uint16_t>(type);
  node.next_free = 0;
  count_++;
  return NodeId{(uint64_t{node.generation} << 32) | slot};
}

Result<NodeTable::Node> NodeTable::Find(NodeId id) const {
  const uint64_t slot = id.value & 0xffffffff;
  if (slot >= slots_.size()) return Errno::kEBADF;
  const Node& node = slots_[slot];
  if (node.fd < 0 || node.generation != id.value >> 32) return Errno::kEBADF;
  return node;
}

bool NodeTable::Forget(NodeId id) {
  if (!Find(id).ok()) return false;
  const uint32_t slot = static_cast<uint32_t>(id.value);
  Node& node = slots_[slot];
  close(node.fd);
  node.fd = -1;
  count_--;
  // A slot whose generations are used up is retired rather than handed out under an old id.
  if (node.generation != UINT32_MAX) {
    node.next_free = first_free_;
    first_free_ = slot + 1;
  }
  return true;
}

}  // namespace ringwall::gofer
