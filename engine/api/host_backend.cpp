// The device `host`: graphs run node by node in double.
// SPDX-License-Identifier: Apache-2.0
#include <algorithm>
#include <chrono>
#include <cstring>

#include "api/backend.hpp"
#include "base/text.hpp"
#include "ops/host.hpp"

namespace pinnacle {
namespace {

class HostBackend final : public Backend {
 public:
  HostBackend(const Graph& graph, std::shared_ptr<std::map<std::string, Array>> memory,
              std::shared_ptr<Exchange> exchange)
      : graph_(graph), memory_(std::move(memory)), exchange_(std::move(exchange)) {
    for (std::size_t i = 0; i < graph_.values.size(); ++i) {
      const GraphValue& value = graph_.values[i];
      if (value.role != Role::parameter && value.role != Role::state) continue;
      const auto known = memory_->find(value.name);
      if (known == memory_->end()) {
        (*memory_)[value.name] = value.data ? to_array(*value.data) : Array(value.type.shape);
      } else if (known->second.shape != value.type.shape) {
        throw ShapeError(fmt::format("is {} here but {} in memory that it shares", value.type.shape,
                                     known->second.shape),
                         value.name);
      }
    }
  }

  void write(std::string_view input, std::span<const std::byte> data, bool) override {
    const ValueId id = port(graph_.inputs, input, "input");
    Tensor tensor(graph_.type(id).shape, graph_.type(id).dtype);
    std::memcpy(tensor.bytes().data(), data.data(), data.size());
    inputs_[id] = to_array(tensor);
  }

  void enqueue() override {
    values_ = inputs_;
    for (std::size_t i = 0; i < graph_.values.size(); ++i) {
      const GraphValue& value = graph_.values[i];
      if (value.role == Role::parameter || value.role == Role::state) {
        values_[static_cast<ValueId>(i)] = memory_->at(value.name);
      }
    }
    run_on_host(graph_, values_, exchange_.get());
    for (const auto& [target, source] : graph_.updates) {
      (*memory_)[graph_.value(target).name] = values_[source];
    }
  }

  void finish() override {}

  Tensor read(std::string_view output) override {
    const ValueId id = port(graph_.outputs, output, "output");
    const auto it = values_.find(id);
    if (it == values_.end()) throw ArgumentError("nothing has run yet", std::string(output));
    return to_tensor(it->second, graph_.type(id).dtype);
  }

  cl_event enqueue(const std::vector<std::pair<std::string, cl_mem>>&,
                   std::span<const cl_event>) override {
    throw DeviceError("the host has no OpenCL buffers", "Session::enqueue",
                      "choose an OpenCL device");
  }

  Tensor read_persistent(std::string_view name) override {
    const ValueId id = persistent(name);
    return to_tensor(memory_->at(std::string(name)), graph_.type(id).dtype);
  }

  void write_persistent(std::string_view name, const Tensor& contents) override {
    persistent(name);
    (*memory_)[std::string(name)] = to_array(contents);
  }

  std::vector<CallTime> profile() const override { return {}; }

 private:
  ValueId port(const std::vector<ValueId>& ports, std::string_view name, const char* kind) const {
    std::vector<std::string> names;
    for (const ValueId id : ports) {
      if (graph_.value(id).name == name) return id;
      names.push_back(graph_.value(id).name);
    }
    throw ArgumentError(fmt::format("there is no {} \"{}\"", kind, name), "Session",
                        fmt::format("there are: {}", fmt::join(names, ", ")));
  }

  ValueId persistent(std::string_view name) const {
    const ValueId id = graph_.find(name);
    if (id == kNoValue || memory_->count(std::string(name)) == 0) {
      throw ArgumentError(fmt::format("there is no parameter or state \"{}\"", name), "Session");
    }
    return id;
  }

  Graph graph_;
  std::shared_ptr<std::map<std::string, Array>> memory_;
  std::shared_ptr<Exchange> exchange_;
  std::map<ValueId, Array> inputs_;
  std::map<ValueId, Array> values_;
};

}  // namespace

std::unique_ptr<Backend> make_host_backend(const Graph& graph, const Memory::Impl& memory,
                                           const CompileOptions& options) {
  return std::make_unique<HostBackend>(graph, memory.on_host, options.exchange);
}

}  // namespace pinnacle
