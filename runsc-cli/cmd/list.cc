// ringwall list: a table, JSON, or ids.
#include <algorithm>
#include <vector>

#include "runsc-cli/cmd/lifecycle.h"
#include "runsc-cli/oci/json.h"
#include "runsc-cli/oci/text.h"

namespace ringwall::cmd {

int List(const Context& context) {
  const Invocation& in = context.in();
  std::vector<oci::StateDocument> states;
  for (const std::string& id : context.store().List()) {
    auto handle = context.store().Open(id);
    if (!handle.ok()) continue;  // deleted meanwhile
    auto record = handle->Load();
    if (!record.ok()) {
      (void)context.Fail(record.status());
      continue;
    }
    if (container::IsAbandoned(*record)) {
      (void)Destroy(*handle, *record);
      continue;
    }
    states.push_back(container::DocumentOf(*record));
  }
  std::string text;
  if (in.quiet) {
    for (const oci::StateDocument& state : states) text += state.id + "\n";
  } else if (in.format == "json") {
    text = oci::FormatStateList(states);
  } else {
    std::vector<std::vector<std::string>> rows = {{"ID", "PID", "STATUS", "BUNDLE", "CREATED", "OWNER"}};
    for (const oci::StateDocument& s : states) rows.push_back({s.id, std::to_string(s.pid), s.status, s.bundle, s.created, s.owner});
    std::vector<size_t> widths(rows[0].size(), 0);
    for (const auto& row : rows) {
      for (size_t i = 0; i < row.size(); ++i) widths[i] = std::max(widths[i], row[i].size());
    }
    for (const auto& row : rows) {
      for (size_t i = 0; i < row.size(); ++i) {
        text += row[i];
        text += i + 1 == row.size() ? std::string("\n") : std::string(widths[i] + 2 - row[i].size(), ' ');
      }
    }
  }
  Print(text);
  return 0;
}

}  // namespace ringwall::cmd
