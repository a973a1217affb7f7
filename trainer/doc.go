// Package trainer turns committed documents into a language model. Documents come in, in commit
// order (Docs); a byte-level Transformer, its checkpoints and its losses go out (Train, Result).
//
// Everything is counted from the step number and the log of versions that each step saw, so that
// a run that was killed ends with the same parameters as one that was not, for any GOMAXPROCS.
//
// Read in this order: config.go, model.go, gemm.go, ops.go, weights.go, arena.go, backward.go,
// adamw.go, gpt.go, store.go, feedlog.go, feed.go, safetensors.go, checkpoint.go, events.go,
// train.go, baseline.go, score.go, curve.go.
package trainer
