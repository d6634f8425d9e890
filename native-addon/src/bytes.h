// A growable block that system calls write into directly, and that JavaScript can take over
// without a copy. Not initialised: only [0, size) has meaning.
#pragma once

#include <cstdint>
#include <cstdlib>
#include <new>
#include <utility>

namespace twill {

class Bytes {
public:
  Bytes() = default;
  Bytes(Bytes &&other) noexcept
      : data_(std::exchange(other.data_, nullptr)), size_(std::exchange(other.size_, 0)),
        capacity_(std::exchange(other.capacity_, 0)) {}
  Bytes &operator=(Bytes &&other) noexcept {
    std::swap(data_, other.data_);
    std::swap(size_, other.size_);
    std::swap(capacity_, other.capacity_);
    return *this;
  }
  Bytes(const Bytes &) = delete;
  Bytes &operator=(const Bytes &) = delete;
  ~Bytes() { std::free(data_); }

  uint8_t *data() const { return data_; }
  size_t size() const { return size_; }
  size_t room() const { return capacity_ - size_; }
  uint8_t *tail() const { return data_ + size_; }
  void grew(size_t count) { size_ += count; }
  void truncate(size_t size) { size_ = size; }

  // At least `count` octets at tail(); grows by half again so that long dumps stay linear.
  void reserve(size_t count) {
    if (room() >= count) return;
    size_t wanted = size_ + count;
    if (wanted < capacity_ + capacity_ / 2) wanted = capacity_ + capacity_ / 2;
    void *moved = std::realloc(data_, wanted);
    if (moved == nullptr) throw std::bad_alloc();
    data_ = static_cast<uint8_t *>(moved);
    capacity_ = wanted;
  }

  // The caller owns the block from now on and releases it with free().
  uint8_t *release() {
    size_ = capacity_ = 0;
    return std::exchange(data_, nullptr);
  }

private:
  uint8_t *data_ = nullptr;
  size_t size_ = 0;
  size_t capacity_ = 0;
};

} // namespace twill
