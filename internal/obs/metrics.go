// Package obs lets others watch a run: what happens in it comes in, and an HTTP listener answers with it, as
// metrics for Prometheus and as two yes-or-no pages for whoever starts and stops processes. It is a leaf and
// knows no folder. Read metrics.go, then server.go.
package obs

import (
	"strings"
	"time"

	"github.com/prometheus/client_golang/prometheus"
	"github.com/prometheus/client_golang/prometheus/collectors"

	"millrace"
)

// other is the label for what nobody has registered. Labels come from fixed lists only: text out of a page, a file
// or an error never becomes one.
const other = "other"

// kept is the reason of a document without one.
const kept = "kept"

// Labels are the words that may become labels.
type Labels struct{ Stages, Reasons []string }

// Metrics are the numbers of one run, on a registry of their own. docs/metrics.md explains each.
type Metrics struct {
	registry  *prometheus.Registry
	stages    map[string]bool
	reasons   map[string]bool
	documents *prometheus.CounterVec
	bytes     *prometheus.CounterVec
	letters   *prometheus.CounterVec
	retries   prometheus.Counter
	produce   prometheus.Histogram
	fsync     prometheus.Histogram
	commits   prometheus.Gauge
	lag       *prometheus.GaugeVec
	frontier  *prometheus.GaugeVec
	hosts     *prometheus.GaugeVec
	requests  prometheus.Gauge
	wire      prometheus.Gauge
	free      prometheus.Gauge
	ready     prometheus.Gauge
	alive     prometheus.Gauge
}

// New makes the metrics of a run by this version of millrace.
func New(version string, l Labels) *Metrics {
	m := &Metrics{registry: prometheus.NewRegistry(), stages: set(l.Stages), reasons: set(l.Reasons)}
	counter := func(name, help string, labels ...string) *prometheus.CounterVec {
		v := prometheus.NewCounterVec(prometheus.CounterOpts{Name: name, Help: help}, labels)
		m.registry.MustRegister(v)
		return v
	}
	gauge := func(name, help string, labels ...string) *prometheus.GaugeVec {
		v := prometheus.NewGaugeVec(prometheus.GaugeOpts{Name: name, Help: help}, labels)
		m.registry.MustRegister(v)
		return v
	}
	seconds := func(name, help string) prometheus.Histogram {
		h := prometheus.NewHistogram(prometheus.HistogramOpts{Name: name, Help: help, Buckets: prometheus.ExponentialBuckets(0.0001, 4, 10)})
		m.registry.MustRegister(h)
		return h
	}
	gauge("millrace_build_info", "1, with the version of the program.", "version").WithLabelValues(version).Set(1)
	m.documents = counter("millrace_documents_total", "Documents that a belt has handed on, by the stage that decided and its reason.", "belt", "stage", "reason")
	m.bytes = counter("millrace_bytes_total", "Bytes of those documents: of the page in an input belt, of the text of kept ones in a clean belt and the mill.", "belt")
	m.letters = counter("millrace_dead_letters_total", "Documents on which a stage failed.", "belt")
	m.retries = counter("millrace_log_retries_total", "Requests to the log that failed and were made again.").WithLabelValues()
	m.produce = seconds("millrace_log_produce_seconds", "Time until the log had acknowledged a batch.")
	m.fsync = seconds("millrace_log_fsync_seconds", "Time of one fsync of the embedded log.")
	m.commits = gauge("millrace_commits", "Commits of the corpus that this process has made.").WithLabelValues()
	m.lag = gauge("millrace_lag_records", "Records of its topic that are behind.", "topic", "partition")
	m.frontier = gauge("millrace_frontier_urls", "URLs that this crawl worker knows, by what became of them.", "state")
	m.hosts = gauge("millrace_frontier_hosts", "Hosts that this crawl worker knows, by where they stand in its schedule.", "state")
	m.requests = gauge("millrace_crawl_requests", "HTTP requests that this process has made.").WithLabelValues()
	m.wire = gauge("millrace_crawl_wire_bytes", "Bytes that they brought, as on the wire.").WithLabelValues()
	m.free = gauge("millrace_disk_free_bytes", "Room on the corpus's disk.").WithLabelValues()
	m.ready = gauge("millrace_ready", "1 where /readyz says yes.").WithLabelValues()
	m.alive = gauge("millrace_alive", "1 where /livez says yes.").WithLabelValues()
	m.registry.MustRegister(collectors.NewGoCollector(), collectors.NewProcessCollector(collectors.ProcessCollectorOpts{}))
	return m
}

func set(words []string) map[string]bool {
	s := map[string]bool{}
	for _, w := range words {
		s[w] = true
	}
	return s
}

// Documents counts what a belt has handed on. of says how many bytes a document counts for.
func (m *Metrics) Documents(belt string, docs []*millrace.Document, of func(*millrace.Document) int64) {
	var n int64
	for _, d := range docs {
		n += of(d)
		stage, reason := m.labels(d.Verdict)
		m.documents.WithLabelValues(belt, stage, reason).Inc()
		if d.Verdict.Failed() {
			m.letters.WithLabelValues(belt).Inc()
		}
	}
	m.bytes.WithLabelValues(belt).Add(float64(n))
}

// labels gives the registered words for a verdict.
func (m *Metrics) labels(v millrace.Verdict) (stage, reason string) {
	if v.Kept() {
		return "", kept
	}
	stage, reason = v.Stage, string(v.Reason)
	if !m.stages[stage] {
		stage = other
	}
	if !m.reasons[reason] {
		if reason = other; strings.HasPrefix(string(v.Reason), "failed.") {
			reason = string(millrace.FailedStage)
		}
	}
	return stage, reason
}

// Retried counts a request to the log that has to be made again.
func (m *Metrics) Retried() { m.retries.Inc() }

// Produced notes how long a batch took until it was acknowledged.
func (m *Metrics) Produced(d time.Duration) { m.produce.Observe(d.Seconds()) }

// Synced notes how long an fsync of the embedded log took.
func (m *Metrics) Synced(d time.Duration) { m.fsync.Observe(d.Seconds()) }

// Commits says how many commits there were.
func (m *Metrics) Commits(n int64) { m.commits.Set(float64(n)) }

// Lag says how much of a partition no commit covers. The names of topics are millrace's own.
func (m *Metrics) Lag(topic, partition string, records int64) {
	m.lag.WithLabelValues(topic, partition).Set(float64(records))
}

// Frontier is what a crawl worker says of itself.
type Frontier struct {
	URLs, Hosts     map[string]int64 // by state; the states are the crawl's own words
	Requests, Bytes int64
}

// Frontier shows a worker's counts.
func (m *Metrics) Frontier(f Frontier) {
	for state, n := range f.URLs {
		m.frontier.WithLabelValues(state).Set(float64(n))
	}
	for state, n := range f.Hosts {
		m.hosts.WithLabelValues(state).Set(float64(n))
	}
	m.requests.Set(float64(f.Requests))
	m.wire.Set(float64(f.Bytes))
}

// Free says how much room the disk has.
func (m *Metrics) Free(bytes int64) { m.free.Set(float64(bytes)) }

func (m *Metrics) answers(ready, alive bool) {
	number := map[bool]float64{true: 1}
	m.ready.Set(number[ready])
	m.alive.Set(number[alive])
}
