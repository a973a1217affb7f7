// Package simlog tries the protocol of ARCHITECTURE.md, "Exactly once", on a log that is simulated. The runner, the
// sources and sinks of ingest, its codec and marks, the duplicate index, and the shard sink with its commit log are
// the real ones; what carries requests to the log, and what changes the disk, asks a scheduler for each step, in
// virtual time. So a history is a function of its input and of the faults in it: at every step the owner may die, go
// on later as a zombie, lose an answer, or have its append land when its successor is at work.
//
// It is tests only. Read in this order: history_test.go (what is tried), world_test.go (the scheduler), life_test.go,
// log_test.go (the log), roles_test.go (who works), ledger_test.go, judge_test.go and state_test.go (the twelve
// invariants, from the files and the log alone), mutants_test.go (the mistakes that they have to catch).
package simlog
