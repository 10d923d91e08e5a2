// The subcommands of pinnacle-bench. Each prints its tables and returns the exit code; what is
// wrong with the arguments is thrown as an Error.
// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <cstdint>
#include <filesystem>
#include <optional>
#include <string>
#include <vector>

#include "bench/tune_work.hpp"

namespace pinnacle::bench {

/// --json [FILE]; an empty path: to stdout.
using JsonOption = std::optional<std::filesystem::path>;

struct DevicesOptions {
  std::string devices;  ///< empty: all, the host reference too
  JsonOption json;
};
/// 1 if a device fails its self-test or there is none but the host.
int run_devices(const DevicesOptions& options);

struct CompareOptions {
  std::vector<std::string> models;  ///< ONNX files
  std::string devices;              ///< empty: those of `resume`, else all
  std::string suite;  ///< quick, standard or full; empty: that of `resume`, else standard
  std::string only;   ///< a part of the items' names
  JsonOption json;
  std::string csv, html;  ///< files; empty: none
  std::string resume;     ///< a file of --json, written on if there is no --json
};
/// 1 if a measurement failed, 130 if it was interrupted.
int run_compare(const CompareOptions& options);

struct DiffOptions {
  std::vector<std::string> files;  ///< before, after
  double threshold = 3;            ///< per cent; smaller changes do not count
  bool all = false;                ///< also list what is unchanged
  JsonOption json;
};
/// 1 if something is slower, or fails that did not.
int run_diff(const DiffOptions& options);

struct PageOptions {
  std::string file;  ///< what `compare` wrote
  std::string html;  ///< empty: beside it, called .html
};
/// Prints where the page is.
int run_page(const PageOptions& options);

struct OpsOptions {
  std::string device;  ///< empty: PINNACLE_DEVICE, or the fastest
  std::string op;
  std::string filter;   ///< a part of the case's name
  std::string variant;  ///< empty: what the passes choose
  bool all_variants = false;
  double seconds = 1;  ///< per case and variant, about
  JsonOption json;
};
/// 1 if a result was wrong or a measurement failed.
int run_ops(const OpsOptions& options);

struct SetOptions {
  std::string device;
  std::string sets;  ///< names joined by commas
  std::string pass = "forward";
  std::string batches = "1,16";
  std::string filter;                ///< a part of the shape's name
  std::string variant;               ///< empty: what the passes choose
  std::optional<std::string> peers;  ///< names joined by commas; empty: all
  double seconds = 1;                ///< per shape and library, about
  JsonOption json;
};
/// 1 if a result was wrong or a measurement failed.
int run_sets(const SetOptions& options);

struct OverheadOptions {
  std::string device;
  double seconds = 1;  ///< per plan, about
  JsonOption json;
};
/// 1 if a plan could not be run.
int run_overhead(const OverheadOptions& options);

struct NetsOptions {
  std::vector<std::string> nets;      ///< empty: all
  std::string mode = "all";           ///< "inference", "training" or "all"
  std::vector<std::int64_t> batches;  ///< empty: 1 for inference, the net's own for training
  std::string device;
  double seconds = 1;  ///< per net, mode, batch and framework, about
  bool peers = false;
  bool profile = false;
  bool first_result = false;  ///< instead: the time until a process has its first result
  bool once = false;          ///< instead: what first_result starts
  std::string trace;          ///< a file for the calls of one run
  std::string save;           ///< instead: write the net to this file
  std::vector<std::string> without_passes;
  JsonOption json;
};
/// 1 if a net could not be run.
int run_nets(const NetsOptions& options);

struct ModelOptions {
  std::vector<std::string> files;
  std::string device;
  std::int64_t batch = 0;           ///< 0: as the file says, else 1
  std::vector<std::string> shapes;  ///< "x=1x3x224x224"
  std::string inputs;               ///< a folder with input_N.pb
  double seconds = 1;               ///< per model and side, about
  std::string peers;                ///< "onnxruntime" or empty
  bool profile = false;
  std::string trace;  ///< a file for the calls of one run
  std::vector<std::string> without_passes;
  bool first_result = true;  ///< also the time until a process has its first result
  bool once = false;         ///< instead: what that process does
  JsonOption json;
};
/// 1 if a model could not be run, or its outputs differ from a peer's; 2 if all files are bad.
int run_model(const ModelOptions& options);

struct CheckOptions {
  std::string file;
  std::string device;
  std::string against = "host";
  std::int64_t batch = 0;
  std::vector<std::string> shapes;
  std::string inputs;
  double rtol = 1e-3;
  std::optional<double> atol;  ///< none: a share of the node's largest value
  std::vector<std::string> without_passes;
  JsonOption json;
};
/// 1 if a node differs by more than the tolerance.
int run_check(const CheckOptions& options);

struct PlaceOptions {
  std::string file;
  std::string devices = "all";
  std::string save;  ///< write the placement to this file
  std::string load;  ///< take it from this file instead of measuring
  std::int64_t batch = 0;
  std::vector<std::string> shapes;
  std::string inputs;
  double seconds = 2;  ///< per way to run, about
  JsonOption json;
};
/// 1 if the pipeline's outputs differ from those of the first device alone.
int run_place(const PlaceOptions& options);

struct TrainOptions {
  std::string net = "lenet";
  std::string devices = "all";
  std::string strategy = "auto";
  std::int64_t batch = 0;       ///< 0: the net's usual one
  bool own_statistics = false;  ///< batch_norm without synchronisation
  bool check = false;           ///< also compare the losses of some steps with the first device's
  std::string save, load;       ///< a file for the placement
  double seconds = 2;           ///< per way to run, about
  JsonOption json;
};
/// 1 if the losses differ from those of the first device alone.
int run_train(const TrainOptions& options);

struct TuneOptions {
  std::string device;
  WorkSelection work;
  double seconds = 0.1;    ///< of measuring for each candidate, about
  double time_limit = 20;  ///< for each candidate; one that takes longer is stopped
  double budget = 0;       ///< seconds after which no further shape is begun; 0: none
  bool again = false;      ///< known shapes, too
  std::string import_file;
  std::string export_file;
  double least_gain = 0;  ///< per cent; export only what gains so much over the heuristic
};
/// 1 if a shape could not be tuned.
int run_tune(const TuneOptions& options);
/// The child process in which candidates run.
int run_tune_worker(const std::string& device);

}  // namespace pinnacle::bench
