"""MPI: launch, communicators, and the exchange of spikes between ranks. Nothing else knows of MPI."""
