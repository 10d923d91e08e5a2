// SPDX-License-Identifier: Apache-2.0
#include "io/onnx/document.hpp"

#include <google/protobuf/io/coded_stream.h>
#include <google/protobuf/io/zero_copy_stream_impl_lite.h>

#include <limits>
#include <map>
#include <pinnacle/error.hpp>
#include <set>
#include <vector>

#include "base/files.hpp"

namespace pinnacle::onnx {
namespace {

constexpr std::int64_t kFirstOpset = 1;
constexpr std::int64_t kLastOpset = 28;
// Of messages in messages: beyond what any subgraph limit needs, within what the stack holds.
constexpr int kProtobufDepth = 256;
constexpr std::size_t kLongestShown = 96;

std::string label(const ::onnx::NodeProto& node) {
  const std::string& name =
      !node.name().empty() || node.output_size() == 0 ? node.name() : node.output(0);
  return fmt::format("{} \"{}\"", printable(node.op_type()), printable(name));
}

// What the file is instead, if that can be told from its start.
std::string guess(std::string_view bytes) {
  const auto starts = [&](std::string_view text) { return bytes.substr(0, text.size()) == text; };
  if (bytes.empty()) return "the file is empty";
  if (starts("version https://git-lfs")) return "it is a Git LFS pointer; fetch the file itself";
  if (starts("PK\x03\x04"))
    return "it is a zip archive, as PyTorch writes; export the model to ONNX";
  if (starts("<!DOCTYPE") || starts("<html")) return "it is a web page; download the file itself";
  if (starts("\x89HDF")) return "it is HDF5, as Keras writes; convert the model with tf2onnx";
  if (bytes.size() > 9 && bytes[8] == '{')
    return "it may be safetensors, which holds weights alone";
  return "it is damaged or something else";
}

::onnx::ModelProto parse(std::string_view bytes, const std::string& where,
                         const OnnxLimits& limits) {
  if (bytes.size() > limits.file_bytes) {
    throw UnsupportedError(
        fmt::format("has {} bytes; the limit is {}", bytes.size(), limits.file_bytes),
        {"see OnnxLimits::file_bytes"}, where);
  }
  if (bytes.size() > std::numeric_limits<std::int32_t>::max()) {
    throw UnsupportedError("has more than the 2 GB that protobuf reads",
                           {"keep the weights as external data"}, where);
  }
  ::onnx::ModelProto model;
  google::protobuf::io::ArrayInputStream stream(bytes.data(), static_cast<int>(bytes.size()));
  google::protobuf::io::CodedInputStream coded(&stream);
  coded.SetRecursionLimit(kProtobufDepth);
  if (!model.ParseFromCodedStream(&coded) || !coded.ConsumedEntireMessage() || !model.has_graph()) {
    throw ParseError("is no ONNX model", where, guess(bytes));
  }
  return model;
}

// ---- Structure ----------------------------------------------------------------------------------

class Checker {
 public:
  Checker(const ::onnx::ModelProto& model, const OnnxLimits& limits, const std::string& where)
      : model_(model), limits_(limits), where_(where) {}

  void run() {
    check_opsets();
    for (const ::onnx::FunctionProto& function : model_.functions()) {
      const Key key{function.domain(), function.name()};
      if (!functions_.emplace(key, &function).second) {
        fail(fmt::format("function \"{}\" is there twice", printable(function.name())));
      }
    }
    for (const auto& [key, function] : functions_) {
      std::set<Key> active;
      check_calls(key, active);
      check_function(*function);
    }
    check_graph(model_.graph(), {}, 0);
  }

 private:
  using Key = std::pair<std::string, std::string>;  // domain, name
  using Names = std::set<std::string, std::less<>>;
  using Outer = std::vector<const Names*>;

  [[noreturn]] void fail(const std::string& what, const std::string& hint = {}) const {
    throw ParseError(what, where_, hint);
  }

  void check_name(const std::string& name) const {
    if (name.size() > kLongestName) {
      throw UnsupportedError(fmt::format("has a name of {} bytes", name.size()),
                             {fmt::format("at most {} are read", kLongestName), printable(name)},
                             where_);
    }
  }

  void check_opsets() const {
    if (model_.opset_import().empty()) fail("imports no operator set");
    for (const auto& set : model_.opset_import()) {
      if (!set.domain().empty() && set.domain() != "ai.onnx") continue;
      if (set.version() < kFirstOpset || set.version() > kLastOpset) {
        throw UnsupportedError(fmt::format("uses operator set {}", set.version()),
                               {fmt::format("known are {} to {}", kFirstOpset, kLastOpset)}, where_,
                               "convert the model with onnx.version_converter");
      }
    }
  }

  // No function may reach itself.
  void check_calls(const Key& key, std::set<Key>& active) {
    const auto it = functions_.find(key);
    if (it == functions_.end() || checked_.contains(key)) return;
    if (!active.insert(key).second) {
      fail(fmt::format("function \"{}\" calls itself", printable(key.second)));
    }
    if (active.size() > static_cast<std::size_t>(limits_.nesting)) {
      fail(fmt::format("functions call each other more than {} deep", limits_.nesting));
    }
    check_calls_of(it->second->node(), active);
    active.erase(key);
    checked_.insert(key);
  }

  void check_calls_of(const google::protobuf::RepeatedPtrField<::onnx::NodeProto>& nodes,
                      std::set<Key>& active) {
    for (const ::onnx::NodeProto& node : nodes) {
      check_calls({node.domain(), node.op_type()}, active);
      for (const ::onnx::AttributeProto& attribute : node.attribute()) {
        if (attribute.has_g()) check_calls_of(attribute.g().node(), active);
      }
    }
  }

