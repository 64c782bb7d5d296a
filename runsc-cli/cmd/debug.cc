// ringwall debug: asks a running sentry about itself.
#include "runsc-cli/cmd/command.h"
#include "runsc-cli/container/control_client.h"
#include "runsc-cli/oci/text.h"

namespace ringwall::cmd {

int Debug(const Context& context) {
  const Invocation& in = context.in();
  if (!in.unimplemented && !in.tasks) {
    return context.Fail(absl::InvalidArgumentError("debug: nothing asked for; give --unimplemented or --tasks"));
  }
  auto handle = context.store().Open(in.id);
  if (!handle.ok()) return context.Fail(handle.status());
  auto client = container::ControlClient::Connect(handle->dir(), in.id);
  if (!client.ok()) return context.Fail(client.status());
  for (const bool tasks : {false, true}) {
    if (tasks ? !in.tasks : !in.unimplemented) continue;
    auto text = tasks ? client->Tasks() : client->Unimplemented();
    if (!text.ok()) return context.Fail(text.status());
    if (!text->empty() && text->back() != '\n') *text += '\n';
    Print(*text);
  }
  return 0;
}

}  // namespace ringwall::cmd
