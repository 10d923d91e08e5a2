// The walk from outputs back to what they need, and forth over the nodes in order.
// SPDX-License-Identifier: Apache-2.0
#include "io/onnx/exporter.hpp"

#include <algorithm>
#include <limits>
#include <pinnacle/model.hpp>
#include <set>

#include "base/files.hpp"
#include "base/text.hpp"
#include "exports.hpp"
#include "io/onnx/proto.hpp"

namespace pinnacle::onnx {
namespace {

constexpr int kOpset = 17;
constexpr int kIrVersion = 8;
constexpr const char* kBatchSymbol = "batch";
constexpr std::size_t kSharedBytes = 1024;  // constants up to this size are written once
constexpr std::size_t kLargestFile = std::numeric_limits<std::int32_t>::max();  // of protobuf

std::size_t index(ValueId id) { return static_cast<std::size_t>(id); }

void set_attribute(::onnx::AttributeProto& proto, const Attributes::Attribute& attribute) {
  struct {
    ::onnx::AttributeProto& proto;
    void operator()(std::int64_t value) const {
      proto.set_type(::onnx::AttributeProto::INT);
      proto.set_i(value);
    }
    void operator()(double value) const {
      proto.set_type(::onnx::AttributeProto::FLOAT);
      proto.set_f(static_cast<float>(value));
    }
    void operator()(const std::string& value) const {
      proto.set_type(::onnx::AttributeProto::STRING);
      proto.set_s(value);
    }
    void operator()(const Attributes::Ints& values) const {
      proto.set_type(::onnx::AttributeProto::INTS);
      for (const std::int64_t value : values) proto.add_ints(value);
    }
  } set{proto};
  std::visit(set, attribute);
}

// a x batch + b
struct Linear {
  std::int64_t a = 0, b = 0;
};

// An integer of the graph as it follows the batch; nothing: not as a x batch + b.
std::optional<Linear> linear(std::int64_t value, std::int64_t other, std::int64_t batch,
                             std::int64_t other_batch) {
  if (value == other) return Linear{.a = 0, .b = value};
  if ((other - value) % (other_batch - batch) != 0) return std::nullopt;
  const std::int64_t a = (other - value) / (other_batch - batch);
  return Linear{.a = a, .b = value - a * batch};
}

class Exporter {
 public:
  Exporter(const Graph& graph, const OtherBatch* other) : graph_(graph), other_(other) {}
  std::string run();

 private:
  friend class NodeWriter;

  void find_needed();
  void name_values();
  void check_size() const;
  std::string unique(std::string name);
  void add_port(::onnx::ValueInfoProto& proto, const std::string& name, ValueId id) const;
  void add_initializer(const std::string& name, const Tensor& tensor);
  void add_inputs();
  void add_weights();
  void add_nodes();
  void add_outputs();
  std::string batch_extent();
  const Shape& other_shape(ValueId id) const { return other_->graph.type(id).shape; }
  std::optional<Linear> follow(std::int64_t value, std::int64_t other) const {
    return linear(value, other, other_->batch, other_->other_batch);
  }

  const Graph& graph_;
  const OtherBatch* other_;
  ::onnx::ModelProto model_;
  ::onnx::GraphProto& file_ = *model_.mutable_graph();
  std::vector<bool> needed_;        // values that lead to an output
  std::vector<std::string> names_;  // of values in the file
  std::set<std::string, std::less<>> taken_;
  std::map<std::string, std::string> constants_;  // contents of small ones -> name
  std::string batch_extent_;                      // i64 [1], once it is computed
  std::vector<std::string> unsupported_;
};

// One node of ours while its row writes it.
class NodeWriter final : public NodeExport {
 public:
  NodeWriter(Exporter& exporter, const Node& node, std::size_t position)
      : exporter_(exporter),
        node_(node),
        position_(position),
        view_(view(exporter.graph_, node)),
        first_(exporter.file_.node_size()) {}

  const OpView& op() const override { return view_; }
  std::string in(std::size_t i) const override {
    return has(i) ? exporter_.names_[index(node_.inputs[i])] : "";
  }
  std::string out(std::size_t i) const override {
    return i < node_.outputs.size() ? exporter_.names_[index(node_.outputs[i])] : "";
  }
  bool wants(std::size_t i) const override {
    return i < node_.outputs.size() && exporter_.needed_[index(node_.outputs[i])];
  }

