// See file.h. Pages come from the system directly, so that the figures of the runtime's heap show
// the runtime alone.
#include "tools/ebb/file.h"

#include <cerrno>

#include <fcntl.h>
#include <sys/stat.h>
#include <unistd.h>

namespace ebb::tool {
namespace {

constexpr size_t bytes_max = size_t{1} << 30; // the implementation limit of a module
constexpr size_t first_capacity = 65536;

const char* reason(int error) {
  switch (error) {
  case ENOENT:
    return "no such file";
  case EACCES:
  case EPERM:
    return "permission denied";
  case EISDIR:
    return "is a directory";
  case ENOTDIR:
    return "a part of the path is not a directory";
  case ELOOP:
    return "too many symbolic links";
  case ENAMETOOLONG:
    return "the name is too long";
  case EMFILE:
  case ENFILE:
    return "too many open files";
  case ENOMEM:
    return "out of memory";
  default:
    return "cannot be read";
  }
}

} // namespace

const char* File::read_from(int descriptor) {
  struct stat status{};
  if (fstat(descriptor, &status) != 0) return reason(errno);
  if (S_ISDIR(status.st_mode)) return reason(EISDIR);
  if (status.st_size > static_cast<off_t>(bytes_max)) return "larger than 1 GiB";
  // One byte more than the size, so that the end is seen without growing.
  const size_t capacity =
      S_ISREG(status.st_mode) ? static_cast<size_t>(status.st_size) + 1 : first_capacity;
  if (!pages_.grow(capacity)) return reason(ENOMEM);
  for (;;) {
    if (size_ == pages_.size()) {
      if (size_ > bytes_max) return "larger than 1 GiB";
      if (!pages_.grow(size_ * 2)) return reason(ENOMEM);
    }
    const ssize_t count = ::read(descriptor, pages_.bytes() + size_, pages_.size() - size_);
    if (count < 0 && errno == EINTR) continue;
    if (count < 0) return reason(errno);
    if (count == 0) return nullptr;
    size_ += static_cast<size_t>(count);
  }
}

const char* File::read(const char* path) {
  const int descriptor = open(path, O_RDONLY | O_CLOEXEC);
  if (descriptor < 0) return reason(errno);
  const char* problem = read_from(descriptor);
  close(descriptor);
  return problem;
}

} // namespace ebb::tool
