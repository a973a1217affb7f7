package main

import (
	"context"
	"errors"

	"millrace/internal/sim"
)

func raceKill(context.Context, *track, *sim.Bar) error { return errors.New("not yet") }
