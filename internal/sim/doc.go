// Package sim is the test world: what proves the laws across folders. Its tests drive the real broker,
// runner, sinks and commit log through crashes, zombies and lost races. Only tests import it.
package sim
