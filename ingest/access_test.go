package ingest

import (
	"bytes"
	"context"
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/tls"
	"crypto/x509"
	"crypto/x509/pkix"
	"encoding/binary"
	"encoding/pem"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"math/big"
	"net"
	"net/http"
	"net/http/httptest"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/xdg-go/scram"

	"millrace"
)

const (
	theUser     = "alice"
	thePassword = "correct-horse-7Q"
)

// papers makes a certificate for 127.0.0.1 and gives the files of certificate and key.
func papers(t testing.TB) (cert, key string) {
	t.Helper()
	priv, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	if err != nil {
		t.Fatal(err)
	}
	template := &x509.Certificate{SerialNumber: big.NewInt(1), Subject: pkix.Name{CommonName: "test"}, NotAfter: time.Now().Add(time.Hour),
		IPAddresses: []net.IP{net.IPv4(127, 0, 0, 1)}, IsCA: true, BasicConstraintsValid: true,
		KeyUsage: x509.KeyUsageDigitalSignature | x509.KeyUsageCertSign, ExtKeyUsage: []x509.ExtKeyUsage{x509.ExtKeyUsageServerAuth, x509.ExtKeyUsageClientAuth}}
	der, err := x509.CreateCertificate(rand.Reader, template, template, &priv.PublicKey, priv)
	if err != nil {
		t.Fatal(err)
	}
	raw, err := x509.MarshalPKCS8PrivateKey(priv)
	if err != nil {
		t.Fatal(err)
	}
	dir := t.TempDir()
	cert, key = filepath.Join(dir, "cert.pem"), filepath.Join(dir, "key.pem")
	for name, b := range map[string]*pem.Block{cert: {Type: "CERTIFICATE", Bytes: der}, key: {Type: "PRIVATE KEY", Bytes: raw}} {
		if err := os.WriteFile(name, pem.EncodeToMemory(b), 0o600); err != nil {
			t.Fatal(err)
		}
	}
	return cert, key
}

// gate stands before a broker and lets in who may come.
type gate struct {
	behind    string
	tls       *tls.Config // nil: in the open
	mechanism string      // "": no login
}

// open serves, and changes the topic so that it comes through the gate, whatever address the broker names.
func (g gate) open(t testing.TB, topic Topic) Topic {
	t.Helper()
	if g.behind == "" {
		g.behind = topic.Addr
	}
	ln, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { ln.Close() })
	go func() {
		for {
			c, err := ln.Accept()
			if err != nil {
				return
			}
			go func() {
				defer c.Close()
				if g.tls != nil {
					c = tls.Server(c, g.tls)
				}
				_ = g.serve(c) // whoever is refused sees it
			}()
		}
	}()
	topic.dial = func(ctx context.Context, network, _ string) (net.Conn, error) {
		var d net.Dialer
		return d.DialContext(ctx, network, ln.Addr().String())
	}
	return topic
}

func (g gate) serve(c net.Conn) error {
	up, err := net.Dial("tcp", g.behind)
	if err != nil {
		return err
	}
	defer up.Close()
	if g.mechanism != "" {
		if err := g.login(c, up); err != nil {
			return err
		}
	}
	go func() {
		io.Copy(up, c)
		up.Close()
	}()
	_, err = io.Copy(c, up)
	return err
}

func frame(r io.Reader) ([]byte, error) {
	var n [4]byte
	if _, err := io.ReadFull(r, n[:]); err != nil {
		return nil, err
	}
	b := make([]byte, binary.BigEndian.Uint32(n[:]))
	_, err := io.ReadFull(r, b)
	return append(n[:], b...), err
}

func reply(c net.Conn, body []byte) error {
	_, err := c.Write(append(binary.BigEndian.AppendUint32(nil, uint32(len(body))), body...))
	return err
}

var errDenied = errors.New("wrong password")

