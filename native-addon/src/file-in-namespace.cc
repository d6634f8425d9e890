#include "file-in-namespace.h"

#include "convert.h"
#include "mailbox.h"
#include "namespace.h"
#include "thread.h"

#include <fcntl.h>
#include <optional>

namespace twill {

namespace {

constexpr size_t kFileBytes = 4096;

class FileWorker : public Worker, public std::enable_shared_from_this<FileWorker> {
public:
  FileWorker(NamespaceChoice space, std::string path, std::optional<std::string> text,
             Mailbox &mailbox, Napi::FunctionReference listener)
      : space_(std::move(space)), path_(std::move(path)), text_(std::move(text)),
        mailbox_(mailbox), listener_(std::move(listener)) {}

  SystemError start() {
    const SystemError failed = thread_.start([self = shared_from_this()] { self->run(); });
    if (failed) return failed;
    mailbox_.enroll(shared_from_this());
    mailbox_.hold();
    held_ = true;
    return {};
  }
  void stop() override {} // one open, one read or write: over at once
  void join() override { thread_.join(); }
  void forget() override {
    listener_.Reset();
    if (held_) mailbox_.unhold();
    held_ = false;
  }

  void deliver(Napi::Env env) {
    const Napi::HandleScope scope(env);
    if (listener_.IsEmpty()) return;
    const Napi::Function listener = listener_.Value();
    mailbox_.discharge(shared_from_this());
    call(listener, {Napi::Number::New(env, error_.number), Napi::String::New(env, error_.syscall),
                   toUint8Array(env, std::move(bytes_))});
  }

private:
  struct FileLetter : Letter {
    explicit FileLetter(std::shared_ptr<FileWorker> from) : worker(std::move(from)) {}
    void deliver(Napi::Env env) override { worker->deliver(env); }
    std::shared_ptr<FileWorker> worker;
  };

  void run() { // the worker's own thread
    error_ = enterNamespace(std::move(space_));
    if (!error_) error_ = work();
    mailbox_.post(std::make_unique<FileLetter>(shared_from_this()));
  }

  SystemError work() {
    const Descriptor file(open(path_.c_str(), (text_ ? O_WRONLY : O_RDONLY) | O_CLOEXEC));
    if (!file) return SystemError::last("open");
    if (text_) {
      const ssize_t count = write(file.get(), text_->data(), text_->size());
      return count < 0 ? SystemError::last("write") : SystemError{};
    }
    bytes_.reserve(kFileBytes);
    const ssize_t count = read(file.get(), bytes_.tail(), kFileBytes);
    if (count < 0) return SystemError::last("read");
    bytes_.grew(static_cast<size_t>(count));
    return {};
  }

  NamespaceChoice space_;
  const std::string path_;
  const std::optional<std::string> text_;
  Mailbox &mailbox_;
  Napi::FunctionReference listener_; // JavaScript thread only
  bool held_ = false;
  SystemError error_;
  Bytes bytes_;
  Thread thread_;
};

void fileInNamespace(const Napi::CallbackInfo &info) {
  const Napi::Env env = info.Env();
  NamespaceChoice space;
  SystemError failed = readNamespace(info[0].As<Napi::Object>(), &space);
  if (failed) throw toError(env, failed);
  std::optional<std::string> text;
  if (info[2].IsString()) text = info[2].As<Napi::String>().Utf8Value();
  const auto worker = std::make_shared<FileWorker>(
      std::move(space), info[1].As<Napi::String>().Utf8Value(), std::move(text),
      Mailbox::of(env), Napi::Persistent(info[3].As<Napi::Function>()));
  failed = worker->start();
  if (failed) throw toError(env, failed);
}

} // namespace

void initFileInNamespace(Napi::Env env, Napi::Object exports) {
  exports.Set("fileInNamespace", Napi::Function::New(env, fileInNamespace, "fileInNamespace"));
}

} // namespace twill
