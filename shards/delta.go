package shards

import (
	"bytes"
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"errors"
	"fmt"
	"maps"
	"regexp"
	"slices"
	"strconv"
	"strings"
	"time"

	"millrace"
)

// An entry of the commit log is a file of JSON lines, each an action of Delta Lake's protocol.
type action struct {
	CommitInfo *commitInfo `json:"commitInfo,omitempty"`
	Protocol   *protocol   `json:"protocol,omitempty"`
	MetaData   *metaData   `json:"metaData,omitempty"`
	Txn        *txn        `json:"txn,omitempty"`
	Add        *addFile    `json:"add,omitempty"`
	Remove     *removeFile `json:"remove,omitempty"`
}

type protocol struct {
	MinReader int `json:"minReaderVersion"`
	MinWriter int `json:"minWriterVersion"`
}

type metaData struct {
	ID               string            `json:"id"`
	Name             string            `json:"name"`
	Format           deltaFormat       `json:"format"`
	SchemaString     string            `json:"schemaString"`
	PartitionColumns []string          `json:"partitionColumns"`
	Configuration    map[string]string `json:"configuration"`
	CreatedTime      int64             `json:"createdTime"`
}

type deltaFormat struct {
	Provider string   `json:"provider"`
	Options  struct{} `json:"options"`
}

type txn struct {
	AppID   string `json:"appId"`
	Version int64  `json:"version"`
}

type addFile struct {
	Path             string            `json:"path"`
	PartitionValues  map[string]string `json:"partitionValues"`
	Size             int64             `json:"size"`
	ModificationTime int64             `json:"modificationTime"`
	DataChange       bool              `json:"dataChange"`
	Stats            string            `json:"stats"`
	Tags             map[string]string `json:"tags"`
}

type removeFile struct {
	Path              string `json:"path"`
	DeletionTimestamp int64  `json:"deletionTimestamp"`
	DataChange        bool   `json:"dataChange"`
}

// commitInfo holds what Delta Lake has no place for. Its other readers ignore the fields that they do not know.
type commitInfo struct {
	Timestamp  int64          `json:"timestamp"`
	Operation  string         `json:"operation"`
	EngineInfo string         `json:"engineInfo"`
	Format     int            `json:"format"`
	Recipe     string         `json:"recipe"`
	RecipeText string         `json:"recipe_text,omitempty"`
	From       int64          `json:"from"`
	To         int64          `json:"to"`
	Gaps       []Gap          `json:"gaps,omitempty"`
	Tally      millrace.Tally `json:"tally"`
	Rejects    []rejectFile   `json:"rejects"`
	Replaced   []string       `json:"replaced_rejects,omitempty"`
	Hidden     []hiddenRows   `json:"hidden,omitempty"`
	Layout     *Layout        `json:"layout,omitempty"`
	InForce    *Layout        `json:"layout_in_force,omitempty"`
	Root       string         `json:"merkle_root"`
	Previous   string         `json:"previous,omitempty"`
	Checksum   string         `json:"checksum,omitempty"` // of this entry; see sealEntry
}

type rejectFile struct {
	Path   string `json:"path"` // below DIR/rejects
	Rows   int64  `json:"rows"`
	Bytes  int64  `json:"bytes"`
	First  int64  `json:"first"`
	Last   int64  `json:"last"`
	SHA256 string `json:"sha256"`
}

const (
	enginePrefix = "millrace/"
	markPrefix   = "mark:" // of an appId: a mark, otherwise a Position
)

// encode writes the entry; equal entries give equal bytes.
func (e *Entry) encode() ([]byte, error) {
	info := &commitInfo{Timestamp: millis(e.Time), Operation: e.Operation, EngineInfo: enginePrefix + e.Code, Format: Format,
		Recipe: e.Recipe, RecipeText: e.RecipeText, From: e.From, To: e.To, Gaps: e.Gaps, Tally: e.Tally, Rejects: []rejectFile{},
		Replaced: e.replaced, Hidden: encodeHides(e.hides), Layout: e.Layout, InForce: e.InForce, Root: e.Root, Previous: e.Previous, Checksum: noChecksum}
	for _, f := range e.Rejects {
		info.Rejects = append(info.Rejects, rejectFile{f.Name, f.Rows, f.Bytes, f.First, f.Last, f.SHA256})
	}
	actions := []action{{CommitInfo: info}}
	if e.Version == 0 {
		actions = append(actions, action{Protocol: &protocol{MinReader: 1, MinWriter: 2}})
	}
	if e.schema {
		m, err := e.metaData()
		if err != nil {
			return nil, err
		}
		actions = append(actions, action{MetaData: m})
	}
	actions = appendTxns(actions, "", e.Checkpoint.Next)
	actions = appendTxns(actions, markPrefix, e.Checkpoint.Marks)
	for _, name := range e.removed {
		actions = append(actions, action{Remove: &removeFile{Path: name, DeletionTimestamp: millis(e.Time), DataChange: true}})
	}
	for _, f := range e.Files {
		actions = append(actions, action{Add: &addFile{Path: f.Name, PartitionValues: map[string]string{}, Size: f.Bytes,
			ModificationTime: millis(e.Time), DataChange: true, Stats: f.stats,
			Tags: map[string]string{"sha256": f.SHA256, "first": strconv.FormatInt(f.First, 10), "last": strconv.FormatInt(f.Last, 10)}}})
	}
	var b bytes.Buffer
	enc := json.NewEncoder(&b)
	for _, a := range actions {
		if err := enc.Encode(a); err != nil {
			return nil, fmt.Errorf("encode entry %d: %w", e.Version, err)
		}
	}
	return sealEntry(b.Bytes()), nil
}

