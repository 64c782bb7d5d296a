// ringwall state: the OCI state document.
#include "runsc-cli/cmd/command.h"
#include "runsc-cli/oci/json.h"

namespace ringwall::cmd {

int State(const Context& context) {
  auto handle = context.store().Open(context.in().id);
  if (!handle.ok()) return context.Fail(handle.status());
  auto record = handle->Load();
  if (!record.ok()) return context.Fail(record.status());
  Print(oci::FormatState(container::DocumentOf(*record)));
  return 0;
}

}  // namespace ringwall::cmd
