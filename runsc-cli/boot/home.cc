// The file is the image's: read to a bound, parsed without trust.
#include "runsc-cli/boot/home.h"

#include <array>
#include <charconv>
#include <string_view>

#include "abi/fcntl.h"
#include "abi/stat.h"
#include "sentry/mm/io_buffer.h"
#include "sentry/vfs/mount.h"
#include "sentry/vfs/operations.h"

namespace ringwall::boot {
namespace {

constexpr size_t kMaxPasswdBytes = 1 << 20;

std::string ReadPasswd(Context& ctx, const kernel::Kernel& kernel) {
  const Ref<vfs::MountNamespace> ns = kernel.mounts();
  const Ref<vfs::Mount> mount = ns->root();
  const vfs::Path root{RefPtr<vfs::Mount>(mount), RefPtr<vfs::Dentry>(mount->root())};
  // Not blocking: an image may have put a FIFO there.
  const auto file = vfs::Open(ctx, {ns, root, root}, "/etc/passwd", {.flags = abi::kO_RDONLY | abi::kO_NONBLOCK}, 0);
  if (!file.ok()) return "";
  const auto attributes = (*file)->GetAttributes(ctx);
  if (!attributes.ok() || (attributes->mode & abi::kS_IFMT) != abi::kS_IFREG) return "";
  std::string text(kMaxPasswdBytes, '\0');
  size_t used = 0;
  while (used < text.size()) {
    mm::KernelSink sink(absl::MakeSpan(reinterpret_cast<std::byte*>(text.data()) + used, text.size() - used));
    const auto got = (*file)->PRead(ctx, sink, used);
    if (!got.ok() || *got == 0) break;
    used += *got;
  }
  text.resize(used);
  return text;
}

std::string_view TakeUntil(std::string_view& rest, char separator) {
  const size_t at = rest.find(separator);
  const std::string_view head = rest.substr(0, at);
  rest.remove_prefix(at == std::string_view::npos ? rest.size() : at + 1);
  return head;
}

}  // namespace

std::string HomeOf(Context& ctx, const kernel::Kernel& kernel, uint32_t uid) {
  const std::string text = ReadPasswd(ctx, kernel);
  std::string_view rest = text;
  while (!rest.empty()) {
    const std::string_view line = TakeUntil(rest, '\n');
    std::string_view tail = line;
    std::array<std::string_view, 7> fields;  // name:password:uid:gid:comment:home:shell
    for (std::string_view& field : fields) field = TakeUntil(tail, ':');
    uint32_t number = 0;
    const auto [end, error] = std::from_chars(fields[2].data(), fields[2].data() + fields[2].size(), number);
    if (error != std::errc() || end != fields[2].data() + fields[2].size() || number != uid) continue;
    if (fields[5].starts_with('/') && fields[5].find('\0') == std::string_view::npos) return std::string(fields[5]);
    break;
  }
  return "/";
}

}  // namespace ringwall::boot
