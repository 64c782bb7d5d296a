// state.json's fields.
#include "runsc-cli/container/record_json.h"

#include "runsc-cli/oci/reader.h"

namespace ringwall::container {
namespace {

using Ordered = nlohmann::ordered_json;
using oci::Reader;

Ordered FormatProcess(const ProcessId& process) {
  Ordered out;
  out["pid"] = process.pid;
  out["startTime"] = process.start_time;
  return out;
}

void ReadProcess(const Reader& in, ProcessId* out) {
  in.Field("pid").Read(&out->pid);
  in.Field("startTime").Read(&out->start_time);
}

Ordered FormatHooks(const std::vector<oci::Hook>& hooks) {
  Ordered out = Ordered::array();
  for (const oci::Hook& hook : hooks) {
    Ordered one;
    one["path"] = hook.path;
    one["args"] = hook.args;
    one["env"] = hook.env;
    if (hook.timeout_seconds.has_value()) one["timeout"] = *hook.timeout_seconds;
    out.push_back(one);
  }
  return out;
}

void ReadHooks(const Reader& in, std::vector<oci::Hook>* out) {
  in.Elements([out](const Reader& element) {
    oci::Hook hook;
    element.Field("path").Read(&hook.path);
    element.Field("args").Read(&hook.args);
    element.Field("env").Read(&hook.env);
    element.Field("timeout").Read(&hook.timeout_seconds);
    out->push_back(std::move(hook));
  });
}

}  // namespace

std::string FormatRecord(const Record& record) {
  Ordered out;
  out["format"] = 1;
  out["id"] = record.id;
  out["ociVersion"] = record.version;
  out["bundle"] = record.bundle;
  out["rootfs"] = record.rootfs;
  out["created"] = record.created;
  out["owner"] = record.owner;
  out["annotations"] = record.annotations;
  out["phase"] = record.phase == Phase::kCreating ? "creating" : record.phase == Phase::kCreated ? "created" : "running";
  out["ephemeral"] = record.ephemeral;
  out["standIn"] = FormatProcess(record.stand_in);
  out["sentry"] = FormatProcess(record.sentry);
  out["gofer"] = FormatProcess(record.gofer);
  out["poststart"] = FormatHooks(record.poststart);
  out["poststop"] = FormatHooks(record.poststop);
  return out.dump(1, ' ', false, Ordered::error_handler_t::replace) + "\n";
}

absl::StatusOr<Record> ParseRecord(std::string_view text, const std::string& id) {
  oci::ReadErrors errors(Cat("container ", id, ": state.json"));
  oci::Json document;
  if (!oci::ParseDocument(text, errors, &document)) return errors.status();
  const Reader in(&document, "", errors);
  Record record;
  int format = 0;
  in.Field("format").Read(&format);
  if (errors.ok() && format != 1) errors.Fail("format", Cat("found ", format, ", wanted 1: written by another version of ringwall"));
  record.id = id;
  in.Field("ociVersion").Read(&record.version);
  in.Field("bundle").Read(&record.bundle);
  in.Field("rootfs").Read(&record.rootfs);
  in.Field("created").Read(&record.created);
  in.Field("owner").Read(&record.owner);
  in.Field("annotations").Read(&record.annotations);
  std::string phase;
  in.Field("phase").Read(&phase);
  if (errors.ok() && phase != "creating" && phase != "created" && phase != "running") {
    errors.Fail("phase", Cat("found \"", phase, "\", wanted creating, created or running"));
  }
  record.phase = phase == "running" ? Phase::kRunning : phase == "created" ? Phase::kCreated : Phase::kCreating;
  in.Field("ephemeral").Read(&record.ephemeral);
  ReadProcess(in.Field("standIn"), &record.stand_in);
  ReadProcess(in.Field("sentry"), &record.sentry);
  ReadProcess(in.Field("gofer"), &record.gofer);
  ReadHooks(in.Field("poststart"), &record.poststart);
  ReadHooks(in.Field("poststop"), &record.poststop);
  if (!errors.ok()) return errors.status();
  return record;
}

}  // namespace ringwall::container
