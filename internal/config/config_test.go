package config

import (
	"errors"
	"strings"
	"testing"
	"time"
)

func TestEmptyIsDefault(t *testing.T) {
	for _, s := range []string{"", "# nothing\n", "dir: ./corpus\n"} {
		c, err := Parse("p.yaml", []byte(s))
		if err != nil {
			t.Fatalf("%q: %v", s, err)
		}
		if c.Crawl.Delay != Duration(time.Second) || c.Shards.TargetBytes != 500e6 || c.Crawl.MaxBody != 8<<20 {
			t.Fatalf("%q: %+v", s, c)
		}
	}
}

func TestValues(t *testing.T) {
	c, err := Parse("p.yaml", []byte(`
crawl: {seeds: ['http://127.0.0.2:18080/'], delay: 200ms, per_ip_delay: 0, max_body: 2MiB}
ingest: [{in: 'a/*.jsonl', text_field: body}]
shards: {target_bytes: 1.5MB, flush_every: 0, max_stale: {takedown: 10s}}
`))
	if err != nil {
		t.Fatal(err)
	}
	if c.Crawl.Delay != Duration(200*time.Millisecond) || c.Crawl.PerIPDelay == nil || *c.Crawl.PerIPDelay != 0 || c.Crawl.MaxBody != 2<<20 {
		t.Errorf("crawl: %+v", c.Crawl)
	}
	if in := c.Ingest[0]; in.TextField != "body" || in.IDField != "id" || in.Consent != "not_said" {
		t.Errorf("ingest: %+v", in)
	}
	if c.Shards.TargetBytes != 1.5e6 || c.Shards.FlushEvery != 0 || c.Shards.MaxStale.Superseded != Duration(time.Hour) {
		t.Errorf("shards: %+v", c.Shards)
	}
}

func TestRecrawl(t *testing.T) {
	for in, want := range map[string]Recrawl{
		"off":                 {},
		"on":                  {On: true},
		"'on'":                {On: true},
		"{}":                  {On: true},
		"{min: 90s}":          {On: true, Min: Duration(90 * time.Second)},
		"{max: 90d}":          {On: true, Max: Duration(90 * 24 * time.Hour)},
		"\n    per_day: 1000": {On: true, PerDay: 1000},
	} {
		c, err := Parse("p.yaml", []byte("crawl:\n  recrawl: "+in+"\n"))
		if err != nil || c.Crawl.Recrawl != want {
			t.Errorf("%q: %+v, %v", in, c.Crawl.Recrawl, err)
		}
	}
}

// A wrong key or value shows its line, with a mark at the place.
func TestErrorsShowThePlace(t *testing.T) {
	for _, c := range []struct{ yaml, want string }{
		{"dir: x\ncrawl:\n  deley: 1s\n", "deley"},
		{"dir: x\nworkerz: 3\n", "workerz"},
		{"crawl: {delay: fast}\n", "no duration"},
		{"crawl: {max_body: much}\n", "no size"},
		{"crawl:\n  recrawl: daily\n", "recrawl is off, on"},
		{"crawl:\n  recrawl: {per_dai: 3}\n", "per_dai"},
		{"crawl:\n  recrawl: {min: soon}\n", "no duration"},
		{"crawl:\n  recrawl: {min: 2d, max: 1d}\n", "min is above max"},
		{"crawl:\n  recrawl: {per_day: -1}\n", "cannot be negative"},
		{"crawl:\n  recrawl: [on]\n", "recrawl"},
		{"crawl: {concurrency: 0}\n", "between 1 and 4096"},
		{"dir: x\nlog: kafka://\n", "kafka://HOST:PORT"},
		{"workers: many\n", "workers"},
		{"dedup: {threshold: 0.2}\n", "threshold is above"},
		{"agent: {token: 'bot 1'}\n", "product token"},
		{"ingest: [{text_field: x}]\n", "needs in"},
		{"crawl: [1, 2]\n", "crawl"},
		{"dir: [\n", "["},
		{"kafka: {tls: true}\n", "log is embedded"},
		{"log: kafka://h:1\nkafka: {sasl: gssapi}\n", "scram-sha-256"},
		{"log: kafka://h:1\nkafka: {ca: x.pem}\n", "without tls"},
		{"log: kafka://h:1\nkafka: {tls: true, cert: x.pem}\n", "needs its key"},
		{"log: kafka://h:1\nkafka: {tls: true, key: x.pem}\n", "needs the certificate"},
		{"log: kafka://h:1\nkafka: {user: alice}\n", "needs sasl"},
		{"log: kafka://h:1\nkafka: {password_env: P}\n", "needs sasl"},
		{"log: kafka://h:1\nkafka: {sasl: plain, password_env: P}\n", "needs a user"},
		{"log: kafka://h:1\nkafka: {sasl: plain, user: alice}\n", "needs password_env"},
		{"log: kafka://h:1\nkafka: {tls: true, sasl_mechanism: plain}\n", "sasl_mechanism"},
		{"s3: {region: x}\n", "there is no store"},
		{"store: /x\n", "s3://BUCKET/PREFIX"},
		{"store: s3://\n", "s3://BUCKET/PREFIX"},
		{"store: s3://b/../c\n", "s3://BUCKET/PREFIX"},
		{"store: s3://b\ns3: {endpoint: 'h:9000'}\n", "http://HOST:PORT"},
		{"store: s3://b\ns3: {zone: x}\n", "zone"},
		{"dir: a\ndir: b\n", "dir"},
	} {
		_, err := Parse("p.yaml", []byte(c.yaml))
		var e *Error
		if !errors.As(err, &e) || !strings.Contains(e.Text, c.want) {
			t.Errorf("%q: got %v, want %q in it", c.yaml, err, c.want)
			continue
		}
		if !strings.Contains(e.Text, "^") {
			t.Errorf("%q: no caret in\n%s", c.yaml, e.Text)
		}
	}
}

