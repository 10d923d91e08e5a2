// MpiSession, and an Exchange by MPI: sums by slices, moments by gathering.
// SPDX-License-Identifier: Apache-2.0
#define OMPI_SKIP_MPICXX 1  // the C interface alone
#define MPICH_SKIP_MPICXX 1
#include <mpi.h>
#include <pinnacle/error.hpp>
#include <pinnacle/mpi.hpp>

#include <array>
#include <cstdint>
#include <exception>
#include <string>
#include <vector>

#include "base/moments.hpp"
#include "base/text.hpp"

namespace pinnacle {
namespace {

void check(int code, const char* call) {
  if (code == MPI_SUCCESS) return;
  std::array<char, MPI_MAX_ERROR_STRING> text{};
  int length = 0;
  MPI_Error_string(code, text.data(), &length);
  throw Error(fmt::format("{} failed: {}", call, std::string(text.data(), length)), "MPI",
              "another process may have ended: look at what it said");
}

// Sums by slices: each process gets its slice of everyone's numbers, adds them in the order of the
// ranks, and gives the sums to all. So all have the same bits, whatever way MPI takes, and each number
// travels 2 (N - 1) / N times, as few as possible.
class MpiExchange final : public Exchange {
 public:
  MpiExchange(int rank, int count) : rank_(rank), count_(static_cast<std::size_t>(count)) {}

  void sum(std::string_view name, std::span<const std::span<float>> parts) override {
    std::size_t all = 0;
    for (const std::span<float>& part : parts) all += part.size();
    check_same(name, all);
    numbers_.resize(all);
    std::size_t at = 0;
    for (const std::span<float>& part : parts) {
      std::copy(part.begin(), part.end(), numbers_.begin() + static_cast<std::ptrdiff_t>(at));
      at += part.size();
    }
    add();
    at = 0;
    for (const std::span<float>& part : parts) {
      std::copy_n(numbers_.begin() + static_cast<std::ptrdiff_t>(at), part.size(), part.begin());
      at += part.size();
    }
  }

  void moments(std::string_view name, std::span<float> mean, std::span<float> variance,
               double share) override {
    const std::size_t channels = mean.size();
    check_same(name, channels);
    std::vector<double> own = {share};
    own.insert(own.end(), mean.begin(), mean.end());
    own.insert(own.end(), variance.begin(), variance.end());
    const std::size_t each = own.size();
    std::vector<double> all(each * count_);
    check(MPI_Allgather(own.data(), to_count(each), MPI_DOUBLE, all.data(), to_count(each),
                        MPI_DOUBLE, MPI_COMM_WORLD),
          "MPI_Allgather");
    for (std::size_t c = 0; c < channels; ++c) {
      const Moments joined = join_moments(
          count_,
          [&](std::size_t i) {
            return Moments{all[i * each + 1 + c], all[i * each + 1 + channels + c]};
          },
          [&](std::size_t i) { return all[i * each]; });
      mean[c] = static_cast<float>(joined.mean);
      variance[c] = static_cast<float>(joined.variance);
    }
  }

 private:
  static int to_count(std::size_t count) {
    if (count > INT32_MAX) throw Error("more than 2^31 numbers at once", "MPI");
    return static_cast<int>(count);
  }

  // Everyone learns what the others exchange.
  void check_same(std::string_view name, std::size_t numbers) const {
    const std::array<std::uint64_t, 2> own = {hash64(name), numbers};
    std::vector<std::uint64_t> all(2 * count_);
    check(MPI_Allgather(own.data(), 2, MPI_UINT64_T, all.data(), 2, MPI_UINT64_T, MPI_COMM_WORLD),
          "MPI_Allgather");
    for (std::size_t i = 0; i < count_; ++i) {
      if (all[2 * i] == own[0] && all[2 * i + 1] == own[1]) continue;
      throw Error(
          fmt::format("process {} exchanges \"{}\" of {} numbers, process {} something else "
                      "of {}",
                      rank_, name, numbers, i, all[2 * i + 1]),
          "MPI", "all must train the same model, with the same options");
    }
  }

  void add() {
    const std::size_t all = numbers_.size();
    std::vector<int> sizes(count_);
    std::vector<int> starts(count_);
    for (std::size_t i = 0; i < count_; ++i) {
      starts[i] = to_count(all * i / count_);
      sizes[i] = to_count(all * (i + 1) / count_) - starts[i];
    }
    const auto own = static_cast<std::size_t>(rank_);
    const auto slice = static_cast<std::size_t>(sizes[own]);
    slices_.resize(slice * count_);
    const std::vector<int> received(count_, sizes[own]);
    std::vector<int> placed(count_);
    for (std::size_t i = 0; i < count_; ++i) placed[i] = to_count(slice * i);
    check(MPI_Alltoallv(numbers_.data(), sizes.data(), starts.data(), MPI_FLOAT, slices_.data(),
                        received.data(), placed.data(), MPI_FLOAT, MPI_COMM_WORLD),
          "MPI_Alltoallv");
    for (std::size_t i = 1; i < count_; ++i) {
      for (std::size_t k = 0; k < slice; ++k) slices_[k] += slices_[i * slice + k];
    }
    check(MPI_Allgatherv(slices_.data(), sizes[own], MPI_FLOAT, numbers_.data(), sizes.data(),
                         starts.data(), MPI_FLOAT, MPI_COMM_WORLD),
          "MPI_Allgatherv");
  }

  int rank_;
  std::size_t count_;
  std::vector<float> numbers_;
  std::vector<float> slices_;
};

}  // namespace

MpiSession::MpiSession(int& argc, char**& argv) {
  int running = 0;
  MPI_Initialized(&running);
  if (running != 0) throw ArgumentError("there is one already", "MpiSession");
  int threads = 0;
  check(MPI_Init_thread(&argc, &argv, MPI_THREAD_SERIALIZED, &threads), "MPI_Init_thread");
  MPI_Comm_set_errhandler(MPI_COMM_WORLD, MPI_ERRORS_RETURN);
  check(MPI_Comm_rank(MPI_COMM_WORLD, &rank_), "MPI_Comm_rank");
  check(MPI_Comm_size(MPI_COMM_WORLD, &count_), "MPI_Comm_size");
  if (threads < MPI_THREAD_SERIALIZED && count_ > 1) {
    MPI_Finalize();
    throw Error("this MPI does not allow calls by another thread than the first", "MpiSession",
                "use a build of it with MPI_THREAD_SERIALIZED");
  }
}

MpiSession::~MpiSession() {
  if (std::uncaught_exceptions() > 0 && count_ > 1) {
    MPI_Abort(MPI_COMM_WORLD, 1);
  } else {
    MPI_Finalize();
  }
}

Peers MpiSession::peers() const {
  if (count_ == 1) return {};
  return {.exchange = std::make_shared<MpiExchange>(rank_, count_), .rank = rank_, .count = count_};
}

}  // namespace pinnacle
