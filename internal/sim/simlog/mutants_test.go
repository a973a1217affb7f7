package simlog

import (
	"millrace"
	"millrace/dedup"
	"millrace/internal/durable"
)

// mutant is a mistake in the protocol, planted around the real parts.
type mutant interface {
	written(*world, *incarnation, millrace.Partition, []record) []record
	read(*world, millrace.Partition, record) record
	disk(*world, *durable.Step) error
	answered(*world, *durable.Step, error) error
	collect(*world)
	checkpoint(millrace.Checkpoint) millrace.Checkpoint
	trim(before, end int64) int64
	source(millrace.Source) millrace.Source
	sink(millrace.Sink) millrace.Sink
	state(*dedup.Index) millrace.Stateful
}

// none is no mistake: every mutant is this, but for one thing.
type none struct{}

func (none) written(_ *world, _ *incarnation, _ millrace.Partition, recs []record) []record {
	return recs
}
func (none) read(_ *world, _ millrace.Partition, r record) record { return r }
func (none) disk(*world, *durable.Step) error                     { return nil }
func (none) answered(_ *world, _ *durable.Step, err error) error  { return err }
func (none) collect(*world)                                       {}
func (none) checkpoint(c millrace.Checkpoint) millrace.Checkpoint { return c }
func (none) trim(before, _ int64) int64                           { return before }
func (none) source(s millrace.Source) millrace.Source             { return s }
func (none) sink(s millrace.Sink) millrace.Sink                   { return s }
func (none) state(x *dedup.Index) millrace.Stateful               { return x }