// login answers ApiVersions through the broker, with the two requests of a login added, and then these.
func (g gate) login(c, up net.Conn) error {
	step := g.steps()
	for {
		req, err := frame(c)
		if err != nil {
			return err
		}
		key, id := binary.BigEndian.Uint16(req[4:]), req[8:12]
		body := req[14+binary.BigEndian.Uint16(req[12:]):]
		answer := bytes.Clone(id)
		switch key {
		case 18:
			if _, err := up.Write(req); err != nil {
				return err
			}
			if answer, err = frame(up); err != nil {
				return err
			}
			answer = answer[4:]
			binary.BigEndian.PutUint32(answer[6:], binary.BigEndian.Uint32(answer[6:])+2)
			answer = append(answer, 0, 17, 0, 0, 0, 1, 0, 36, 0, 0, 0, 0)
		case 17:
			asked := string(body[2:])
			code := byte(0)
			if asked != g.mechanism {
				code = 33
			}
			answer = append(answer, 0, code, 0, 0, 0, 1, 0, byte(len(g.mechanism)))
			answer = append(answer, g.mechanism...)
		case 36:
			said, done, err := step(body[4:])
			code := byte(0)
			if err != nil {
				code = 58
			}
			answer = append(answer, 0, code, 0xff, 0xff)
			answer = append(binary.BigEndian.AppendUint32(answer, uint32(len(said))), said...)
			if err := reply(c, answer); err != nil || code != 0 || done {
				return err
			}
			continue
		default:
			return errDenied // nothing before the login
		}
		if err := reply(c, answer); err != nil {
			return err
		}
	}
}

func (g gate) steps() func([]byte) ([]byte, bool, error) {
	hash := scram.SHA256
	switch g.mechanism {
	case "PLAIN":
		return func(b []byte) ([]byte, bool, error) {
			if string(b) != "\x00"+theUser+"\x00"+thePassword {
				return nil, false, errDenied
			}
			return nil, true, nil
		}
	case "SCRAM-SHA-512":
		hash = scram.SHA512
	}
	server, err := hash.NewServer(func(user string) (scram.StoredCredentials, error) {
		if user != theUser {
			return scram.StoredCredentials{}, errDenied
		}
		client, err := hash.NewClient(theUser, thePassword, "")
		if err != nil {
			return scram.StoredCredentials{}, err
		}
		return client.GetStoredCredentials(scram.KeyFactors{Salt: "salt", Iters: 4096}), nil
	})
	if err != nil {
		panic(err)
	}
	talk := server.NewConversation()
	return func(b []byte) ([]byte, bool, error) {
		said, err := talk.Step(string(b))
		return []byte(said), talk.Done() && talk.Valid(), err
	}
}

func access(t testing.TB, o AccessOptions, password string) *Access {
	t.Helper()
	a, err := NewAccess(o, password)
	if err != nil {
		t.Fatal(err)
	}
	return a
}

// Documents go through TLS and each kind of login.
func TestAccess(t *testing.T) {
	cert, key := papers(t)
	pair, err := tls.LoadX509KeyPair(cert, key)
	if err != nil {
		t.Fatal(err)
	}
	for _, x := range []struct {
		name string
		gate gate
		o    AccessOptions
	}{
		{"TLS", gate{tls: &tls.Config{Certificates: []tls.Certificate{pair}}}, AccessOptions{TLS: true, CA: cert}},
		{"TLS with a certificate", gate{tls: &tls.Config{Certificates: []tls.Certificate{pair}, ClientAuth: tls.RequireAnyClientCert}},
			AccessOptions{TLS: true, CA: cert, Cert: cert, Key: key}},
		{"PLAIN", gate{mechanism: "PLAIN"}, AccessOptions{SASL: "plain", User: theUser}},
		{"SCRAM-SHA-256", gate{mechanism: "SCRAM-SHA-256"}, AccessOptions{SASL: "scram-sha-256", User: theUser}},
		{"TLS and SCRAM-SHA-512", gate{tls: &tls.Config{Certificates: []tls.Certificate{pair}}, mechanism: "SCRAM-SHA-512"},
			AccessOptions{TLS: true, CA: cert, SASL: "scram-sha-512", User: theUser}},
	} {
		t.Run(x.name, func(t *testing.T) {
			topic := x.gate.open(t, newTopic(t))
			topic.Access = access(t, x.o, thePassword)
			if err := topic.Ensure(t.Context()); err != nil {
				t.Fatal(err)
			}
			s, _ := resumed(t, topic, millrace.Checkpoint{})
			if err := s.Write(t.Context(), docs(warc0, 0, 9)); err != nil {
				t.Fatal(err)
			}
			ds, _, _ := drain(t, topic, millrace.Checkpoint{})
			wantOrder(t, ds, warc0, 9)
		})
	}
}

