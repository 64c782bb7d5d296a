// Intrusive reference counting for shared kernel objects: Ref<T> (never null), RefPtr<T> (maybe null), WeakPtr<T>.
// Never drop a last reference under a lock: the destructor may take locks of its own. Move it out first.
#pragma once

#include <atomic>
#include <cstddef>
#include <cstdint>
#include <memory>
#include <type_traits>
#include <utility>

namespace ringwall {

// Base of every shared object. The destructor is virtual; objects are made with MakeRef only.
class RefCounted {
 public:
  RefCounted(const RefCounted&) = delete;
  RefCounted& operator=(const RefCounted&) = delete;

  void AddRef() const { refs_.fetch_add(1, std::memory_order_relaxed); }
  void Release() const {
    if (refs_.fetch_sub(1, std::memory_order_acq_rel) == 1) OnLastRef();
  }
  // Takes a reference unless the object is already dying.
  bool TryAddRef() const {
    int64_t n = refs_.load(std::memory_order_relaxed);
    while (n > 0) {
      if (refs_.compare_exchange_weak(n, n + 1, std::memory_order_acq_rel)) return true;
    }
    return false;
  }
  // How many references there are right now; others may come and go meanwhile. For "does anybody else use this?".
  int64_t ref_count() const { return refs_.load(std::memory_order_acquire); }

 protected:
  RefCounted() = default;
  virtual ~RefCounted() = default;
  // Called once when the last reference goes; the default deletes.
  virtual void OnLastRef() const { delete this; }

 private:
  mutable std::atomic<int64_t> refs_{1};
};

template <typename T>
class RefPtr;

template <typename T>
class Ref {
 public:
  // Adopts the reference that `new` made; use MakeRef.
  struct AdoptTag {};
  Ref(T* adopted, AdoptTag) : ptr_(adopted) {}
  // Shares an object that somebody else keeps alive for the call.
  explicit Ref(T& shared) : ptr_(&shared) { ptr_->AddRef(); }
  Ref(const Ref& o) : ptr_(o.ptr_) { ptr_->AddRef(); }
  Ref(Ref&& o) noexcept : ptr_(std::exchange(o.ptr_, nullptr)) {}
  template <typename U>
  requires std::is_convertible_v<U*, T*> Ref(const Ref<U>& o) : ptr_(o.get()) { ptr_->AddRef(); }  // NOLINT(google-explicit-constructor)
  template <typename U>
  requires std::is_convertible_v<U*, T*> Ref(Ref<U>&& o)
  noexcept : ptr_(o.Leak()) {}  // NOLINT(google-explicit-constructor)
  Ref& operator=(Ref o) noexcept {
    std::swap(ptr_, o.ptr_);
    return *this;
  }
  ~Ref() {
    if (ptr_ != nullptr) ptr_->Release();
  }
  T* get() const { return ptr_; }
  T& operator*() const { return *ptr_; }
  T* operator->() const { return ptr_; }
  operator T&() const { return *ptr_; }  // NOLINT(google-explicit-constructor)
  // Gives up ownership; the moved-from Ref may only be destroyed or assigned.
  T* Leak() { return std::exchange(ptr_, nullptr); }

 private:
  T* ptr_;
};

template <typename T>
class RefPtr {
 public:
  RefPtr() = default;
  RefPtr(std::nullptr_t) {}  // NOLINT(google-explicit-constructor)
  RefPtr(const RefPtr& o) : ptr_(o.ptr_) {
    if (ptr_ != nullptr) ptr_->AddRef();
  }
  RefPtr(RefPtr&& o) noexcept : ptr_(std::exchange(o.ptr_, nullptr)) {}
  template <typename U>
  requires std::is_convertible_v<U*, T*> RefPtr(const RefPtr<U>& o) : ptr_(o.get()) {  // NOLINT(google-explicit-constructor)
    if (ptr_ != nullptr) ptr_->AddRef();
  }
  template <typename U>
  requires std::is_convertible_v<U*, T*> RefPtr(Ref<U> o)
  noexcept : ptr_(o.Leak()) {}  // NOLINT(google-explicit-constructor)
  // Shares *p, or is null.
  static RefPtr Share(T* p) {
    if (p != nullptr) p->AddRef();
    return RefPtr(p, AdoptTag{});
  }
  RefPtr& operator=(RefPtr o) noexcept {
    std::swap(ptr_, o.ptr_);
    return *this;
  }
  ~RefPtr() {
    if (ptr_ != nullptr) ptr_->Release();
  }
  explicit operator bool() const { return ptr_ != nullptr; }
  T* get() const { return ptr_; }
  T& operator*() const { return *ptr_; }
  T* operator->() const { return ptr_; }
  void reset() { *this = RefPtr(); }
  // Only when not null.
  Ref<T> ToRef() const& { return Ref<T>(*ptr_); }
  Ref<T> ToRef() && { return Ref<T>(std::exchange(ptr_, nullptr), typename Ref<T>::AdoptTag{}); }

 private:
  struct AdoptTag {};
  RefPtr(T* adopted, AdoptTag) : ptr_(adopted) {}
  T* ptr_ = nullptr;
};

template <typename T, typename U>
bool operator==(const Ref<T>& a, const Ref<U>& b) {
  return a.get() == b.get();
}
template <typename T, typename U>
bool operator==(const RefPtr<T>& a, const RefPtr<U>& b) {
  return a.get() == b.get();
}
template <typename T>
bool operator==(const RefPtr<T>& a, std::nullptr_t) {
  return a.get() == nullptr;
}

template <typename T, typename... Args>
Ref<T> MakeRef(Args&&... args) {
  return Ref<T>(new T(std::forward<Args>(args)...), typename Ref<T>::AdoptTag{});
}

}  // namespace ringwall
