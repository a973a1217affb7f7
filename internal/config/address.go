package config

import (
	"fmt"
	"net"
	"strconv"

	"github.com/goccy/go-yaml/ast"
)

// Address is where a listener listens, "HOST:PORT". ":PORT" is loopback: who wants to be seen from elsewhere says so.
// "" is nowhere.
type Address string

// UnmarshalText reads an address.
func (a *Address) UnmarshalText(b []byte) error {
	if len(b) == 0 {
		*a = ""
		return nil
	}
	host, port, err := net.SplitHostPort(string(b))
	if n, err2 := strconv.Atoi(port); err != nil || err2 != nil || n < 0 || n > 65535 {
		return fmt.Errorf("%q is no address: write 127.0.0.1:9464, or 0.0.0.0:9464 to be seen from other machines", b)
	}
	if host == "" {
		host = "127.0.0.1"
	}
	*a = Address(net.JoinHostPort(host, port))
	return nil
}

// UnmarshalYAML reads an address and knows where it stands.
func (a *Address) UnmarshalYAML(n ast.Node) error { return scalar(n, a.UnmarshalText) }

// String, Set and Type let it be a flag.
func (a *Address) String() string { return string(*a) }

// Set reads the flag's value.
func (a *Address) Set(s string) error { return a.UnmarshalText([]byte(s)) }

// Type is what the help calls it.
func (a *Address) Type() string { return "address" }
