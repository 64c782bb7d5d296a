// Look: several names of a directory at once, with listings and contents of what is small.
#include <dirent.h>
#include <fcntl.h>
#include <sys/syscall.h>
#include <unistd.h>

#include <vector>

#include "gofer/server/service.h"
#include "host/calls/socket_fds.h"

namespace ringwall::gofer {

namespace {

// Another result is begun only below this; the biggest one (a listing: 25 bytes here for 24 of the host's) still fits behind.
constexpr size_t kEnough = 48 << 10;
constexpr size_t kResultBytes = 192;  // of a result without its name, entries, contents and target
constexpr size_t kEntryBytes = 24;    // of an entry without its name
static_assert(kEnough + kResultBytes + kMaxName + kMaxLookListing / 24 * 25 + kMaxLinkTarget + sizeof(MessageHeader) < kMaxMessage);
static_assert(kEnough + kMaxLookListing + sizeof(dirent64) < kMaxMessage);
static_assert(kEnough + kMaxLookContents + 1 < kMaxMessage);
static_assert(kMaxLookFiles <= host::kMaxMessageFds);

}  // namespace

bool Service::ListWhole(int fd, Looking& looking, LookResult& result) {
  char* const at = scratch_.get() + looking.scratch;
  const long n = syscall(SYS_getdents64, fd, at, kMaxLookListing);
  if (n < 0) return false;
  // Whether that was all: as the listing is small, there is room for one more entry.
  if (n > 0 && syscall(SYS_getdents64, fd, at + n, kMaxMessage - looking.scratch - static_cast<size_t>(n)) != 0) return false;
  size_t bytes = 0;
  for (long offset = 0; offset < n;) {
    const auto* entry = reinterpret_cast<const dirent64*>(at + offset);
    offset += entry->d_reclen;
    DirectoryEntry out;
    out.name.text.data = entry->d_name;
    if (!out.Valid()) continue;
    out.ino = entry->d_ino;
    out.next = static_cast<uint64_t>(entry->d_off);
    out.type = EntryTypeOfHost(entry->d_type);
    bytes += kEntryBytes + out.name.view().size();
    result.entries.items.push_back(out);
  }
  looking.scratch += static_cast<size_t>(n);
  looking.bytes += bytes;
  result.listed = true;
  return true;
}

void Service::ReadWhole(int fd, uint64_t size, Looking& looking, LookResult& result) {
  if (size > kMaxLookContents) return;
  const auto opened = OpenRegular(fd, OpenFlag::kRead, 0);
  if (!opened.ok()) return;
  char* const at = scratch_.get() + looking.scratch;
  // One byte more than there should be: a file that grows meanwhile, or whose size says nothing, is not taken for whole.
  const ssize_t n = pread(opened->get(), at, size + 1, 0);
  if (n < 0 || static_cast<uint64_t>(n) != size) return;
  result.contents.data = std::string_view(at, size);
  result.has_contents = true;
  looking.scratch += size;
  looking.bytes += size;
}

void Service::LookAt(const Node& directory, uint32_t parent, const Name& name, bool list, Looking& looking) {
  LookResult result;
  result.parent = parent;
  result.name = name;
  looking.bytes += kResultBytes + name.view().size();
  const auto resolve = [&]() -> Result<void> {
    if (nodes_.full()) return Errno::kENFILE;
    const ComponentString text(name.view());
    const bool cross = options_.mounts[directory.mount].cross_mounts;
    Result<UniqueFd> fd = Errno::kENOTDIR;
    // A node that can be read serves as well as an O_PATH one, and needs no reopening to be listed.
    if (list && looking.flags.Has(LookFlag::kList)) fd = OpenChildDirectory(directory.fd, text.c_str(), cross);
    const bool listable = fd.ok();
    if (!fd.ok()) fd = OpenChild(directory.fd, text.c_str(), cross);
    if (!fd.ok()) return fd.error();
    const int raw = fd->get();
    const NodeReply node = TRY(AddNode(std::move(fd).value(), directory.mount));
    result.node.items.push_back(node);
    const Attributes& attributes = node.attributes;
    if (listable) {
      ListWhole(raw, looking, result);
    } else if (attributes.type() == kTypeRegular) {
      if (looking.flags.Has(LookFlag::kContents)) ReadWhole(raw, attributes.size, looking, result);
      if (looking.flags.Has(LookFlag::kOpen) && !result.has_contents) {
        if (auto opened = OpenRegular(raw, OpenFlag::kRead, 0); opened.ok()) {
          donated_list_.push_back(std::move(opened).value());
          result.opened = true;
        }
      }
    } else if (attributes.type() == kTypeSymlink && looking.flags.Has(LookFlag::kReadLink)) {
      char* const at = scratch_.get() + looking.scratch;
      const ssize_t n = readlinkat(raw, "", at, kMaxLinkTarget + 1);
      if (n > 0 && static_cast<size_t>(n) <= kMaxLinkTarget) {
        result.target.data = std::string_view(at, static_cast<size_t>(n));
        looking.scratch += static_cast<size_t>(n);
        looking.bytes += static_cast<size_t>(n);
      }
    }
    return {};
  };
  if (auto done = resolve(); !done.ok()) result.error = static_cast<int32_t>(done.error());
  looking.reply.results.items.push_back(std::move(result));
}

bool Service::HasRoom(const Looking& looking) const {
  return looking.reply.results.items.size() < kMaxLookResults && looking.bytes < kEnough && looking.scratch < kEnough &&
         donated_list_.size() < kMaxLookFiles && !nodes_.full();
}

// Depth first, as walkers go. The results move when their list grows; the names stay in the scratch buffer.
void Service::LookBelow(size_t top, Looking& looking) {
  struct Level {
    size_t result;
    size_t next;  // entry
  };
  const auto& results = looking.reply.results.items;
  std::vector<Level> levels;
  if (results[top].listed) levels.push_back({top, 0});
  while (!levels.empty()) {
    Level& level = levels.back();
    const auto& entries = results[level.result].entries.items;
    if (level.next == entries.size()) {
      levels.pop_back();
      continue;
    }
    const DirectoryEntry entry = entries[level.next++];
    const bool directory = entry.type == EntryType::kDirectory;
    if (!directory && !looking.flags.Has(LookFlag::kFiles)) continue;
    if (!HasRoom(looking)) return;
    const auto above = nodes_.Find(results[level.result].node.items[0].node);
    if (!above.ok()) return;
    LookAt(*above, static_cast<uint32_t>(level.result + 1), entry.name, directory, looking);
    if (results.back().listed) levels.push_back({results.size() - 1, 0});
  }
}

Result<LookReply> Service::On(const LookRequest& request, UniqueFd&) {
  const Node directory = TRY(FindDirectory(request.directory));
  if (request.names.items.empty()) return Errno::kEINVAL;
  for (const Name& name : request.names.items) {
    if (!ValidComponent(name.view())) return ComponentError(name.view());
  }
  Looking looking{request.flags, {}, 0, 0};
  const auto& results = looking.reply.results.items;
  for (const Name& name : request.names.items) {
    if (!results.empty() && !HasRoom(looking)) break;
    LookAt(directory, 0, name, true, looking);
    if (request.flags.Has(LookFlag::kDescend)) LookBelow(results.size() - 1, looking);
  }
  return std::move(looking.reply);
}

}  // namespace ringwall::gofer
