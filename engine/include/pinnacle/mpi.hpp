// MpiSession: several processes, on one machine or many, that train one model together. Its library is
// pinnacle_mpi, built where there is MPI; libpinnacle itself does not know it.
// Thread safety: one session per process; its Exchange is used by one thread at a time.
// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <pinnacle/train.hpp>

namespace pinnacle {

class MpiSession {
 public:
  /// MPI_Init. throws Error if MPI cannot start; ArgumentError if there is a session already
  MpiSession(int& argc, char**& argv);
  /// MPI_Finalize; while an exception goes through, MPI_Abort, which ends the other processes: they would
  /// wait for this one for ever.
  ~MpiSession();
  MpiSession(const MpiSession&) = delete;
  MpiSession& operator=(const MpiSession&) = delete;

  int rank() const { return rank_; }
  int count() const { return count_; }
  /// For TrainerOptions::peers. Every process must train the same model on the same data with the same
  /// options; each takes its rows of every batch. Only rank 0 writes checkpoints.
  Peers peers() const;

 private:
  int rank_ = 0;
  int count_ = 1;
};

}  // namespace pinnacle
