// How plain structs become bytes and back. A message lists its fields once (RINGWALL_WIRE_FIELDS) and both directions follow
// from that list. Decoding never trusts: every length is checked before use, every enum and flag mask against its range,
// every struct against its own Valid(), and left-over bytes are an error.
#pragma once

#include <concepts>
#include <cstdint>
#include <cstring>
#include <memory>
#include <string_view>
#include <tuple>
#include <type_traits>

#include "absl/container/inlined_vector.h"
#include "gofer/protocol/limits.h"

// Inside a struct: the fields that travel, in order.
#define RINGWALL_WIRE_FIELDS(...)                 \
  auto Fields() { return std::tie(__VA_ARGS__); } \
  auto Fields() const { return std::tie(__VA_ARGS__); }

namespace ringwall::gofer {

// Up to kMax bytes. After decoding, `data` points into the message: copy what must outlive it.
template <size_t kMax>
struct Bytes {
  std::string_view data;
};

// Up to kMax elements.
template <typename T, size_t kMax, size_t kInline = 8>
struct List {
  absl::InlinedVector<T, kInline> items;
};

// A set of bits of an enum that has `constexpr uint32_t AllBits(E)` beside it.
template <typename E>
struct Mask {
  uint32_t bits = 0;
  constexpr Mask() = default;
  constexpr Mask(E e) : bits(static_cast<uint32_t>(e)) {}  // NOLINT(google-explicit-constructor)
  constexpr bool Has(E e) const { return (bits & static_cast<uint32_t>(e)) != 0; }
  constexpr Mask operator|(Mask o) const {
    Mask m;
    m.bits = bits | o.bits;
    return m;
  }
};

// Bytes that grow at the end; the first kInline need no allocation.
template <size_t kInline>
class ByteBuffer {
 public:
  ByteBuffer() {}  // NOLINT: the bytes are written before they are read
  ByteBuffer(const ByteBuffer&) = delete;
  ByteBuffer& operator=(const ByteBuffer&) = delete;
  size_t size() const { return size_; }
  char* data() { return heap_ != nullptr ? heap_.get() : inline_; }
  const char* data() const { return heap_ != nullptr ? heap_.get() : inline_; }
  void Append(const void* from, size_t n) {
    if (n == 0) return;
    if (n > capacity_ - size_) Grow(n);
    memcpy(data() + size_, from, n);
    size_ += n;
  }
  void Truncate(size_t size) {
    if (size < size_) size_ = size;
  }

 private:
  void Grow(size_t more) {
    size_t capacity = capacity_ * 2;
    while (capacity - size_ < more) capacity *= 2;
    std::unique_ptr<char[]> bigger(new char[capacity]);
    memcpy(bigger.get(), data(), size_);
    heap_ = std::move(bigger);
    capacity_ = capacity;
  }
  std::unique_ptr<char[]> heap_;
  size_t size_ = 0;
  size_t capacity_ = kInline;
  char inline_[kInline];
};

// Grows a message; refuses (and remembers) to grow over kMaxMessage.
class Writer {
 public:
  void Raw(const void* data, size_t size) {
    if (size > kMaxMessage - buffer_.size()) {
      ok_ = false;
      return;
    }
    buffer_.Append(data, size);
  }
  // Overwrites bytes that are already there (the header, once the length is known).
  void Patch(size_t at, const void* data, size_t size) {
    if (at <= buffer_.size() && size <= buffer_.size() - at) memcpy(buffer_.data() + at, data, size);
  }
  // Drops everything after the first `size` bytes.
  void Truncate(size_t size) {
    buffer_.Truncate(size);
    ok_ = true;
  }
  void Fail() { ok_ = false; }
  bool ok() const { return ok_; }
  size_t size() const { return buffer_.size(); }
  const char* data() const { return buffer_.data(); }

