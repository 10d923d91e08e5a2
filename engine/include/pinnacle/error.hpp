// Typed errors. Each says what happened, where, and what to do about it.
// Thread safety: plain values.
// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <cstddef>
#include <stdexcept>
#include <string>
#include <vector>

namespace pinnacle {

/// The base of everything that Pinnacle throws. `what()` reads "where: message; hint".
class Error : public std::runtime_error {
 public:
  explicit Error(const std::string& message, const std::string& where = {},
                 const std::string& hint = {});

  /// The file, node, flag or device at fault; empty if there is no better place than the call.
  const std::string& where() const noexcept { return where_; }
  /// What the reader can do about it; may be empty.
  const std::string& hint() const noexcept { return hint_; }

 private:
  std::string where_;
  std::string hint_;
};

/// Shapes or types of operands do not fit each other or the options.
class ShapeError : public Error {
 public:
  using Error::Error;
};

/// An option, flag, name or environment variable has a value that makes no sense.
class ArgumentError : public Error {
 public:
  using Error::Error;
};

/// A file is missing, unreadable or cannot be written.
class FileError : public Error {
 public:
  using Error::Error;
};

/// The contents of a file are not what its format demands.
class ParseError : public Error {
 public:
  using Error::Error;
};

/// Something valid that Pinnacle cannot do; `items()` lists all of it, not only the first.
class UnsupportedError : public Error {
 public:
  UnsupportedError(const std::string& message, std::vector<std::string> items,
                   const std::string& where = {}, const std::string& hint = {});
  const std::vector<std::string>& items() const noexcept { return items_; }

 private:
  std::vector<std::string> items_;
};

/// An OpenCL call failed, or no device fits a request.
class DeviceError : public Error {
 public:
  explicit DeviceError(const std::string& message, const std::string& where = {},
                       const std::string& hint = {}, int code = 0)
      : Error(message, where, hint), code_(code) {}
  /// The OpenCL error code, or 0 if no call was involved.
  int code() const noexcept { return code_; }

 private:
  int code_;
};

/// A kernel did not build. `log()` is the compiler's output with real file names and lines.
class KernelError : public Error {
 public:
  KernelError(const std::string& message, const std::string& where, std::string log,
              const std::string& hint = {});
  const std::string& log() const noexcept { return log_; }

 private:
  std::string log_;
};

/// A plan does not fit into a device's memory. Units: bytes.
class MemoryError : public Error {
 public:
  MemoryError(const std::string& message, const std::string& where, std::size_t asked,
              std::size_t available, const std::string& hint = {});
  std::size_t asked() const noexcept { return asked_; }
  std::size_t available() const noexcept { return available_; }

 private:
  std::size_t asked_;
  std::size_t available_;
};

}  // namespace pinnacle
