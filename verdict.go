package millrace

import (
	"fmt"
	"strconv"
	"strings"
)

// Reason is a registered code. Each has a page under docs/rules, printed by `millrace explain`.
type Reason string

// The reasons. A code that starts with "failed." says that a stage could not do its work.
const (
	RobotsDisallow    Reason = "robots.disallow"
	ConsentNoTrain    Reason = "consent.no_train"
	ConsentNoIndex    Reason = "consent.no_index"
	ConsentNotSaid    Reason = "consent.not_said"
	FetchStatus       Reason = "fetch.status"
	FetchRedirect     Reason = "fetch.redirect"
	FetchTooLarge     Reason = "fetch.too_large"
	FetchTruncated    Reason = "fetch.truncated"
	FetchMediaType    Reason = "fetch.media_type"
	CrawlTrap         Reason = "crawl.trap"
	CrawlAddress      Reason = "crawl.address"
	ExtractEmpty      Reason = "extract.empty"
	LangUnsure        Reason = "lang.unsure"
	LangOther         Reason = "lang.other"
	QualityWordCount  Reason = "quality.word_count"
	QualityWordLen    Reason = "quality.word_length"
	QualitySymbols    Reason = "quality.symbols"
	QualityBullets    Reason = "quality.bullets"
	QualityEllipsis   Reason = "quality.ellipsis"
	QualityAlpha      Reason = "quality.alpha_words"
	QualityStopWords  Reason = "quality.stop_words"
	QualityLorem      Reason = "quality.lorem_ipsum"
	QualityCurly      Reason = "quality.curly_bracket"
	QualitySentences  Reason = "quality.sentences"
	QualityLineEnds   Reason = "quality.line_ends"
	QualityShortLines Reason = "quality.short_lines"
	QualityNewlines   Reason = "quality.newlines"
	RepeatLines       Reason = "repetition.lines"
	RepeatParagraphs  Reason = "repetition.paragraphs"
	RepeatTop         Reason = "repetition.top_ngram"
	RepeatDup         Reason = "repetition.dup_ngram"
	RuleExpression    Reason = "rule.expression"
	RuleProcess       Reason = "rule.process"
	PIIDensity        Reason = "pii.density"
	PIIFound          Reason = "pii.found"
	LicenceUnknown    Reason = "licence.unknown"
	LicenceOther      Reason = "licence.other"
	SafetyHost        Reason = "safety.host"
	SourceOther       Reason = "source.other"
	DupExact          Reason = "dup.exact"
	DupNear           Reason = "dup.near"
	DupSame           Reason = "dup.same"
	DupVersion        Reason = "dup.version"
	Superseded        Reason = "superseded"
	RemovedGone       Reason = "removed.gone"
	RemovedTakedown   Reason = "removed.takedown"
	FailedDecode      Reason = "failed.decode"
	FailedLoad        Reason = "failed.load"
	FailedFetch       Reason = "failed.fetch"
	FailedExtract     Reason = "failed.extract"
	FailedCrashLoop   Reason = "failed.crash_loop"
	FailedStage       Reason = "failed.stage" // failed.<stage> of a stage without a page of its own
)

// Failed is the reason for a stage that returned an error or panicked.
func Failed(stage string) Reason { return Reason("failed." + stage) }

// Verdict is a decision with its evidence. The zero Verdict keeps.
type Verdict struct {
	Reason     Reason
	Stage      string
	Signal     string  // what was measured
	Value      float64 // what it was
	Limit      float64 // what it had to respect
	Of         ID      // of a duplicate: the twin that was kept
	OfUser     string  // the twin's id as the user wrote it
	Similarity float64 // of a duplicate: Jaccard of 5-word shingles
	Method     string  // of a duplicate: exact, jaccard, estimate
	Err        string  // of a failure: the error
}

// Kept reports whether the document is still in.
func (v Verdict) Kept() bool { return v.Reason == "" }

// Failed reports whether a stage could not do its work: a dead letter.
func (v Verdict) Failed() bool { return strings.HasPrefix(string(v.Reason), "failed.") }

// Withdraws reports whether the verdict on a page takes the page's older versions out of the corpus too.
func (v Verdict) Withdraws() bool {
	return strings.HasPrefix(string(v.Reason), "consent.") || v.Reason == RemovedGone
}

// Dropped reports whether the document was decided against.
func (v Verdict) Dropped() bool { return v.Reason != "" && !v.Failed() }

// String tells the verdict in one line: "dropped by gopher-quality: quality.word_count (words = 7, limit 50)".
func (v Verdict) String() string {
	if v.Kept() {
		return "kept"
	}
	var b strings.Builder
	if v.Failed() {
		fmt.Fprintf(&b, "failed in %s: %s", v.Stage, v.Reason)
	} else {
		fmt.Fprintf(&b, "dropped by %s: %s", v.Stage, v.Reason)
	}
	if v.Signal != "" {
		fmt.Fprintf(&b, " (%s = %s, limit %s)", v.Signal, number(v.Value), number(v.Limit))
	}
	if !v.Of.IsZero() {
		of := v.OfUser
		if of == "" {
			of = v.Of.String()
		}
		fmt.Fprintf(&b, " of %s", of)
		if v.Similarity > 0 {
			fmt.Fprintf(&b, ", Jaccard %s (%s)", number(v.Similarity), v.Method)
		}
	}
	if v.Err != "" {
		fmt.Fprintf(&b, ": %s", v.Err)
	}
	return b.String()
}

func number(f float64) string { return strconv.FormatFloat(f, 'g', 4, 64) }
