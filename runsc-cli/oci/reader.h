// Typed, path-aware reading of a JSON document without exceptions: the first problem becomes one sentence.
// Included by .cc files only (it brings the JSON library along).
#pragma once

#include <cstdint>
#include <limits>
#include <map>
#include <nlohmann/json.hpp>
#include <string>
#include <string_view>
#include <vector>

#include "absl/status/status.h"
#include "runsc-cli/oci/text.h"

namespace ringwall::oci {

using Json = nlohmann::json;

// Collects the first error of a whole parse; later reads become no-ops that leave their defaults.
class ReadErrors {
 public:
  explicit ReadErrors(std::string_view document) : document_(document) {}
  void Fail(std::string_view path, std::string_view what) {
    if (status_.ok()) status_ = absl::InvalidArgumentError(OneLine(Cat(document_, ": ", path, path.empty() ? "" : ": ", what)));
  }
  bool ok() const { return status_.ok(); }
  const absl::Status& status() const { return status_; }

 private:
  std::string document_;
  absl::Status status_;
};

const char* KindName(const Json& value);  // "a number", "null"

// One value and where it is. A reader of an absent value reads nothing.
class Reader {
 public:
  Reader(const Json* value, std::string path, ReadErrors& errors) : value_(value), path_(std::move(path)), errors_(errors) {}

  bool present() const { return value_ != nullptr && !value_->is_null() && errors_.ok(); }
  const std::string& path() const { return path_; }
  void Fail(std::string_view what) const { errors_.Fail(path_, what); }

  Reader Field(const char* key) const {
    std::string path = path_.empty() ? std::string(key) : Cat(path_, ".", key);
    if (!WantKind(Json::value_t::object, "an object")) return Reader(nullptr, std::move(path), errors_);
    const auto found = value_->find(key);
    return Reader(found == value_->end() ? nullptr : &*found, std::move(path), errors_);
  }
  // Calls `each(Reader)` for the elements of an array.
  template <typename Each>
  void Elements(Each each) const {
    if (!WantKind(Json::value_t::array, "an array")) return;
    size_t index = 0;
    for (const Json& element : *value_) {
      each(Reader(&element, Cat(path_, "[", index++, "]"), errors_));
      if (!errors_.ok()) return;
    }
  }
  void Require() const {
    if (errors_.ok() && (value_ == nullptr || value_->is_null())) Fail("missing; this field is required");
  }
  void RequireObject() const {
    Require();
    WantKind(Json::value_t::object, "an object");
  }
  void Read(std::string* out) const {
    if (!WantKind(Json::value_t::string, "a string")) return;
    const auto& text = *value_->get_ptr<const std::string*>();
    if (text.find('\0') != std::string::npos) return Fail("a string with a NUL character; Linux ends strings there");
    *out = text;
  }
  void Read(bool* out) const {
    if (WantKind(Json::value_t::boolean, "true or false")) *out = *value_->get_ptr<const bool*>();
  }
  template <typename Int>
  requires(std::is_integral_v<Int> && !std::is_same_v<Int, bool>) void Read(Int* out) const {
    if (!present()) return;
    if (value_->is_number_unsigned()) {
      const uint64_t number = *value_->get_ptr<const uint64_t*>();
      if (number > static_cast<uint64_t>(std::numeric_limits<Int>::max())) return FailRange<Int>();
      *out = static_cast<Int>(number);
    } else if (value_->is_number_integer()) {
      const int64_t number = *value_->get_ptr<const int64_t*>();
      if (std::is_unsigned_v<Int> || number < static_cast<int64_t>(std::numeric_limits<Int>::min())) return FailRange<Int>();
      *out = static_cast<Int>(number);
    } else {
      Fail(Cat("found ", KindName(*value_), ", wanted a whole number"));
    }
  }
  template <typename T>
  void Read(std::optional<T>* out) const {
    if (!present()) return;
    T value{};
    Read(&value);
    if (errors_.ok()) *out = std::move(value);
  }
  void Read(std::vector<std::string>* out) const {
    Elements([out](const Reader& element) {
      element.Require();
      std::string text;
      element.Read(&text);
      out->push_back(std::move(text));
    });
  }
  void Read(std::map<std::string, std::string>* out) const {
    if (!WantKind(Json::value_t::object, "an object")) return;
    for (auto it = value_->begin(); it != value_->end(); ++it) {
      std::string text;
      Reader(&it.value(), Cat(path_, "[\"", it.key(), "\"]"), errors_).Read(&text);
      (*out)[it.key()] = std::move(text);
    }
  }

 private:
  bool WantKind(Json::value_t kind, std::string_view wanted) const {
    if (!present()) return false;
    if (value_->type() == kind) return true;
    Fail(Cat("found ", KindName(*value_), ", wanted ", wanted));
    return false;
  }
  template <typename Int>
  void FailRange() const {
    Fail(Cat("number out of range; wanted ", +std::numeric_limits<Int>::min(), " to ", +std::numeric_limits<Int>::max()));
  }

  const Json* value_;
  std::string path_;
  ReadErrors& errors_;
};

// Parses a document; the error names line and column and what the parser met.
bool ParseDocument(std::string_view text, ReadErrors& errors, Json* out);

}  // namespace ringwall::oci
