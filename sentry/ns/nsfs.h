// nsfs: namespaces as files (namespaces(7), "The /proc/pid/ns/ directory"; ioctl_ns(2)).
#pragma once

#include <string>

#include "base/error/result.h"
#include "base/ref/ref.h"
#include "sentry/context/context.h"
#include "sentry/cred/namespace.h"
#include "sentry/vfs/dentry.h"
#include "sentry/vfs/file.h"

namespace ringwall::ns {

// "uts:[4026531838]"
std::string NamespaceName(const cred::Namespace& ns);
// The place that following /proc/PID/ns/X leads to. It keeps the namespace alive, as does whatever is open or bound there.
vfs::Path NamespacePath(Ref<cred::Namespace> ns);
// The namespace behind an open file of /proc/PID/ns; EINVAL.
Result<Ref<cred::Namespace>> NamespaceOf(vfs::File& file);
// Whether a place is a namespace file: such have no mount and may be bound all the same.
bool IsNamespaceFile(const vfs::Path& path);
// The mount that mount(2) with MS_BIND makes of one.
Ref<vfs::Mount> MountOf(const vfs::Path& path);

}  // namespace ringwall::ns