  std::string constant(const Tensor& tensor, std::string_view suffix) override {
    std::string key;
    if (tensor.bytes().size() <= kSharedBytes) {
      key = to_string(tensor.type());
      key.append(reinterpret_cast<const char*>(tensor.bytes().data()), tensor.bytes().size());
      const auto it = exporter_.constants_.find(key);
      if (it != exporter_.constants_.end()) return it->second;
    }
    std::string name = fresh(suffix);
    exporter_.add_initializer(name, tensor);
    if (!key.empty()) exporter_.constants_[key] = name;
    return name;
  }

  std::string ints_of(std::string_view attribute) override {
    const Ints& values = node_.attributes.ints(attribute);
    return followed(values,
                    other_node() == nullptr ? values : other_node()->attributes.ints(attribute));
  }

  std::string shape_of_output(std::size_t i) override {
    const Shape& shape = view_.out_shape(i);
    return followed(shape.dims(), exporter_.other_ == nullptr
                                      ? shape.dims()
                                      : exporter_.other_shape(node_.outputs[i]).dims());
  }

  bool is_static(std::string_view attribute) const override {
    return other_node() == nullptr ||
           node_.attributes.ints(attribute) == other_node()->attributes.ints(attribute);
  }

  std::string reshape_shape() override {
    const Ints& wanted = node_.attributes.ints("shape");
    if (is_static("shape")) return ints(wanted);
    const Shape& x = shape(0);
    const Shape& other_x = exporter_.other_shape(node_.inputs[0]);
    const Shape& y = view_.out_shape();
    const Shape& other_y = exporter_.other_shape(node_.outputs[0]);
    Ints dims;
    std::size_t free = 0;
    for (std::size_t i = 0; i < y.rank(); ++i) {
      const bool grows = y[i] != other_y[i];
      const bool copied = i < x.rank() && x[i] == y[i] && other_x[i] == other_y[i];
      dims.push_back(!grows ? y[i] : copied ? 0 : -1);
      free += grows && !copied ? 1 : 0;
    }
    // 0 would mean "as in x", and -1 cannot be told where nothing is left.
    const bool empty = y.elements() == 0;
    return free > 1 || empty ? followed(y.dims(), other_y.dims()) : ints(dims);
  }

  void add(std::string_view op_type, const Names& inputs, const Names& outputs,
           const Attributes& attributes) override {
    ::onnx::NodeProto& proto = *exporter_.file_.add_node();
    proto.set_op_type(std::string(op_type));
    const bool first = exporter_.file_.node_size() == first_ + 1;
    proto.set_name(first ? node_.name : fmt::format("{}.{}", node_.name, outputs.front()));
    for (const std::string& name : inputs) proto.add_input(name);
    for (const std::string& name : outputs) proto.add_output(name);
    while (proto.output_size() > 1 && proto.output(proto.output_size() - 1).empty()) {
      proto.mutable_output()->RemoveLast();  // nobody reads it
    }
    for (const auto& [name, attribute] : attributes.items()) {
      ::onnx::AttributeProto& target = *proto.add_attribute();
      target.set_name(name);
      set_attribute(target, attribute);
    }
  }

  std::string fresh(std::string_view suffix) override {
    std::string name = exporter_.unique(fmt::format("{}.{}", node_.name, suffix));
    own_.insert(name);
    return name;
  }

  // A value made by this row takes the name of the output; others are copied.
  void finish_with(const std::string& value) override {
    const std::string result = out(0);
    bool made_here = false;
    for (int i = first_; i < exporter_.file_.node_size(); ++i) {
      for (const std::string& name : exporter_.file_.node(i).output()) {
        made_here = made_here || name == value;
      }
    }
    if (!made_here || !own_.contains(value)) {
      add("Identity", {value}, {result}, {});
      return;
    }
    for (int i = first_; i < exporter_.file_.node_size(); ++i) {
      ::onnx::NodeProto& proto = *exporter_.file_.mutable_node(i);
      for (std::string& name : *proto.mutable_input()) {
        if (name == value) name = result;
      }
      for (std::string& name : *proto.mutable_output()) {
        if (name == value) name = result;
      }
    }
  }

 private:
  const Node* other_node() const {
    return exporter_.other_ == nullptr ? nullptr : &exporter_.other_->graph.nodes[position_];
  }

