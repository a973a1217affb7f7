package main

import (
	"context"
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/pbkdf2"
	"crypto/rand"
	"crypto/sha256"
	"crypto/sha512"
	"crypto/tls"
	"crypto/x509"
	"crypto/x509/pkix"
	"encoding/pem"
	"errors"
	"fmt"
	"io"
	"math/big"
	"net"
	"os"
	"path/filepath"
	"strings"
	"time"

	"github.com/segmentio/kafka-go"
	"github.com/twmb/franz-go/pkg/kfake"

	"millrace"
	"millrace/ingest"
	apache "millrace/internal/sim/kafka"
	"millrace/internal/sim/kafkapeers"
)

const (
	secureUser     = "alice"
	securePassword = "correct-horse-7Q"
)

var logins = map[string]string{"plain": "PLAIN", "scram-sha-256": "SCRAM-SHA-256", "scram-sha-512": "SCRAM-SHA-512"}

// secure tries millrace's client with TLS and each kind of login on kfake and on Apache Kafka. (Our own broker serves
// loopback only, and has neither.) It gives what went wrong, by broker and login.
func secure(ctx context.Context, dir, name string) (tried int, wrong []string, err error) {
	dir = filepath.Join(dir, "secure-"+name)
	if err := os.MkdirAll(dir, 0o755); err != nil {
		return 0, nil, err
	}
	cert, key, err := papers(dir)
	if err != nil {
		return 0, nil, err
	}
	addr, stop, err := guarded(ctx, dir, name, cert, key)
	if err != nil {
		return 0, nil, err
	}
	defer stop()
	for login := range logins {
		for _, password := range []string{securePassword, "wrong-donkey-9"} {
			access, err := ingest.NewAccess(ingest.AccessOptions{TLS: true, CA: cert, SASL: login, User: secureUser}, password)
			if err != nil {
				return 0, nil, err
			}
			said := carry(ctx, ingest.Topic{Addr: addr, Access: access, Name: login, Recipe: "r"})
			right := said == nil
			if password != securePassword {
				right = said != nil && !strings.Contains(said.Error(), password)
				if name == kafkapeers.Apache { // kfake only hangs up, as if it were down
					right = right && strings.Contains(said.Error(), "kafka.password_env")
				}
			}
			if tried++; !right {
				wrong = append(wrong, fmt.Sprintf("%s by %s, right password %t: %v", name, login, password == securePassword, said))
			}
		}
	}
	return tried, wrong, nil
}

// carry takes documents through a topic.
func carry(ctx context.Context, topic ingest.Topic) error {
	ctx, cancel := context.WithTimeout(ctx, 30*time.Second)
	defer cancel()
	if err := topic.Ensure(ctx); err != nil {
		return err
	}
	sink := topic.Sink(func(context.Context) (millrace.Checkpoint, error) { return millrace.Checkpoint{}, nil })
	defer sink.Close()
	if _, err := sink.Resume(ctx); err != nil {
		return err
	}
	const n = 50
	var docs []*millrace.Document
	for i := range n {
		docs = append(docs, &millrace.Document{ID: millrace.NewID("u", [32]byte{byte(i)}), Text: strings.Repeat("text ", i),
			Position: millrace.Position{Partition: millrace.Partition{Topic: "warc"}, Offset: int64(i)}})
	}
	if err := sink.Write(ctx, docs); err != nil {
		return err
	}
	source := topic.Source(ingest.SourceOptions{Until: func() bool { return true }})
	defer source.Close()
	if err := source.Open(ctx, millrace.Checkpoint{}); err != nil {
		return err
	}
	for got := 0; ; {
		b, err := source.Read(ctx, n)
		for _, d := range b.Docs {
			if d.Text != docs[got].Text {
				return fmt.Errorf("document %d is another one", got)
			}
			got++
		}
		if errors.Is(err, io.EOF) && got == n {
			return nil
		}
		if err != nil {
			return fmt.Errorf("after %d documents: %w", got, err)
		}
	}
}