// noChecksum stands where an entry's checksum will.
const noChecksum = "0000000000000000000000000000000000000000000000000000000000000000"

// sealEntry puts the entry's SHA-256 into it, computed with zeros in that place. The entry behind has another one, of the
// whole file; but the newest has none behind it.
func sealEntry(raw []byte) []byte {
	return bytes.Replace(raw, checksumField(noChecksum), checksumField(sum(raw)), 1)
}

func checksumField(sum string) []byte { return []byte(`"checksum":"` + sum + `"`) }

// wantSeal checks what sealEntry has put there. Entries of older versions have nothing.
func wantSeal(raw []byte, checksum string) error {
	if checksum == "" || sum(bytes.Replace(raw, checksumField(checksum), checksumField(noChecksum), 1)) == checksum {
		return nil
	}
	return errors.New("it does not match its checksum")
}

// metaData names a new table by its first commit, so that the same corpus made twice is the same table.
func (e *Entry) metaData() (*metaData, error) {
	s, err := deltaSchema(e.Signals)
	if err != nil {
		return nil, err
	}
	if e.table == "" {
		h := sha256.Sum256([]byte("millrace table " + e.Recipe + " " + e.Root))
		x := hex.EncodeToString(h[:])
		e.table = x[:8] + "-" + x[8:12] + "-" + x[12:16] + "-" + x[16:20] + "-" + x[20:32]
	}
	return &metaData{ID: e.table, Name: "corpus",
		Format: deltaFormat{Provider: "parquet"}, SchemaString: s, PartitionColumns: []string{},
		// The log is the ledger: nobody may tidy it up.
		Configuration: map[string]string{"delta.enableExpiredLogCleanup": "false"}, CreatedTime: millis(e.Time)}, nil
}

func appendTxns(actions []action, prefix string, at map[millrace.Partition]int64) []action {
	ids := make(map[string]int64, len(at))
	for p, n := range at {
		ids[prefix+p.String()] = n
	}
	for _, id := range slices.Sorted(maps.Keys(ids)) {
		actions = append(actions, action{Txn: &txn{AppID: id, Version: ids[id]}})
	}
	return actions
}

// decodeEntry reads what encode writes. An entry of another engine is refused by name.
func decodeEntry(version int64, raw []byte) (*Entry, error) {
	e := &Entry{Version: version, Checkpoint: millrace.Checkpoint{Next: map[millrace.Partition]int64{}, Marks: map[millrace.Partition]int64{}}}
	h := sha256.Sum256(raw)
	e.checksum = hex.EncodeToString(h[:])
	ours := false
	n := 0
	for line := range bytes.Lines(raw) {
		n++
		if line = bytes.TrimSpace(line); len(line) == 0 {
			continue
		}
		var a action
		if err := json.Unmarshal(line, &a); err != nil {
			return nil, fmt.Errorf("%s line %d: %w: %w", entryName(version), n, err, millrace.ErrIntegrity)
		}
		if a.CommitInfo != nil {
			if err := e.takeInfo(a.CommitInfo); err != nil {
				return nil, fmt.Errorf("%s line %d: %w: %w", entryName(version), n, err, millrace.ErrIntegrity)
			}
			ours = strings.HasPrefix(a.CommitInfo.EngineInfo, enginePrefix)
			if err := wantSeal(raw, a.CommitInfo.Checksum); err != nil {
				return nil, fmt.Errorf("%s: %w: %w", entryName(version), err, millrace.ErrIntegrity)
			}
		}
		if err := e.take(a); err != nil {
			return nil, fmt.Errorf("%s line %d: %w: %w", entryName(version), n, err, millrace.ErrIntegrity)
		}
	}
	if err := e.checkFiles(); err != nil {
		return nil, fmt.Errorf("%s: %w: %w", entryName(version), err, millrace.ErrIntegrity)
	}
	if !ours || len(e.removed) > 0 && e.Operation != opRebuild && e.Operation != opRewrite {
		return nil, fmt.Errorf("%s was not written by millrace (operation %q): %w", entryName(version), e.Operation, millrace.ErrIntegrity)
	}
	return e, nil
}

