package ingest

import (
	"context"
	"crypto/tls"
	"crypto/x509"
	"errors"
	"fmt"
	"net"
	"os"

	"github.com/segmentio/kafka-go"
	"github.com/segmentio/kafka-go/sasl"
	saslplain "github.com/segmentio/kafka-go/sasl/plain"
	"github.com/segmentio/kafka-go/sasl/scram"
)

// AccessOptions say how a Kafka is reached that is not open to everybody.
type AccessOptions struct {
	TLS       bool
	CA        string // a file with the certificates to trust, in PEM; "" is the system's
	Cert, Key string // files with this client's own certificate, in PEM; "" is none
	SASL      string // "", plain, scram-sha-256 or scram-sha-512
	User      string
}

// Access is how connections to a Kafka are secured. nil is in the open, as the embedded broker is.
type Access struct {
	tls *tls.Config
	// A function, so that nothing that prints an Access shows the password.
	sasl func() sasl.Mechanism
	user string
}

// NewAccess reads the files and prepares the password. Neither it nor a key is in any error.
func NewAccess(o AccessOptions, password string) (*Access, error) {
	a := &Access{user: o.User}
	if o.TLS {
		var err error
		if a.tls, err = tlsConfig(o); err != nil {
			return nil, err
		}
	}
	var m sasl.Mechanism
	var err error
	switch o.SASL {
	case "":
		return a, nil
	case "plain":
		m = saslplain.Mechanism{Username: o.User, Password: password}
	case "scram-sha-256":
		m, err = scram.Mechanism(scram.SHA256, o.User, password)
	case "scram-sha-512":
		m, err = scram.Mechanism(scram.SHA512, o.User, password)
	default:
		return nil, fmt.Errorf("sasl is plain, scram-sha-256 or scram-sha-512, not %q", o.SASL)
	}
	if err != nil { // the library's error may quote what it was given
		return nil, fmt.Errorf("user or password cannot be used with %s: a character in it is not allowed", o.SASL)
	}
	a.sasl = func() sasl.Mechanism { return m }
	return a, nil
}

func tlsConfig(o AccessOptions) (*tls.Config, error) {
	c := &tls.Config{MinVersion: tls.VersionTLS12}
	if o.CA != "" {
		pem, err := os.ReadFile(o.CA)
		if err != nil {
			return nil, fmt.Errorf("read the certificates to trust: %w", err)
		}
		c.RootCAs = x509.NewCertPool()
		if !c.RootCAs.AppendCertsFromPEM(pem) {
			return nil, fmt.Errorf("%s holds no certificate in PEM", o.CA)
		}
	}
	if o.Cert != "" || o.Key != "" {
		pair, err := tls.LoadX509KeyPair(o.Cert, o.Key)
		if err != nil {
			return nil, fmt.Errorf("read this client's certificate: %w", err)
		}
		c.Certificates = []tls.Certificate{pair}
	}
	return c, nil
}

// secure sets up a pool of connections.
func (a *Access) secure(pool *kafka.Transport) {
	if a == nil {
		return
	}
	if a.tls != nil {
		pool.Dial = a.shake(pool.Dial)
	}
	if a.sasl != nil {
		pool.SASL = a.sasl()
	}
}

// shake makes connections with TLS. kafka-go would do it with its first request, and not say what went wrong.
func (a *Access) shake(dial dialer) dialer {
	if dial == nil {
		dial = new(net.Dialer).DialContext
	}
	return func(ctx context.Context, network, address string) (net.Conn, error) {
		raw, err := dial(ctx, network, address)
		if err != nil {
			return nil, err
		}
		config := a.tls.Clone()
		if config.ServerName, _, err = net.SplitHostPort(address); err != nil {
			return nil, errors.Join(err, raw.Close())
		}
		c := tls.Client(raw, config)
		if err := c.HandshakeContext(ctx); err != nil {
			raw.Close()
			return nil, fmt.Errorf("TLS handshake with %s: %w", address, err)
		}
		return c, nil
	}
}

// refused gives the error to end with where the other side does not let this client in, or is not whom it is
// taken for. Neither mends itself. kafka-go takes a connection that ends during the login for a wrong
// password, so that only several refusals in a row count.
func (c *client) refused(err error) error {
	var badCert *tls.CertificateVerificationError
	var notTLS tls.RecordHeaderError
	var alert *net.OpError
	switch {
	case errors.As(err, &badCert):
		return fmt.Errorf("the broker's certificate is not trusted; kafka.ca in the configuration names the certificates that are: %w", err)
	case errors.As(err, &notTLS):
		return fmt.Errorf("the broker does not speak TLS on this port; it has others, or kafka.tls in the configuration has to go: %w", err)
	case errors.As(err, &alert) && alert.Op == "remote error":
		return fmt.Errorf("the broker refuses this client's TLS; kafka.cert and kafka.key in the configuration name its certificate: %w", err)
	case errors.Is(err, kafka.UnsupportedSASLMechanism):
		return fmt.Errorf("the broker does not take this kind of login; kafka.sasl in the configuration names it: %w", err)
	case errors.Is(err, kafka.SASLAuthenticationFailed):
		if c.denied++; c.denied < patience {
			return nil
		}
		return fmt.Errorf("the broker does not take user %q with this password; kafka.user and kafka.password_env in the configuration name them: %w", c.topic.Access.user, err)
	}
	return nil
}
