// Flags<E>: the flag word of a system call, typed by an enum of single bits. Bits that E does not name are kept, so that
// a handler can refuse them.
#pragma once

#include <type_traits>

#include "base/error/result.h"

namespace ringwall {

template <typename E>
class Flags {
  static_assert(std::is_enum_v<E>);

 public:
  using Enum = E;
  using Bits = std::make_unsigned_t<std::underlying_type_t<E>>;

  constexpr Flags() = default;
  constexpr Flags(E flag) : bits_(static_cast<Bits>(flag)) {}  // NOLINT(google-explicit-constructor)
  template <typename... More>
  requires(sizeof...(More) > 0 && (std::is_same_v<More, E> && ...)) constexpr Flags(E first, More... more)
      : bits_(static_cast<Bits>((static_cast<Bits>(first) | ... | static_cast<Bits>(more)))) {}
  static constexpr Flags FromRaw(Bits bits) {
    Flags f;
    f.bits_ = bits;
    return f;
  }

  constexpr Bits raw() const { return bits_; }
  constexpr bool empty() const { return bits_ == 0; }
  // All bits of `flag` are set.
  constexpr bool Has(E flag) const { return (bits_ & static_cast<Bits>(flag)) == static_cast<Bits>(flag); }
  constexpr bool HasAny(Flags other) const { return (bits_ & other.bits_) != 0; }
  constexpr Flags With(Flags other) const { return FromRaw(bits_ | other.bits_); }
  constexpr Flags Without(Flags other) const { return FromRaw(bits_ & static_cast<Bits>(~other.bits_)); }
  constexpr Flags Mask(Flags other) const { return FromRaw(bits_ & other.bits_); }

  // These flags, or EINVAL when a bit outside `known` is set: most calls refuse flags that they do not know.
  template <typename... Known>
  Result<Flags> Only(Known... known) const {
    const Bits allowed = static_cast<Bits>((Bits{0} | ... | static_cast<Bits>(Flags(known).raw())));
    if ((bits_ & static_cast<Bits>(~allowed)) != 0) return Errno::kEINVAL;
    return *this;
  }

  friend constexpr bool operator==(Flags, Flags) = default;
  friend constexpr Flags operator|(Flags a, Flags b) { return a.With(b); }

 private:
  Bits bits_ = 0;
};

}  // namespace ringwall