// checkFiles wants file names of ours, so that none leads out of its folder.
func (e *Entry) checkFiles() error {
	for _, f := range slices.Concat(e.Files, e.Rejects) {
		if !partFile.MatchString(f.Name) || f.Rows <= 0 || f.First < 0 || f.Last < f.First {
			return fmt.Errorf("%q is no file of ours", f.Name)
		}
	}
	for _, name := range slices.Concat(e.removed, e.replaced) {
		if !partFile.MatchString(name) {
			return fmt.Errorf("%q is no file of ours", name)
		}
	}
	return nil
}

// partFile is the form of the names that partName gives: none leads out of its folder.
var partFile = regexp.MustCompile(`^part-\d{8,}-\d{20}-[0-9a-f]{16}\.parquet$`)

func (e *Entry) takeInfo(c *commitInfo) (err error) {
	e.Operation, e.Recipe, e.RecipeText, e.From, e.To, e.Gaps = c.Operation, c.Recipe, c.RecipeText, c.From, c.To, c.Gaps
	e.Time, e.Tally, e.Root, e.Previous = fromMillis(c.Timestamp), c.Tally, c.Root, c.Previous
	e.Code = strings.TrimPrefix(c.EngineInfo, enginePrefix)
	e.Rejects, e.replaced = nil, c.Replaced
	for _, f := range c.Rejects {
		e.Rejects = append(e.Rejects, File{Name: f.Path, Rows: f.Rows, Bytes: f.Bytes, First: f.First, Last: f.Last, SHA256: f.SHA256, version: e.Version})
	}
	if e.Layout = c.Layout; e.Layout != nil {
		if err := e.Layout.check(); err != nil {
			return err
		}
	}
	if e.InForce = c.InForce; e.InForce != nil && *e.InForce != firstLayout() {
		if err := e.InForce.check(); err != nil {
			return err
		}
	}
	e.hides, err = decodeHides(c.Hidden)
	return err
}

// take adds the actions that stand outside commitInfo.
func (e *Entry) take(a action) error {
	switch {
	case a.MetaData != nil:
		names, err := deltaSignals(a.MetaData.SchemaString)
		if err != nil {
			return fmt.Errorf("schema: %w", err)
		}
		e.Signals, e.schema, e.table = names, true, a.MetaData.ID
	case a.Txn != nil:
		name, isMark := strings.CutPrefix(a.Txn.AppID, markPrefix)
		p, err := millrace.ParsePartition(name)
		if err != nil {
			return err
		}
		if isMark {
			e.Checkpoint.Marks[p] = a.Txn.Version
		} else {
			e.Checkpoint.Next[p] = a.Txn.Version
		}
	case a.Remove != nil:
		e.removed = append(e.removed, a.Remove.Path)
	case a.Add != nil:
		f, err := a.Add.file()
		if err != nil {
			return err
		}
		f.version = e.Version
		e.Files = append(e.Files, f)
	}
	return nil
}

func (a *addFile) file() (File, error) {
	f := File{Name: a.Path, Bytes: a.Size, SHA256: a.Tags["sha256"], stats: a.Stats}
	var s struct {
		NumRecords int64 `json:"numRecords"`
	}
	if err := json.Unmarshal([]byte(a.Stats), &s); err != nil {
		return f, fmt.Errorf("stats of %s: %w", a.Path, err)
	}
	f.Rows = s.NumRecords
	var err error
	if f.First, err = strconv.ParseInt(a.Tags["first"], 10, 64); err != nil {
		return f, fmt.Errorf("first offset of %s: %w", a.Path, err)
	}
	if f.Last, err = strconv.ParseInt(a.Tags["last"], 10, 64); err != nil {
		return f, fmt.Errorf("last offset of %s: %w", a.Path, err)
	}
	return f, nil
}

func millis(t time.Time) int64 {
	if t.IsZero() {
		return 0
	}
	return t.UnixMilli()
}

func fromMillis(n int64) time.Time {
	if n == 0 {
		return time.Time{}
	}
	return time.UnixMilli(n).UTC()
}
