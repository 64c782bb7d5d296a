// FileMappable: the Mappable of an open file with a place in the tree; kinds only say which host descriptor holds the pages.
#pragma once

#include <string>
#include <utility>

#include "sentry/mm/mappable.h"
#include "sentry/vfs/file.h"
#include "sentry/vfs/path_walk.h"

namespace ringwall::vfs {

class FileMappable : public mm::Mappable {
 public:
  FileMappable(Ref<File> file, const Attributes& attributes) : file_(std::move(file)), identity_{attributes.dev, attributes.ino} {}
  Identity identity() const override { return identity_; }
  // Within the file system; readers with a mount namespace ask vfs::AbsoluteName of Description().
  std::string Name() const override { return NameFromTop(file_->path()); }

 protected:
  File& file() const { return *file_; }

 private:
  const Ref<File> file_;
  const Identity identity_;
};

}  // namespace ringwall::vfs
