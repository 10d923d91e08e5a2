// Safetensors files: 8 bytes of header length, a JSON header, then the tensors without gaps.
// The reader trusts nothing in a file: it builds no JSON tree and checks every number first.
// SPDX-License-Identifier: Apache-2.0
#include <fmt/format.h>
#include <pinnacle/model.hpp>

#include <algorithm>
#include <array>
#include <bit>
#include <cstring>
#include <nlohmann/json.hpp>
#include <optional>

#include "base/files.hpp"

namespace pinnacle {
namespace {

static_assert(std::endian::native == std::endian::little, "tensors are stored little-endian");

constexpr std::size_t kLengthBytes = 8;
constexpr std::uint64_t kHeaderLimit = 100'000'000;  // as in the reference implementation
constexpr const char* kMetadata = "__metadata__";

constexpr std::array<std::pair<std::string_view, DType>, 7> kTypes{{{"F32", DType::f32},
                                                                    {"F16", DType::f16},
                                                                    {"I64", DType::i64},
                                                                    {"I32", DType::i32},
                                                                    {"I8", DType::i8},
                                                                    {"U8", DType::u8},
                                                                    {"BOOL", DType::boolean}}};
constexpr std::array<std::string_view, 12> kOtherTypes{"F64", "BF16",    "I16",     "U16",
                                                       "U32", "U64",     "F8_E4M3", "F8_E5M2",
                                                       "C64", "F8_E8M0", "F4",      "F6_E2M3"};

struct Entry {
  std::string name;
  std::string dtype;
  std::vector<std::uint64_t> shape;
  std::vector<std::uint64_t> offsets;
  bool has_shape = false;
};

// Follows the header's grammar event by event:
//   { "__metadata__": {text: text, ...},  name: {"dtype": text, "shape": [..], "data_offsets":
//   [..]} }
class HeaderReader : public nlohmann::json_sax<nlohmann::json> {
 public:
  std::vector<Entry> entries;
  std::map<std::string, std::string> metadata;
  std::string problem;

  bool null() override { return unexpected("null"); }
  bool boolean(bool) override { return unexpected("a boolean"); }
  bool number_float(number_float_t, const string_t& text) override { return bad_number(text); }
  bool number_integer(number_integer_t value) override {
    return bad_number(fmt::format("{}", value));
  }
  bool binary(binary_t&) override { return unexpected("binary data"); }

  bool number_unsigned(number_unsigned_t value) override {
    if (place_ != Place::numbers) return unexpected("a number");
    numbers().push_back(value);
    return true;
  }

  bool string(string_t& text) override {
    if (place_ == Place::metadata) {
      if (metadata.emplace(key_, text).second) return true;
      return fail(fmt::format("the metadata key \"{}\" is there twice", key_));
    }
    if (place_ != Place::entry || key_ != "dtype") return unexpected("a text");
    if (!entries.back().dtype.empty()) return twice();
    if (text.empty()) return fail(fmt::format("tensor \"{}\" has an empty dtype", name()));
    entries.back().dtype = text;
    return true;
  }

  bool start_object(std::size_t) override {
    if (place_ == Place::start) {
      place_ = Place::top;
    } else if (place_ == Place::top && key_ == kMetadata) {
      if (seen_metadata_) return fail("__metadata__ is there twice");
      seen_metadata_ = true;
      place_ = Place::metadata;
    } else if (place_ == Place::top) {
      Entry entry;
      entry.name = key_;
      entries.push_back(std::move(entry));
      place_ = Place::entry;
    } else {
      return unexpected("an object");
    }
    return true;
  }

  bool key(string_t& text) override {
    key_ = text;
    if (place_ != Place::entry || text == "dtype" || text == "shape" || text == "data_offsets") {
      return true;
    }
    return fail(fmt::format("tensor \"{}\" has an unknown key \"{}\"", name(), text));
  }

  bool end_object() override {
    if (place_ == Place::top) {
      place_ = Place::end;
      return true;
    }
    if (place_ == Place::entry) {
      const Entry& entry = entries.back();
      const char* missing = entry.dtype.empty()          ? "dtype"
                            : !entry.has_shape           ? "shape"
                            : entry.offsets.size() != 2U ? "data_offsets of two numbers"
                                                         : nullptr;
      if (missing != nullptr) return fail(fmt::format("tensor \"{}\" has no {}", name(), missing));
    }
    place_ = Place::top;
    return true;
  }

  bool start_array(std::size_t) override {
    if (place_ != Place::entry || key_ == "dtype") return unexpected("a list");
    Entry& entry = entries.back();
    if (key_ == "shape" ? entry.has_shape : !entry.offsets.empty()) return twice();
    if (key_ == "shape") entry.has_shape = true;
    place_ = Place::numbers;
    return true;
  }

  bool end_array() override {
    place_ = Place::entry;
    return true;
  }

  bool parse_error(std::size_t position, const std::string&,
                   const nlohmann::detail::exception&) override {
    return fail(fmt::format("the header is no valid JSON at byte {}", kLengthBytes + position));
  }