// A password that was written into the file is in no error.
func TestPasswordIsNotShown(t *testing.T) {
	for _, in := range []string{
		"log: kafka://h:1\nkafka: {sasl: plain, user: alice, password_env: 'hunter-2'}\n",
		"log: kafka://h:1\nkafka:\n  sasl: plain\n  user: alice\n  password: hunter-2\n",
		"log: kafka://h:1\nkafka: {sasl: plain, user: alice, password: hunter-2}\n",
		"store: s3://b/p\ns3: {access_key_env: AKIA, secret_key_env: 'hunter-2'}\n",
		"store: s3://b/p\ns3: {access_key_env: 'hunter/2'}\n",
		"store: s3://b/p\ns3:\n  secret_key: hunter-2\n",
		"store: s3://b/p\ns3: {access_key: hunter-2}\n",
	} {
		_, err := Parse("p.yaml", []byte(in))
		var e *Error
		if !errors.As(err, &e) || strings.Contains(err.Error(), "hunter") || !strings.Contains(err.Error(), "environment variable") {
			t.Errorf("%q: %v", in, err)
		}
	}
	c, err := Parse("p.yaml", []byte("log: kafka://h:1\nkafka: {tls: true, ca: c, cert: d, key: e, sasl: scram-sha-512, user: u, password_env: P_1}\n"))
	if want := (Kafka{true, "c", "d", "e", "scram-sha-512", "u", "P_1"}); err != nil || c.Kafka != want {
		t.Errorf("%+v, %v", c.Kafka, err)
	}
	c, err = Parse("p.yaml", []byte("store: s3://b/p/q\ns3: {endpoint: 'http://h:1', region: r, path_style: true, access_key_env: A, secret_key_env: S}\n"))
	if want := (S3{"http://h:1", "r", true, "A", "S"}); err != nil || c.S3 != want || c.Store != "s3://b/p/q" {
		t.Errorf("%+v, %v", c.S3, err)
	}
	c, err = Parse("p.yaml", []byte("store: s3://b\n"))
	if access, secret := c.S3.Variables(); err != nil || access != "AWS_ACCESS_KEY_ID" || secret != "AWS_SECRET_ACCESS_KEY" {
		t.Errorf("%s, %s, %v", access, secret, err)
	}
}

func TestHashHoldsOnlyWhatAltersARow(t *testing.T) {
	base := Default()
	h := base.Hash("clean1", "training", []string{"http://a/"})
	same := base
	same.Crawl.Delay, same.Workers, same.Log, same.Dir, same.Train.Preset, same.Crawl.Concurrency = 1, 9, "kafka://h:1", "/x", "char", 3
	same.Kafka = Kafka{TLS: true, SASL: "plain", User: "u", PasswordEnv: "P"}
	same.Store, same.S3 = "s3://b/p", S3{Region: "r"}
	same.Shards.FlushEvery, same.Crawl.Recrawl = 5, Recrawl{On: true, PerDay: 3}
	if same.Hash("clean1", "training", []string{"http://a/"}) != h {
		t.Error("a speed or a path is in the hash")
	}
	down := base
	down.Dedup.Threshold = 0.9
	if g := down.Hash("clean1", "training", []string{"http://a/"}); g.Full == h.Full || g.Upstream != h.Upstream {
		t.Error("the threshold belongs to the full hash only")
	}
	if g := base.Hash("clean2", "training", []string{"http://a/"}); g.Full == h.Full || g.Upstream != h.Upstream {
		t.Error("the cleaning recipe belongs to the full hash only")
	}
	if g := base.Hash("clean1", "record", []string{"http://a/"}); g.Full == h.Full || g.Upstream == h.Upstream {
		t.Error("another policy, the same hash")
	}
	if g := base.Hash("clean1", "training", []string{"http://b/"}); g.Full == h.Full || g.Upstream == h.Upstream {
		t.Error("the seeds belong to both hashes")
	}
}

func FuzzParse(f *testing.F) {
	f.Add("dir: x\ncrawl: {delay: 1s}\n")
	f.Add("a: &a [*a]\n")
	f.Add("? : -\n- x\n\t\x00")
	f.Fuzz(func(t *testing.T, s string) {
		if len(s) > 4096 {
			return
		}
		if _, err := Parse("p.yaml", []byte(s)); err != nil {
			var e *Error
			if !errors.As(err, &e) {
				t.Fatalf("%T: %v", err, err)
			}
		}
	})
}
