// NoPadding: the promise every structure that is copied to a guest makes, so that no stale sentry byte can leak through a hole.
#pragma once

#include <type_traits>

namespace ringwall::abi {

template <typename T>
concept NoPadding =
    std::is_trivially_copyable_v<T> && std::is_standard_layout_v<T> && std::has_unique_object_representations_v<T>;

}  // namespace ringwall::abi
