//go:build !unix

package main

import "errors"

func cpuSeconds() (float64, error) {
	return 0, errors.New("race-extract needs Unix: it counts CPU seconds")
}
