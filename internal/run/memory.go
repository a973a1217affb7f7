package run

import (
	"math"
	"os"
	"runtime/debug"
)

// maxStack ends a stage that calls itself without end before it has a gigabyte, which is Go's own limit.
const maxStack = 64 << 20

// LimitMemory sets the soft limit of the process and gives it; 0 is none. limit 0 stands for four fifths of what
// the machine or its control group has, as far as that can be found out, or for GOMEMLIMIT where it is set.
func LimitMemory(limit int64) int64 {
	debug.SetMaxStack(maxStack)
	if set := debug.SetMemoryLimit(-1); set != math.MaxInt64 && limit == 0 {
		return set
	}
	if limit == 0 {
		if all := allMemory(); all > 0 {
			limit = all / 5 * 4
		}
	}
	if limit > 0 {
		debug.SetMemoryLimit(limit)
	}
	return limit
}

// indexGarbage is how much garbage there may be beside what lives in a process that holds an index, in percent. Such a
// process holds a hundred megabytes and more that have no pointers, so that collecting three times as often costs little; Go's own 100
// would let it grow to twice of what it needs.
const indexGarbage = 30

// SpareMemory has garbage collected sooner. GOGC, where it is set, counts more.
func SpareMemory() { garbage(indexGarbage) }

// stepGarbage is for a process in which little lives: there, Go would collect many times a second.
const stepGarbage = 400

// SpareTime has garbage collected later. GOGC, where it is set, counts more.
func SpareTime() { garbage(stepGarbage) }

func garbage(percent int) {
	if os.Getenv("GOGC") == "" {
		debug.SetGCPercent(percent)
	}
}
