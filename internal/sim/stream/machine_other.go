//go:build !linux

package stream

import (
	"context"
	"errors"
)

var errNoNamespaces = errors.New("only Linux has network namespaces")

func newMachine(context.Context, string, []string) (*machine, error) { return nil, errNoNamespaces }

func raiseLoopback() error { return errNoNamespaces }