// Who is not let in learns why and what to look at, at once, and no word of it is the password.
func TestAccessRefused(t *testing.T) {
	cert, key := papers(t)
	other, _ := papers(t)
	pair, err := tls.LoadX509KeyPair(cert, key)
	if err != nil {
		t.Fatal(err)
	}
	sealed := gate{tls: &tls.Config{Certificates: []tls.Certificate{pair}}}
	site := httptest.NewServer(http.NotFoundHandler()) // answers a greeting in words
	defer site.Close()
	web := site.Listener.Addr().String()
	for _, x := range []struct {
		name     string
		gate     gate
		o        AccessOptions
		password string
		want     string
	}{
		{"wrong password", gate{mechanism: "PLAIN"}, AccessOptions{SASL: "plain", User: theUser}, "wrong-donkey-9", "kafka.password_env"},
		{"wrong password, SCRAM", gate{mechanism: "SCRAM-SHA-256"}, AccessOptions{SASL: "scram-sha-256", User: theUser}, "wrong-donkey-9", "kafka.password_env"},
		{"another login", gate{mechanism: "PLAIN"}, AccessOptions{SASL: "scram-sha-512", User: theUser}, thePassword, "kafka.sasl"},
		{"another certificate", sealed, AccessOptions{TLS: true, CA: other}, "", "kafka.ca"},
		{"nobody's certificate", sealed, AccessOptions{TLS: true}, "", "kafka.ca"},
		{"not Kafka there", gate{behind: web}, AccessOptions{TLS: true, CA: cert}, "", "kafka.tls"},
		{"no certificate of ours", gate{tls: &tls.Config{Certificates: []tls.Certificate{pair}, ClientAuth: tls.RequireAnyClientCert}},
			AccessOptions{TLS: true, CA: cert}, "", "kafka.cert"},
	} {
		t.Run(x.name, func(t *testing.T) {
			var talk bytes.Buffer
			topic := x.gate.open(t, newTopic(t))
			topic.Access = access(t, x.o, x.password)
			topic.Log = slog.New(slog.NewTextHandler(&talk, nil))
			ctx, cancel := context.WithTimeout(t.Context(), 20*time.Second)
			defer cancel()
			err := topic.Ensure(ctx)
			if err == nil || !strings.Contains(err.Error(), x.want) {
				t.Fatalf("got %v, want %s in it\n%s", err, x.want, talk.String())
			}
			all := err.Error() + talk.String() + fmt.Sprintf("%v %+v %#v %+v %#v", topic, topic, topic, topic.Access, topic.Access)
			for _, secret := range []string{thePassword, "wrong-donkey-9"} {
				if strings.Contains(all, secret) {
					t.Fatalf("the password is in %s", all)
				}
			}
		})
	}
}

// A connection that ends during the login is an outage, not a wrong password.
func TestOutageDuringLogin(t *testing.T) {
	topic := gate{mechanism: "PLAIN"}.open(t, newTopic(t))
	dial, cuts := topic.dial, 0
	topic.dial = func(ctx context.Context, network, address string) (net.Conn, error) {
		c, err := dial(ctx, network, address)
		if cuts++; err == nil && cuts <= 4 {
			return &cutConn{Conn: c, left: 2}, nil
		}
		return c, err
	}
	topic.Access = access(t, AccessOptions{SASL: "plain", User: theUser}, thePassword)
	if err := topic.Ensure(t.Context()); err != nil {
		t.Fatal(err)
	}
	if cuts <= 4 {
		t.Fatalf("%d connections", cuts)
	}
}

// cutConn ends after so many writes.
type cutConn struct {
	net.Conn
	left int
}

func (c *cutConn) Write(b []byte) (int, error) {
	if c.left--; c.left < 0 {
		c.Close()
		return len(b), nil // the answer is an EOF
	}
	return c.Conn.Write(b)
}

func TestAccessFiles(t *testing.T) {
	cert, _ := papers(t)
	empty := filepath.Join(t.TempDir(), "empty")
	if err := os.WriteFile(empty, []byte("nothing"), 0o600); err != nil {
		t.Fatal(err)
	}
	for _, o := range []AccessOptions{{TLS: true, CA: "nowhere"}, {TLS: true, CA: empty}, {TLS: true, Cert: cert, Key: cert}, {SASL: "gssapi"}} {
		if a, err := NewAccess(o, thePassword); err == nil || strings.Contains(err.Error(), thePassword) {
			t.Errorf("%+v: %v, %v", o, a, err)
		}
	}
	if a, err := NewAccess(AccessOptions{SASL: "scram-sha-256", User: "a"}, "bell\a"); err == nil || strings.Contains(err.Error(), "bell") {
		t.Errorf("%v, %v", a, err)
	}
}