 private:
  enum class Place { start, top, metadata, entry, numbers, end };

  const std::string& name() const { return entries.back().name; }
  std::vector<std::uint64_t>& numbers() {
    return key_ == "shape" ? entries.back().shape : entries.back().offsets;
  }
  bool fail(std::string text) {
    if (problem.empty()) problem = std::move(text);
    return false;
  }
  bool twice() { return fail(fmt::format("tensor \"{}\" has \"{}\" twice", name(), key_)); }
  bool unexpected(const char* what) {
    if (place_ == Place::start) return fail("the header is no JSON object");
    return fail(fmt::format("{} is not allowed under \"{}\"", what, key_));
  }
  bool bad_number(const std::string& text) {
    return fail(fmt::format("{} under \"{}\" is no size", text, key_));
  }

  Place place_ = Place::start;
  std::string key_;
  bool seen_metadata_ = false;
};

class File {
 public:
  File(const std::filesystem::path& path) : path_(path.string()), bytes_(read_file(path)) {}

  [[noreturn]] void fail(const std::string& problem) const {
    throw ParseError(problem, path_, "it is no safetensors file, or it is damaged");
  }

  Checkpoint parse() const {
    const HeaderReader header = read_header();
    check_types(header.entries);
    check_names_and_places(header.entries);
    Checkpoint checkpoint;
    checkpoint.metadata = header.metadata;
    for (const Entry& entry : header.entries) {
      Tensor tensor = make_tensor(entry);
      const std::span<std::byte> target = tensor.bytes();
      if (!target.empty()) {
        std::memcpy(target.data(), bytes_.data() + data_start_ + entry.offsets[0], target.size());
      }
      checkpoint.tensors.emplace(entry.name, std::move(tensor));
    }
    return checkpoint;
  }

  HeaderReader read_header() const {
    if (bytes_.size() < kLengthBytes) {
      fail(fmt::format("has {} bytes; a header length needs 8", bytes_.size()));
    }
    std::uint64_t length = 0;
    std::memcpy(&length, bytes_.data(), kLengthBytes);
    if (length > kHeaderLimit) {
      fail(fmt::format("says that its header has {} bytes; at most {} are allowed", length,
                       kHeaderLimit));
    }
    if (length > bytes_.size() - kLengthBytes) {
      fail(fmt::format("ends at byte {} inside its header of {} bytes", bytes_.size(), length));
    }
    data_start_ = kLengthBytes + static_cast<std::size_t>(length);
    HeaderReader reader;
    const auto first = bytes_.begin() + kLengthBytes;
    const auto last = first + static_cast<std::ptrdiff_t>(length);
    if (first == last || *first != '{') fail("byte 8 must be '{', where the header begins");
    if (!nlohmann::json::sax_parse(first, last, &reader)) fail(reader.problem);
    return reader;
  }

 private:
  std::size_t data_bytes() const { return bytes_.size() - data_start_; }

  // Types that the format has and Pinnacle has not, all of them in one error.
  void check_types(const std::vector<Entry>& entries) const {
    std::vector<std::string> unsupported;
    for (const Entry& entry : entries) {
      if (type_of(entry.dtype)) continue;
      if (std::find(kOtherTypes.begin(), kOtherTypes.end(), entry.dtype) == kOtherTypes.end()) {
        fail(fmt::format("tensor \"{}\" has the unknown dtype \"{}\"", entry.name, entry.dtype));
      }
      unsupported.push_back(fmt::format("{}: {}", entry.name, entry.dtype));
    }
    if (unsupported.empty()) return;
    throw UnsupportedError(fmt::format("{} tensors have other element types", unsupported.size()),
                           std::move(unsupported), path_, "convert them to F32");
  }

  static std::optional<DType> type_of(std::string_view text) {
    const auto it = std::find_if(kTypes.begin(), kTypes.end(),
                                 [&](const auto& type) { return type.first == text; });
    return it == kTypes.end() ? std::nullopt : std::optional(it->second);
  }

  // Each name once; the tensors cover the data without gap or overlap.
  void check_names_and_places(const std::vector<Entry>& entries) const {
    std::vector<const Entry*> order;
    for (const Entry& entry : entries) order.push_back(&entry);
    std::sort(order.begin(), order.end(),
              [](const Entry* a, const Entry* b) { return a->name < b->name; });
    for (std::size_t i = 1; i < order.size(); ++i) {
      if (order[i]->name == order[i - 1]->name) {
        fail(fmt::format("tensor \"{}\" is there twice", order[i]->name));
      }
    }
    std::sort(order.begin(), order.end(),
              [](const Entry* a, const Entry* b) { return a->offsets < b->offsets; });
    std::uint64_t position = 0;
    for (const Entry* entry : order) {
      const std::uint64_t begin = entry->offsets[0], end = entry->offsets[1];
      if (begin > end || end > data_bytes()) {
        fail(fmt::format("tensor \"{}\" lies at [{}, {}) but there are {} bytes of data",
                         entry->name, begin, end, data_bytes()));
      }
      if (begin != position) {
        fail(fmt::format("tensor \"{}\" begins at {} but the one before ends at {}", entry->name,
                         begin, position));
      }
      position = end;
    }
    if (position != data_bytes()) {
      fail(fmt::format("the tensors end at {} but there are {} bytes of data", position,
                       data_bytes()));
    }
  }