  void check_function(const ::onnx::FunctionProto& function) {
    check_name(function.name());
    for (const std::string& name : function.input()) check_name(name);
    Names names(function.input().begin(), function.input().end());
    check_nodes(function.node(), names, {}, 0);
  }

  void check_graph(const ::onnx::GraphProto& graph, const Outer& outer, int depth) {
    if (depth > limits_.nesting)
      fail(fmt::format("graphs are nested deeper than {}", limits_.nesting));
    Names names;
    for (const auto& input : graph.input()) {
      if (input.name().empty()) fail("an input has no name");
      check_name(input.name());
      if (!names.insert(input.name()).second) {
        fail(fmt::format("input \"{}\" is there twice", printable(input.name())));
      }
    }
    Names weights;
    for (const auto& tensor : graph.initializer()) {
      if (tensor.name().empty()) fail("an initializer has no name");
      check_name(tensor.name());
      if (!weights.insert(tensor.name()).second) {
        fail(fmt::format("initializer \"{}\" is there twice", printable(tensor.name())));
      }
      names.insert(tensor.name());
    }
    if (!graph.sparse_initializer().empty()) {
      throw UnsupportedError("has sparse initializers", {}, where_);
    }
    check_name(graph.name());
    check_nodes(graph.node(), names, outer, depth);
    Names outputs;
    for (const auto& output : graph.output()) {
      if (!known(output.name(), names, outer)) {
        fail(fmt::format("output \"{}\" is made by no node", printable(output.name())));
      }
      if (depth == 0 && !outputs.insert(output.name()).second) {
        fail(fmt::format("output \"{}\" is there twice", printable(output.name())));
      }
    }
  }

  static bool known(const std::string& name, const Names& names, const Outer& outer) {
    if (names.contains(name)) return true;
    for (const Names* around : outer) {
      if (around->contains(name)) return true;
    }
    return false;
  }

  // Topological order, one writer for each name, what subgraphs see.
  void check_nodes(const google::protobuf::RepeatedPtrField<::onnx::NodeProto>& nodes, Names& names,
                   const Outer& outer, int depth) {
    nodes_ += nodes.size();
    if (nodes_ > limits_.nodes) {
      throw UnsupportedError(fmt::format("has more than {} nodes", limits_.nodes),
                             {"see OnnxLimits::nodes"}, where_);
    }
    for (const ::onnx::NodeProto& node : nodes) {
      check_name(node.name());
      check_name(node.op_type());
      check_name(node.domain());
      for (const std::string& input : node.input()) {
        if (input.empty() || known(input, names, outer)) continue;
        fail(fmt::format("{} uses \"{}\", which no input, initializer or earlier node makes",
                         label(node), printable(input)),
             "the graph may have a cycle, or its nodes are out of order");
      }
      for (const ::onnx::AttributeProto& attribute : node.attribute()) {
        Outer inner = outer;
        inner.push_back(&names);
        if (attribute.has_g()) check_graph(attribute.g(), inner, depth + 1);
        for (const auto& graph : attribute.graphs()) check_graph(graph, inner, depth + 1);
      }
      for (const std::string& output : node.output()) {
        check_name(output);
        if (!output.empty() && !names.insert(output).second) {
          fail(fmt::format("{} makes \"{}\", which there is already", label(node),
                           printable(output)));
        }
      }
    }
  }

  const ::onnx::ModelProto& model_;
  const OnnxLimits& limits_;
  const std::string& where_;
  std::map<Key, const ::onnx::FunctionProto*> functions_;
  std::set<Key> checked_;
  std::int64_t nodes_ = 0;
};

::onnx::ModelProto read(std::string_view bytes, const std::string& where,
                        const OnnxLimits& limits) {
  ::onnx::ModelProto model = parse(bytes, where, limits);
  Checker(model, limits, where).run();
  return model;
}

}  // namespace

std::string printable(std::string_view text) {
  std::string shown;
  for (const char c : text.substr(0, kLongestShown)) {
    const auto byte = static_cast<unsigned char>(c);
    shown += byte < 0x20 || byte == 0x7f ? '?' : c;
  }
  if (text.size() > kLongestShown) shown += fmt::format("... ({} bytes)", text.size());
  return shown;
}

std::string read_limited(const std::filesystem::path& file, const OnnxLimits& limits) {
  std::error_code error;
  const std::filesystem::file_status status = std::filesystem::status(file, error);
  // What is no file may never end.
  if (std::filesystem::exists(status) && !std::filesystem::is_regular_file(status)) {
    throw FileError("is no regular file", file.string());
  }
  const std::uintmax_t size = std::filesystem::file_size(file, error);
  if (!error && size > limits.file_bytes) {
    throw UnsupportedError(fmt::format("has {} bytes; the limit is {}", size, limits.file_bytes),
                           {"see OnnxLimits::file_bytes"}, file.string());
  }
  return read_file(file);
}

std::filesystem::path folder_of(const std::filesystem::path& file) {
  return file.has_parent_path() ? file.parent_path() : std::filesystem::path(".");
}

::onnx::ModelProto read_document(const std::filesystem::path& file, const OnnxLimits& limits) {
  return read(read_limited(file, limits), file.string(), limits);
}

::onnx::ModelProto read_document(std::span<const std::byte> bytes, const OnnxLimits& limits) {
  return read({reinterpret_cast<const char*>(bytes.data()), bytes.size()}, "ONNX model", limits);
}

}  // namespace pinnacle::onnx
