// Kit files: text made at the moment of reading (seq_file's rules), settings taken at the moment of writing.
#include <algorithm>

#include "sentry/fs/kit/kit.h"

namespace ringwall::kit {

namespace {

constexpr size_t kMaxWrite = 64 << 10;

class GeneratedFile final : public vfs::File {
 public:
  static constexpr vfs::FileKind kKind = vfs::FileKind::kRegular;
  GeneratedFile(DynamicFile& node, const vfs::Path& path, uint32_t flags) : File(kKind, path, flags), node_(node) {}

  // The text is made before the position's lock is taken: a generator may lock what it likes.
  Result<size_t> Read(Context& ctx, mm::IoSink& sink) override {
    if (!readable()) return Errno::kEBADF;
    TRY(Refresh(ctx, position() == 0));
    MutexLock lock(position_mu_);
    const size_t n = TRY(Serve(sink, position_));
    position_ += n;
    return n;
  }
  Result<size_t> PRead(Context& ctx, mm::IoSink& sink, uint64_t offset) override {
    if (!readable()) return Errno::kEBADF;
    TRY(Refresh(ctx, offset == 0));
    return Serve(sink, offset);
  }
  Result<size_t> Write(Context& ctx, mm::IoSource& source) override {
    const uint64_t at = position();
    const size_t n = TRY(PWrite(ctx, source, at));
    SetPosition(at + n);
    return n;
  }
  Result<size_t> PWrite(Context& ctx, mm::IoSource& source, uint64_t offset) override {
    if (!writable()) return Errno::kEBADF;
    if (!node_->write()) return Errno::kEIO;
    if (source.remaining() > kMaxWrite) return Errno::kEINVAL;
    std::string data(source.remaining(), '\0');
    const size_t got = TRY(source.Peek(absl::Span<std::byte>(reinterpret_cast<std::byte*>(data.data()), data.size())));
    // A setting is whole or not at all.
    if (got < data.size()) return Errno::kEFAULT;
    const size_t used = TRY(node_->write()(ctx, data, offset));
    source.Skip(std::min(used, got));
    return std::min(used, got);
  }

 private:
  struct Text : RefCounted {
    explicit Text(std::string t) : text(std::move(t)) {}
    const std::string text;
  };
  Result<void> Refresh(Context& ctx, bool anew) {
    if (!anew) {
      MutexLock lock(mu_);
      if (text_) return {};
    }
    std::string text = TRY(node_->generate()(ctx));
    RefPtr<Text> fresh = MakeRef<Text>(std::move(text));
    MutexLock lock(mu_);
    std::swap(text_, fresh);
    return {};
  }
  Result<size_t> Serve(mm::IoSink& sink, uint64_t offset) {
    RefPtr<Text> text;
    {
      MutexLock lock(mu_);
      text = text_;
    }
    if (!text || offset >= text->text.size()) return size_t{0};
    const size_t n = std::min<size_t>(text->text.size() - offset, sink.remaining());
    return sink.Put(absl::Span<const std::byte>(reinterpret_cast<const std::byte*>(text->text.data()) + offset, n));
  }

  const Ref<DynamicFile> node_;
  Mutex<LockRank::kFile> mu_;
  RefPtr<Text> text_ ABSL_GUARDED_BY(mu_);
};

}  // namespace

DynamicFile::DynamicFile(KitFs& fs, NodeOptions options, Generator generate, Writer write)
    : Node(fs, abi::kS_IFREG, std::move(options)), generate_(std::move(generate)), write_(std::move(write)) {}

Ref<DynamicFile> DynamicFile::Fixed(KitFs& fs, std::string text, uint32_t mode) {
  return MakeRef<DynamicFile>(fs, NodeOptions{.mode = mode}, [text = std::move(text)](Context&) -> Result<std::string> { return text; });
}

Result<Ref<vfs::File>> DynamicFile::Open(Context&, const vfs::Path& path, const vfs::OpenRequest& request) {
  return Ref<vfs::File>(MakeRef<GeneratedFile>(*this, path, request.flags));
}

}  // namespace ringwall::kit