  Tensor make_tensor(const Entry& entry) const {
    const DType dtype = *type_of(entry.dtype);
    const std::uint64_t bytes = entry.offsets[1] - entry.offsets[0];
    const std::uint64_t elements = bytes / size_of(dtype);
    const bool empty = std::find(entry.shape.begin(), entry.shape.end(), 0u) != entry.shape.end();
    std::uint64_t product = empty ? 0 : 1;
    std::vector<std::int64_t> dims;
    for (const std::uint64_t extent : entry.shape) {
      if (extent > static_cast<std::uint64_t>(std::numeric_limits<std::int64_t>::max())) {
        fail(fmt::format("tensor \"{}\" has an extent of {}", entry.name, extent));
      }
      dims.push_back(static_cast<std::int64_t>(extent));
      // Compared by division, so that no product overflows.
      if (!empty && extent > elements / product) {
        fail(fmt::format("tensor \"{}\" is {}{} but has {} bytes", entry.name, entry.dtype,
                         listed(entry.shape), bytes));
      }
      if (!empty) product *= extent;
    }
    if (product * size_of(dtype) != bytes) {
      fail(fmt::format("tensor \"{}\" is {}{} but has {} bytes", entry.name, entry.dtype,
                       listed(entry.shape), bytes));
    }
    try {
      return Tensor(Shape(std::move(dims)), dtype);
    } catch (const ShapeError& error) {  // such as [2^60, 0]
      fail(fmt::format("tensor \"{}\": {}", entry.name, error.what()));
    }
  }

  static std::string listed(const std::vector<std::uint64_t>& shape) {
    return fmt::format("[{}]", fmt::join(shape, ", "));
  }

  std::string path_;
  std::string bytes_;
  mutable std::size_t data_start_ = 0;
};

std::string_view type_name(DType dtype) {
  for (const auto& [text, type] : kTypes) {
    if (type == dtype) return text;
  }
  return "?";
}

std::string quoted(const std::string& text) {
  try {
    return nlohmann::json(text).dump();
  } catch (const nlohmann::json::exception&) {
    throw ArgumentError("a name or metadata text is not UTF-8", "save_safetensors");
  }
}

}  // namespace

Checkpoint load_safetensors(const std::filesystem::path& file) { return File(file).parse(); }

void save_safetensors(const std::filesystem::path& file, const Checkpoint& checkpoint) {
  std::vector<const Weights::value_type*> order;
  std::size_t data_bytes = 0;
  for (const auto& item : checkpoint.tensors) {
    if (item.first == kMetadata) {
      throw ArgumentError("no tensor can have this name", kMetadata);
    }
    order.push_back(&item);
    data_bytes += item.second.bytes().size();
  }
  // Large elements first: then every tensor is aligned to its element.
  std::stable_sort(order.begin(), order.end(), [](const auto* a, const auto* b) {
    return size_of(a->second.dtype()) > size_of(b->second.dtype());
  });
  std::string header = "{";
  const auto separate = [&] { header += header.size() > 1 ? "," : ""; };
  if (!checkpoint.metadata.empty()) {
    std::string items;
    for (const auto& [key, text] : checkpoint.metadata) {
      items += fmt::format("{}{}:{}", items.empty() ? "" : ",", quoted(key), quoted(text));
    }
    header += fmt::format("\"{}\":{{{}}}", kMetadata, items);
  }
  std::size_t position = 0;
  for (const auto* item : order) {
    const Tensor& tensor = item->second;
    const std::size_t end = position + tensor.bytes().size();
    separate();
    header += fmt::format(R"({}:{{"dtype":"{}","shape":[{}],"data_offsets":[{},{}]}})",
                          quoted(item->first), type_name(tensor.dtype()),
                          fmt::join(tensor.shape().dims(), ","), position, end);
    position = end;
  }
  header += "}";
  header.resize((header.size() + 7) / 8 * 8, ' ');
  if (header.size() > kHeaderLimit) {
    throw ArgumentError("there are too many tensors for one file", file.string());
  }
  std::string contents(kLengthBytes, '\0');
  const std::uint64_t length = header.size();
  std::memcpy(contents.data(), &length, kLengthBytes);
  contents.reserve(kLengthBytes + header.size() + data_bytes);
  contents += header;
  for (const auto* item : order) {
    const auto bytes = item->second.bytes();
    contents.append(reinterpret_cast<const char*>(bytes.data()), bytes.size());
  }
  write_file_atomically(file, contents);
}

}  // namespace pinnacle
