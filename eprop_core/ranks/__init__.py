"""MPI: launch, communicators, and the exchange of spikes between ranks. No other package uses MPI."""
