// JSON text to a document, with errors for people.
#include "runsc-cli/oci/reader.h"

#include <algorithm>

namespace ringwall::oci {
namespace {

// Finds where the parser stops. Nothing is built; nesting costs one bit a level.
struct Locator final : nlohmann::json_sax<Json> {
  bool null() override { return true; }
  bool boolean(bool) override { return true; }
  bool number_integer(number_integer_t) override { return true; }
  bool number_unsigned(number_unsigned_t) override { return true; }
  bool number_float(number_float_t, const string_t&) override { return true; }
  bool string(string_t&) override { return true; }
  bool binary(binary_t&) override { return true; }
  bool start_object(size_t) override { return Deeper(); }
  bool key(string_t&) override { return true; }
  bool end_object() override { return --depth, true; }
  bool start_array(size_t) override { return Deeper(); }
  bool end_array() override { return --depth, true; }
  bool parse_error(size_t at, const std::string& token, const nlohmann::detail::exception&) override {
    position = at;
    last_token = token;
    return false;
  }
  bool Deeper() {
    too_deep = ++depth > 64;
    return !too_deep;
  }

  int depth = 0;
  bool too_deep = false;
  size_t position = 0;
  std::string last_token;
};

std::string Printable(std::string_view token) {
  std::string out;
  for (const char c : token.substr(0, 24)) out += c >= 0x20 && c < 0x7f ? c : '?';
  return out;
}

}  // namespace

const char* KindName(const Json& value) {
  switch (value.type()) {
    case Json::value_t::null: return "null";
    case Json::value_t::boolean: return "a boolean";
    case Json::value_t::number_integer:
    case Json::value_t::number_unsigned: return "a number";
    case Json::value_t::number_float: return "a fraction";
    case Json::value_t::string: return "a string";
    case Json::value_t::array: return "an array";
    case Json::value_t::object: return "an object";
    default: return "something else";
  }
}

bool ParseDocument(std::string_view text, ReadErrors& errors, Json* out) {
  Locator locator;
  if (!Json::sax_parse(text.begin(), text.end(), &locator)) {
    if (locator.too_deep) {
      errors.Fail("", "nested deeper than 64 levels; a bundle needs fewer than 10");
      return false;
    }
    const size_t position = std::min(locator.position, text.size());
    const std::string_view before = text.substr(0, position == 0 ? 0 : position - 1);
    const size_t line = 1 + static_cast<size_t>(std::count(before.begin(), before.end(), '\n'));
    const size_t newline = before.rfind('\n');
    const size_t column = before.size() - (newline == std::string_view::npos ? 0 : newline + 1) + 1;
    if (position >= text.size() && locator.last_token.empty()) {
      errors.Fail("", text.empty() ? "empty file; wanted a JSON object" : Cat("not JSON: the text ends too early, at line ", line));
    } else {
      errors.Fail(
          "", Cat("not JSON: line ", line, ", column ", column, ": unexpected text at the end of '", Printable(locator.last_token), "'"));
    }
    return false;
  }
  *out = Json::parse(text.begin(), text.end(), nullptr, /*allow_exceptions=*/false);
  if (out->is_discarded() || !out->is_object()) {
    errors.Fail("", Cat("found ", KindName(*out), ", wanted an object"));
    return false;
  }
  return true;
}

}  // namespace ringwall::oci
