// Package sim is the test world: what proves the laws across folders, with the real parts. Its tests drive
// runner, sinks and commit log through crashes, zombies and lost races (simlog: at each step); the commands below it run
// the real binary (kill: under kill -9; killstream: as a line of processes, each with a zombie, by way of stream and
// judged by streamjudge; kafkasmoke: against Apache Kafka; race: beside other crawlers, on the
// websites of web). Nothing of the product imports it.
//
// Read in this order: bar.go, binary.go, killer.go, compare.go.
package sim
