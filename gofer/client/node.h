// GoferNode: the client's handle of one file that the gofer holds open. The last reference tells the gofer to forget it.
#pragma once

#include "base/ref/ref.h"
#include "gofer/protocol/types.h"

namespace ringwall::gofer {

class GoferClient;

class GoferNode final : public RefCounted {
 public:
  NodeId id() const { return id_; }
  uint32_t type() const { return type_; }  // kType*: a file never changes its type
  bool directory() const { return type_ == kTypeDirectory; }
  GoferClient& client() const { return *client_; }

 private:
  friend class GoferClient;
  template <typename T, typename... Args>
  friend Ref<T> ringwall::MakeRef(Args&&... args);
  GoferNode(Ref<GoferClient> client, NodeId id, uint32_t type);
  // Only queues the id: may run under any lock of a rank below kGoferClient.
  ~GoferNode() override;

  const Ref<GoferClient> client_;
  const NodeId id_;
  const uint32_t type_;
};

}  // namespace ringwall::gofer