 private:
  ByteBuffer<512> buffer_;
  bool ok_ = true;
};

// Walks over received bytes; the first error sticks.
class Reader {
 public:
  explicit Reader(std::string_view bytes) : rest_(bytes) {}
  bool Raw(void* out, size_t size) {
    if (size > rest_.size()) return false;
    memcpy(out, rest_.data(), size);
    rest_.remove_prefix(size);
    return true;
  }
  bool View(std::string_view* out, size_t size) {
    if (size > rest_.size()) return false;
    *out = rest_.substr(0, size);
    rest_.remove_prefix(size);
    return true;
  }
  bool AtEnd() const { return rest_.empty(); }

 private:
  std::string_view rest_;
};

template <typename T>
concept WireStruct = requires(T& t) {
  t.Fields();
};
template <typename T>
concept WireInteger = std::is_integral_v<T> && !std::is_same_v<T, bool>;

template <WireInteger T>
void Put(Writer& w, const T& v) {
  w.Raw(&v, sizeof v);
}
template <WireInteger T>
bool Get(Reader& r, T& v) {
  return r.Raw(&v, sizeof v);
}

inline void PutBool(Writer& w, bool v) { Put(w, static_cast<uint8_t>(v)); }
template <std::same_as<bool> T>
void Put(Writer& w, const T& v) {
  PutBool(w, v);
}
template <std::same_as<bool> T>
bool Get(Reader& r, T& v) {
  uint8_t byte = 0;
  if (!Get(r, byte) || byte > 1) return false;
  v = byte == 1;
  return true;
}

// Enums need `constexpr bool IsKnown(E)` beside them.
template <typename E>
requires std::is_enum_v<E>
void Put(Writer& w, const E& v) { Put(w, static_cast<std::underlying_type_t<E>>(v)); }
template <typename E>
requires std::is_enum_v<E>
bool Get(Reader& r, E& v) {
  std::underlying_type_t<E> raw{};
  if (!Get(r, raw)) return false;
  v = static_cast<E>(raw);
  return IsKnown(v);
}

template <typename E>
void Put(Writer& w, const Mask<E>& m) {
  Put(w, m.bits);
}
template <typename E>
bool Get(Reader& r, Mask<E>& m) {
  return Get(r, m.bits) && (m.bits & ~AllBits(E{})) == 0;
}

template <size_t kMax>
void Put(Writer& w, const Bytes<kMax>& b) {
  if (b.data.size() > kMax) {
    w.Fail();
    return;
  }
  Put(w, static_cast<uint32_t>(b.data.size()));
  w.Raw(b.data.data(), b.data.size());
}
template <size_t kMax>
bool Get(Reader& r, Bytes<kMax>& b) {
  uint32_t size = 0;
  return Get(r, size) && size <= kMax && r.View(&b.data, size);
}

template <WireStruct T>
void Put(Writer& w, const T& v);
template <WireStruct T>
bool Get(Reader& r, T& v);

template <typename T, size_t kMax, size_t kInline>
void Put(Writer& w, const List<T, kMax, kInline>& list) {
  if (list.items.size() > kMax) {
    w.Fail();
    return;
  }
  Put(w, static_cast<uint32_t>(list.items.size()));
  for (const T& item : list.items) Put(w, item);
}
template <typename T, size_t kMax, size_t kInline>
bool Get(Reader& r, List<T, kMax, kInline>& list) {
  uint32_t count = 0;
  if (!Get(r, count) || count > kMax) return false;
  list.items.clear();
  // No reserve: a lying count runs out of bytes before it costs memory.
  for (uint32_t i = 0; i < count; i++) {
    T item{};
    if (!Get(r, item)) return false;
    list.items.push_back(std::move(item));
  }
  return true;
}

template <WireStruct T>
void Put(Writer& w, const T& v) {
  std::apply([&w](const auto&... field) { (Put(w, field), ...); }, v.Fields());
}
template <WireStruct T>
bool Get(Reader& r, T& v) {
  if (!std::apply([&r](auto&... field) { return (Get(r, field) && ...); }, v.Fields())) return false;
  if constexpr (requires { v.Valid(); }) {
    return v.Valid();
  } else {
    return true;
  }
}

// The whole of `bytes` as one T.
template <WireStruct T>
bool Decode(std::string_view bytes, T& out) {
  Reader r(bytes);
  return Get(r, out) && r.AtEnd();
}

}  // namespace ringwall::gofer