// guarded starts a broker that wants TLS and a login.
func guarded(ctx context.Context, dir, name, cert, key string) (addr string, stop func(), err error) {
	if name == kafkapeers.Kfake {
		pair, err := tls.LoadX509KeyPair(cert, key)
		if err != nil {
			return "", nil, err
		}
		port, err := kafkapeers.FreePort()
		if err != nil {
			return "", nil, err
		}
		opts := []kfake.Opt{kfake.NumBrokers(1), kfake.Ports(port), kfake.TLS(&tls.Config{Certificates: []tls.Certificate{pair}}), kfake.EnableSASL()}
		for _, mechanism := range logins {
			opts = append(opts, kfake.Superuser(mechanism, secureUser, securePassword))
		}
		c, err := kfake.NewCluster(opts...)
		if err != nil {
			return "", nil, err
		}
		return c.ListenAddrs()[0], c.Close, nil
	}
	port, err := kafkapeers.FreePort()
	if err != nil {
		return "", nil, err
	}
	both, err := together(dir, key, cert)
	if err != nil {
		return "", nil, err
	}
	const login = "org.apache.kafka.common.security."
	addr = fmt.Sprintf("127.0.0.1:%d", port)
	b, err := apache.Start(ctx, apache.Options{Dir: filepath.Join(dir, "broker"), Listeners: []string{"SASL_SSL://" + addr}, Props: []string{
		"listener.security.protocol.map=PLAINTEXT:PLAINTEXT,CONTROLLER:PLAINTEXT,SASL_SSL:SASL_SSL",
		"broker.session.timeout.ms=9000",
		"sasl.enabled.mechanisms=PLAIN,SCRAM-SHA-256,SCRAM-SHA-512",
		"listener.name.sasl_ssl.plain.sasl.jaas.config=" + login + "plain.PlainLoginModule required user_" + secureUser + "=\"" + securePassword + "\";",
		"listener.name.sasl_ssl.scram-sha-256.sasl.jaas.config=" + login + "scram.ScramLoginModule required;",
		"listener.name.sasl_ssl.scram-sha-512.sasl.jaas.config=" + login + "scram.ScramLoginModule required;",
		"ssl.keystore.type=PEM", "ssl.keystore.location=" + both,
	}})
	if err != nil {
		return "", nil, err
	}
	if err := enrol(ctx, b.Addr()); err != nil {
		b.Kill()
		return "", nil, err
	}
	return addr, b.Kill, nil
}

// enrol makes the SCRAM logins, through the open listener.
func enrol(ctx context.Context, addr string) error {
	pool := &kafka.Transport{}
	defer pool.CloseIdleConnections()
	c := &kafka.Client{Addr: kafka.TCP(addr), Timeout: 30 * time.Second, Transport: pool}
	for mechanism, hash := range map[kafka.ScramMechanism]string{kafka.ScramMechanismSha256: "scram-sha-256", kafka.ScramMechanismSha512: "scram-sha-512"} {
		salt := []byte("a grain of salt")
		salted, err := saltedPassword(hash, salt, 4096)
		if err != nil {
			return err
		}
		r, err := c.AlterUserScramCredentials(ctx, &kafka.AlterUserScramCredentialsRequest{Upsertions: []kafka.UserScramCredentialsUpsertion{
			{Name: secureUser, Mechanism: mechanism, Iterations: 4096, Salt: salt, SaltedPassword: salted}}})
		if err != nil {
			return err
		}
		if len(r.Results) != 1 || r.Results[0].Error != nil {
			return fmt.Errorf("enrol %s: %+v", hash, r.Results)
		}
	}
	return nil
}

// together makes the one file that Kafka wants: the key, then the certificate.
func together(dir string, names ...string) (string, error) {
	var all []byte
	for _, n := range names {
		raw, err := os.ReadFile(n)
		if err != nil {
			return "", err
		}
		all = append(all, raw...)
	}
	path := filepath.Join(dir, "keystore.pem")
	return path, os.WriteFile(path, all, 0o600)
}

// papers makes a certificate for 127.0.0.1 and gives the files of certificate and key.
func papers(dir string) (cert, key string, err error) {
	priv, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	if err != nil {
		return "", "", err
	}
	template := &x509.Certificate{SerialNumber: big.NewInt(1), Subject: pkix.Name{CommonName: "conform"}, NotAfter: time.Now().Add(time.Hour),
		IPAddresses: []net.IP{net.IPv4(127, 0, 0, 1)}, IsCA: true, BasicConstraintsValid: true,
		KeyUsage: x509.KeyUsageDigitalSignature | x509.KeyUsageCertSign, ExtKeyUsage: []x509.ExtKeyUsage{x509.ExtKeyUsageServerAuth}}
	der, err := x509.CreateCertificate(rand.Reader, template, template, &priv.PublicKey, priv)
	if err != nil {
		return "", "", err
	}
	raw, err := x509.MarshalPKCS8PrivateKey(priv)
	if err != nil {
		return "", "", err
	}
	cert, key = filepath.Join(dir, "cert.pem"), filepath.Join(dir, "key.pem")
	for name, b := range map[string]*pem.Block{cert: {Type: "CERTIFICATE", Bytes: der}, key: {Type: "PRIVATE KEY", Bytes: raw}} {
		if err := os.WriteFile(name, pem.EncodeToMemory(b), 0o600); err != nil {
			return "", "", err
		}
	}
	return cert, key, nil
}

// saltedPassword is what a broker keeps instead of the password.
func saltedPassword(hash string, salt []byte, rounds int) ([]byte, error) {
	if hash == "scram-sha-512" {
		return pbkdf2.Key(sha512.New, securePassword, salt, rounds, sha512.Size)
	}
	return pbkdf2.Key(sha256.New, securePassword, salt, rounds, sha256.Size)
}
