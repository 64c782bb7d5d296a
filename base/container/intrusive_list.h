// IntrusiveList: a doubly linked list whose node is a member of the object. Linking and unlinking allocate nothing, are O(1)
// and need no iterator: wait queues, ready lists, children of a task.
//
//   struct Waiter { ListNode node; };
//   IntrusiveList<Waiter, &Waiter::node> waiters;
//
// Neither the list nor a node locks or owns anything. Destroying a linked node or a list with members is a bug and aborts.
#pragma once

#include <cstddef>
#include <iterator>

#include "base/log/check.h"

namespace ringwall {

class ListNode {
 public:
  ListNode() = default;
  ListNode(const ListNode&) = delete;
  ListNode& operator=(const ListNode&) = delete;
  ~ListNode() { CHECK(next_ == nullptr || owner_ == nullptr); }

  bool linked() const { return next_ != nullptr; }

 private:
  template <typename T, ListNode T::*kMember>
  friend class IntrusiveList;

  ListNode* prev_ = nullptr;
  ListNode* next_ = nullptr;
  void* owner_ = nullptr;  // the object while linked; null in a list's head
};

template <typename T, ListNode T::*kMember>
class IntrusiveList {
 public:
  IntrusiveList() { head_.prev_ = head_.next_ = &head_; }
  IntrusiveList(const IntrusiveList&) = delete;
  IntrusiveList& operator=(const IntrusiveList&) = delete;
  ~IntrusiveList() { CHECK(empty()); }

  bool empty() const { return head_.next_ == &head_; }
  // Null when empty.
  T* front() const { return Owner(head_.next_); }
  T* back() const { return Owner(head_.prev_); }
  // The neighbour of a member; null at the end.
  T* Next(const T& object) const { return Owner((object.*kMember).next_); }
  T* Prev(const T& object) const { return Owner((object.*kMember).prev_); }

  void PushBack(T& object) { Link(object, &head_); }
  void PushFront(T& object) { Link(object, head_.next_); }
  // `object` comes before `position`, which is a member.
  void InsertBefore(T& position, T& object) { Link(object, &(position.*kMember)); }
  T* PopFront() {
    T* first = front();
    if (first != nullptr) Remove(*first);
    return first;
  }
  // Unlinks a member of any list of this type; the object must be linked.
  static void Remove(T& object) {
    ListNode& node = object.*kMember;
    CHECK(node.linked());
    node.prev_->next_ = node.next_;
    node.next_->prev_ = node.prev_;
    node.prev_ = node.next_ = nullptr;
    node.owner_ = nullptr;
  }
  static bool RemoveIfLinked(T& object) {
    if (!(object.*kMember).linked()) return false;
    Remove(object);
    return true;
  }
  static bool IsLinked(const T& object) { return (object.*kMember).linked(); }
  // Moves all members of `other` to the end of this list, in order, in O(1).
  void TakeAll(IntrusiveList& other) {
    if (other.empty() || &other == this) return;
    ListNode* first = other.head_.next_;
    ListNode* last = other.head_.prev_;
    other.head_.prev_ = other.head_.next_ = &other.head_;
    first->prev_ = head_.prev_;
    head_.prev_->next_ = first;
    last->next_ = &head_;
    head_.prev_ = last;
  }

  // Forward iteration. The current member may not be removed inside the loop; use Next() or PopFront() for that.
  class Iterator {
   public:
    using iterator_category = std::forward_iterator_tag;
    using value_type = T;
    using difference_type = std::ptrdiff_t;
    using pointer = T*;
    using reference = T&;
    Iterator() = default;
    explicit Iterator(ListNode* node) : node_(node) {}
    T& operator*() const { return *Owner(node_); }
    T* operator->() const { return Owner(node_); }
    Iterator& operator++() {
      node_ = node_->next_;
      return *this;
    }
    Iterator operator++(int) {
      Iterator old = *this;
      ++*this;
      return old;
    }
    friend bool operator==(Iterator, Iterator) = default;

   private:
    ListNode* node_ = nullptr;
  };
  Iterator begin() const { return Iterator(head_.next_); }
  Iterator end() const { return Iterator(const_cast<ListNode*>(&head_)); }

 private:
  static T* Owner(const ListNode* node) { return node == nullptr ? nullptr : static_cast<T*>(node->owner_); }
  static void Link(T& object, ListNode* before) {
    ListNode& node = object.*kMember;
    CHECK(!node.linked());
    node.owner_ = &object;
    node.prev_ = before->prev_;
    node.next_ = before;
    before->prev_->next_ = &node;
    before->prev_ = &node;
  }

  ListNode head_;
};

}  // namespace ringwall
