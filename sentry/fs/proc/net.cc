// /proc/PID/net: the network as proc_pid_net(5) shows it.
// The families of sockets write the tables that are about them; the others hold their headings only.
#include <utility>
#include <vector>

#include "abi/dirent.h"
#include "sentry/fs/proc/instance.h"
#include "sentry/socket/socket.h"

namespace ringwall::proc {
namespace {

struct Table {
  std::string_view name;
  std::string_view text;
};

constexpr std::string_view kUdp =
    "   sl  local_address rem_address   st tx_queue rx_queue tr tm->when retrnsmt   uid  timeout inode ref pointer drops             \n";
constexpr std::string_view kUdp6 =
    "  sl  local_address                         remote_address                        st tx_queue rx_queue tr tm->when retrnsmt   uid  "
    "timeout inode "
    "ref pointer drops\n";
constexpr Table kTables[] = {
    {"arp", "IP address       HW type     Flags       HW address            Mask     Device\n"},
    {"dev", ""},
    {"if_inet6", ""},
    {"ipv6_route", ""},
    {"netlink", "sk               Eth Pid        Groups   Rmem     Wmem     Dump  Locks    Drops    Inode\n"},
    {"packet", "sk               RefCnt Type Proto  Iface R Rmem   User   Inode\n"},
    {"raw", kUdp},
    {"raw6", kUdp6},
    {"route", ""},
    {"sockstat", ""},
    {"sockstat6", ""},
    {"tcp", ""},
    {"tcp6", ""},
    {"udp", ""},
    {"udp6", ""},
    {"unix", ""},
};
constexpr uint32_t kNetNumbers = kNsNumbers + 256;

}  // namespace

Result<Ref<kit::Node>> MakeNet(kit::KitFs& fs, Settings&, const Subject& subject, kit::NodeOptions options) {
  kit::Directory::Dynamic entries;
  entries.lookup = [&fs, subject](Context&, std::string_view name) -> Result<Ref<vfs::Inode>> {
    for (const Table& table : kTables) {
      if (table.name != name) continue;
      auto text = [&table](Context&) -> Result<std::string> {
        auto made = socket::Table(table.name);
        return made.ok() || made.error() != Errno::kENOENT ? std::move(made) : Result<std::string>(std::string(table.text));
      };
      return Ref<vfs::Inode>(
          MakeRef<kit::DynamicFile>(fs, subject.Options(0444, kNetNumbers + static_cast<uint32_t>(&table - kTables)), text));
    }
    return Errno::kENOENT;
  };
  entries.list = [subject](Context&, int64_t from) {
    std::vector<kit::Directory::Listed> out;
    for (auto i = static_cast<size_t>(std::max<int64_t>(from, 0)); i < std::size(kTables); ++i) {
      out.push_back(
          {std::string(kTables[i].name), subject.Ino(kNetNumbers + static_cast<uint32_t>(i)), abi::kDT_REG, static_cast<int64_t>(i)});
    }
    return out;
  };
  return Ref<kit::Node>(MakeRef<kit::Directory>(fs, std::move(options), std::move(entries)));
}

}  // namespace ringwall::proc