  // A list of integers of which some may follow the batch: a constant, or pieces joined.
  std::string followed(const Ints& values, const Ints& other) {
    if (values == other) return ints(values);
    Names pieces;
    Ints run;  // neighbours that are constant
    const auto flush = [&] {
      if (!run.empty()) pieces.push_back(ints(run));
      run.clear();
    };
    for (std::size_t i = 0; i < values.size(); ++i) {
      const Linear value = *exporter_.follow(values[i], other[i]);
      if (value.a == 0) {
        run.push_back(value.b);
        continue;
      }
      flush();
      std::string extent = exporter_.batch_extent();
      if (value.a != 1) extent = apply("Mul", {extent, ints({value.a})});
      if (value.b != 0) extent = apply("Add", {extent, ints({value.b})});
      pieces.push_back(extent);
    }
    flush();
    if (pieces.size() == 1) return pieces.front();
    return apply("Concat", pieces, {{"axis", std::int64_t{0}}});
  }

  Exporter& exporter_;
  const Node& node_;
  std::size_t position_;
  OpView view_;
  int first_;                  // of this row's nodes in the file
  std::set<std::string> own_;  // names made by fresh()
};

void Exporter::find_needed() {
  needed_.assign(graph_.values.size(), false);
  for (const ValueId id : graph_.outputs) needed_[index(id)] = true;
  for (auto node = graph_.nodes.rbegin(); node != graph_.nodes.rend(); ++node) {
    const bool leads = std::any_of(node->outputs.begin(), node->outputs.end(),
                                   [&](ValueId id) { return needed_[index(id)]; });
    if (!leads) continue;
    for (const ValueId id : node->inputs) {
      if (id != kNoValue) needed_[index(id)] = true;
    }
  }
  // An input that nothing reads belongs to the model all the same; one that only serves training not.
  std::vector<bool> read(graph_.values.size(), false);
  for (const Node& node : graph_.nodes) {
    for (const ValueId id : node.inputs) {
      if (id != kNoValue) read[index(id)] = true;
    }
  }
  for (const Update& update : graph_.updates) read[index(update.source)] = true;
  for (const ValueId id : graph_.inputs) {
    if (!read[index(id)]) needed_[index(id)] = true;
  }
}

std::string Exporter::unique(std::string name) {
  if (name.empty()) name = "value";
  std::string result = name;
  for (int i = 2; !taken_.insert(result).second; ++i) result = fmt::format("{}_{}", name, i);
  return result;
}

// Inputs, outputs and weights choose their names before values in between do.
void Exporter::name_values() {
  names_.assign(graph_.values.size(), "");
  const auto choose = [&](ValueId id) {
    if (names_[index(id)].empty()) names_[index(id)] = unique(graph_.value(id).name);
  };
  for (const ValueId id : graph_.inputs) choose(id);
  for (const ValueId id : graph_.outputs) choose(id);
  for (std::size_t i = 0; i < names_.size(); ++i) {
    if (needed_[i] && graph_.values[i].role != Role::local) choose(static_cast<ValueId>(i));
  }
  for (const Node& node : graph_.nodes) {
    for (const ValueId id : node.outputs) {
      if (needed_[index(id)]) choose(id);
    }
  }
}

void Exporter::check_size() const {
  std::size_t bytes = 0;
  for (std::size_t i = 0; i < needed_.size(); ++i) {
    const GraphValue& value = graph_.values[i];
    if (needed_[i] && value.data) bytes += value.data->bytes().size();
  }
  if (bytes >= kLargestFile) {
    throw UnsupportedError(fmt::format("the weights take {}, and a file of this format holds less "
                                       "than 2 GiB",
                                       human_bytes(static_cast<double>(bytes))),
                           {}, "save_onnx", "save the weights as safetensors");
  }
}

void Exporter::add_initializer(const std::string& name, const Tensor& tensor) {
  ::onnx::TensorProto& proto = *file_.add_initializer();
  proto.set_name(name);
  proto.set_data_type(static_cast<std::int32_t>(element_type(tensor.dtype())));
  for (const std::int64_t extent : tensor.shape()) proto.add_dims(extent);
  const auto bytes = tensor.bytes();
  proto.set_raw_data(std::string(reinterpret_cast<const char*>(bytes.data()), bytes.size()));
}

void Exporter::add_port(::onnx::ValueInfoProto& proto, const std::string& name, ValueId id) const {
  proto.set_name(name);
  auto& type = *proto.mutable_type()->mutable_tensor_type();
  const TensorType& own = graph_.type(id);
  type.set_elem_type(static_cast<std::int32_t>(element_type(own.dtype)));
  auto& shape = *type.mutable_shape();
  for (std::size_t i = 0; i < own.shape.rank(); ++i) {
    auto& dim = *shape.add_dim();
    if (other_ == nullptr || own.shape[i] == other_shape(id)[i]) {
      dim.set_dim_value(own.shape[i]);
    } else if (own.shape[i] == other_->batch && other_shape(id)[i] == other_->other_batch) {
      dim.set_dim_param(kBatchSymbol);
    }  // else it follows the batch in a way that has no name: left open
  }
}

void Exporter::add_inputs() {
  for (const ValueId id : graph_.inputs) {
    if (needed_[index(id)]) add_port(*file_.add_input(), names_[index(id)], id);
  }
}

void Exporter::add_weights() {
  for (std::size_t i = 0; i < needed_.size(); ++i) {
    const GraphValue& value = graph_.values[i];
    if (!needed_[i] || value.role == Role::local || value.role == Role::input) continue;
    if (!value.data) {
      unsupported_.push_back(
          fmt::format("{} \"{}\": has no contents", to_string(value.role), value.name));
      continue;
    }
    add_initializer(names_[i], *value.data);
  }
}

// The batch as i64 [1], taken from an input's extent.
std::string Exporter::batch_extent() {
  if (!batch_extent_.empty()) return batch_extent_;
  for (const ValueId id : graph_.inputs) {
    const Shape& shape = graph_.type(id).shape;
    for (std::size_t i = 0; i < shape.rank(); ++i) {
      if (shape[i] != other_->batch || other_shape(id)[i] != other_->other_batch) continue;
      batch_extent_ = unique(kBatchSymbol);
      ::onnx::NodeProto& proto = *file_.add_node();
      proto.set_op_type("Shape");
      proto.set_name(batch_extent_);
      proto.add_input(names_[index(id)]);
      proto.add_output(batch_extent_);
      for (const auto& [name, value] : {std::pair<const char*, std::size_t>{"start", i},
                                        std::pair<const char*, std::size_t>{"end", i + 1}}) {
        ::onnx::AttributeProto& attribute = *proto.add_attribute();
        attribute.set_name(name);
        set_attribute(attribute, static_cast<std::int64_t>(value));
      }
      return batch_extent_;
    }
  }
  throw UnsupportedError("no input has the batch as an extent", {}, "save_onnx");
}

// An attribute that the row does not know of may change what the node means.
void check_attributes(const NodeExport& node, const ExportRow& row) {
  const std::vector<std::string> known = split(row.attributes, ' ');
  for (const auto& [name, value] : node.attributes().items()) {
    if (std::find(known.begin(), known.end(), name) == known.end()) {
      node.unsupported(fmt::format("its attribute {} has no form in ONNX", name));
    }
  }
}

void Exporter::add_nodes() {
  for (std::size_t i = 0; i < graph_.nodes.size(); ++i) {
    const Node& node = graph_.nodes[i];
    const bool leads = std::any_of(node.outputs.begin(), node.outputs.end(),
                                   [&](ValueId id) { return needed_[index(id)]; });
    if (!leads) continue;
    NodeWriter writer(*this, node, i);
    const auto row = export_rows().find(node.op);
    try {
      if (row == export_rows().end())
        writer.unsupported("there is no row for it in the map to ONNX");
      check_attributes(writer, *row->second);
      row->second->write(writer);
    } catch (const UnsupportedError& error) {
      unsupported_.emplace_back(error.what());
    }
  }
}

// Each output has its own value, made by a node.
void Exporter::add_outputs() {
  std::set<std::string> made;
  for (const ValueId id : graph_.outputs) {
    std::string name = names_[index(id)];
    if (graph_.value(id).role != Role::local || made.contains(name)) {
      const std::string source = name;
      name = unique(source);
      ::onnx::NodeProto& proto = *file_.add_node();
      proto.set_op_type("Identity");
      proto.set_name(name);
      proto.add_input(source);
      proto.add_output(name);
    }
    made.insert(name);
    add_port(*file_.add_output(), name, id);
  }
}

std::string Exporter::run() {
  find_needed();
  name_values();
  check_size();
  model_.set_ir_version(kIrVersion);
  model_.set_producer_name("pinnacle");
  ::onnx::OperatorSetIdProto& opset = *model_.add_opset_import();
  opset.set_domain("");
  opset.set_version(kOpset);
  file_.set_name("pinnacle");
  add_inputs();
  add_weights();
  add_nodes();
  if (!unsupported_.empty()) {
    throw UnsupportedError(fmt::format("{} nodes cannot be written as ONNX, operator set {}",
                                       unsupported_.size(), kOpset),
                           unsupported_, "save_onnx",
                           "save the weights as safetensors, or build the net without them");
  }
  add_outputs();
  if (model_.ByteSizeLong() > kLargestFile) {
    throw UnsupportedError("the model takes more than the 2 GiB that a file of this format holds",
                           {}, "save_onnx", "save the weights as safetensors");
  }
  std::string bytes;
  if (!model_.SerializeToString(&bytes)) throw Error("cannot be serialized", "save_onnx");
  return bytes;
}

bool extents_follow(const Attributes::Ints& a, const Attributes::Ints& b, const OtherBatch& other) {
  if (a.size() != b.size()) return false;
  for (std::size_t i = 0; i < a.size(); ++i) {
    if (!linear(a[i], b[i], other.batch, other.other_batch)) return false;
  }
  return true;
}

bool attributes_follow(const Attributes& a, const Attributes& b, const OtherBatch& other) {
  if (a.items().size() != b.items().size()) return false;
  for (auto x = a.items().begin(), y = b.items().begin(); x != a.items().end(); ++x, ++y) {
    if (x->first != y->first || x->second.index() != y->second.index()) return false;
    const auto* ints = std::get_if<Attributes::Ints>(&x->second);
    if (ints == nullptr && x->second != y->second) return false;
    if (ints != nullptr && !extents_follow(*ints, std::get<Attributes::Ints>(y->second), other)) {
      return false;
    }
  }
  return true;
}

bool values_follow(const GraphValue& a, const GraphValue& b, const OtherBatch& other) {
  if (a.name != b.name || a.role != b.role || a.type.dtype != b.type.dtype) return false;
  const bool data = a.role != Role::local && a.role != Role::input;
  if (data && a.type != b.type) return false;
  if (a.role == Role::constant && *a.data != *b.data) return false;
  return extents_follow(a.type.shape.dims(), b.type.shape.dims(), other);
}

}  // namespace

std::int64_t element_type(DType dtype) {
  switch (dtype) {
    case DType::f32:
      return ::onnx::TensorProto::FLOAT;
    case DType::f16:
      return ::onnx::TensorProto::FLOAT16;
    case DType::i64:
      return ::onnx::TensorProto::INT64;
    case DType::i32:
      return ::onnx::TensorProto::INT32;
    case DType::i8:
      return ::onnx::TensorProto::INT8;
    case DType::u8:
      return ::onnx::TensorProto::UINT8;
    case DType::boolean:
      return ::onnx::TensorProto::BOOL;
  }
  return ::onnx::TensorProto::UNDEFINED;
}

const std::map<std::string_view, const ExportRow*>& export_rows() {
  static const std::vector<ExportRow> rows = all_exports();
  static const std::map<std::string_view, const ExportRow*> by_op = [] {
    std::map<std::string_view, const ExportRow*> map;
    for (const ExportRow& row : rows) map.emplace(row.op, &row);
    return map;
  }();
  return by_op;
}

bool follows_batch(const Graph& graph, const OtherBatch& other) {
  const Graph& b = other.graph;
  if (graph.values.size() != b.values.size() || graph.nodes.size() != b.nodes.size() ||
      graph.inputs != b.inputs || graph.outputs != b.outputs) {
    return false;
  }
  for (std::size_t i = 0; i < graph.values.size(); ++i) {
    if (!values_follow(graph.values[i], b.values[i], other)) return false;
  }
  for (std::size_t i = 0; i < graph.nodes.size(); ++i) {
    const Node& x = graph.nodes[i];
    const Node& y = b.nodes[i];
    if (x.op != y.op || x.inputs != y.inputs || x.outputs != y.outputs ||
        !attributes_follow(x.attributes, y.attributes, other)) {
      return false;
    }
  }
  return true;
}

void write_model(const Graph& graph, const OtherBatch* other, const std::filesystem::path& file) {
  write_file_atomically(file, Exporter(graph, other).run());
}

}  // namespace pinnacle::onnx

namespace pinnacle {

void save_onnx(const Graph& graph, const std::filesystem::path& file) {
  onnx::write_model(graph, nullptr, file);
}

void save_onnx(const Model& model, const std::filesystem::path& file) {
  onnx::OtherBatch other{.graph = model.inference_graph(4), .batch = 1, .other_batch = 4};
  for (GraphValue& value : other.graph.values) {
    if (value.role != Role::constant) value.data.reset();  // the weights are in the first graph
  }
  const Graph graph = model.inference_graph(other.batch);
  onnx::write_model(graph, onnx::follows_batch(graph, other) ? &other : nullptr, file);
}

}  // namespace pinnacle
