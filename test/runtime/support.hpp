// What the runtime tests share: scoped environment variables and folders, small plans, and runs of
// this test binary as a child process with another environment.
// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <pinnacle/device.hpp>
#include <pinnacle/plan.hpp>

#include <cstdlib>
#include <filesystem>
#include <fstream>
#include <optional>
#include <string>
#include <utility>
#include <vector>

namespace pinnacle::test {

class ScopedVariable {
 public:
  ScopedVariable(std::string name, const std::string& value) : name_(std::move(name)) {
    if (const char* old = std::getenv(name_.c_str())) old_ = old;
    ::setenv(name_.c_str(), value.c_str(), 1);
  }
  ScopedVariable(const ScopedVariable&) = delete;
  ScopedVariable& operator=(const ScopedVariable&) = delete;
  ~ScopedVariable() {
    if (old_) {
      ::setenv(name_.c_str(), old_->c_str(), 1);
    } else {
      ::unsetenv(name_.c_str());
    }
  }

 private:
  std::string name_;
  std::optional<std::string> old_;
};

class ScopedFolder {
 public:
  ScopedFolder() {
    std::string pattern = (std::filesystem::temp_directory_path() / "pinnacle-XXXXXX").string();
    path_ = ::mkdtemp(pattern.data());
  }
  ScopedFolder(const ScopedFolder&) = delete;
  ScopedFolder& operator=(const ScopedFolder&) = delete;
  ~ScopedFolder() {
    std::error_code ignored;
    std::filesystem::remove_all(path_, ignored);
  }
  const std::filesystem::path& path() const { return path_; }
  std::filesystem::path write(const std::string& name, const std::string& text) const {
    const std::filesystem::path file = path_ / name;
    std::filesystem::create_directories(file.parent_path());
    std::ofstream(file) << text;
    return file;
  }

 private:
  std::filesystem::path path_;
};

struct ChildResult {
  int status = 0;  // of the process
  std::string output;
};
/// Runs the skipped test case `test_case` of this binary with `variables` ("A=1 B=2") set.
ChildResult run_child(const std::string& test_case, const std::string& variables);

/// y = scale * x + shift by a kernel from outside the library.
KernelCall scale_call(int x, int y, float scale, float shift, int n);
PlanBuffer plan_buffer(std::string name, int n, PlanBuffer::Place place);
/// input "x" -> arena -> output "y" of n floats in `steps` kernels, each 2 x + 1.
Plan chain_plan(int n, int steps);

}  // namespace pinnacle::test
