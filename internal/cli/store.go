package cli

import (
	"errors"
	"fmt"
	"io/fs"
	"path/filepath"
	"time"

	"millrace/internal/config"
	"millrace/internal/objects"
	"millrace/shards"
)

// How long a store that does not answer is asked again: a run waits, as it does for its log, and a command tells its user.
const (
	runPatience     = 5 * time.Minute
	commandPatience = 15 * time.Second
)

// openStore lets the corpus's table be that of the configured store, if there is one. Nothing is asked yet.
func (a *App) openStore(c *corpus, patience time.Duration) (err error) {
	c.at.Store, err = a.store(c.dir, c.cfg, patience)
	return err
}

// placeOf is where the table of a folder is kept, by the folder's own copy of the configuration, else by ./pipeline.yaml.
func (a *App) placeOf(dir string) (shards.Place, error) {
	p := shards.Place{Dir: dir, Disk: a.Disk}
	cfg, err := config.Load(filepath.Join(dir, "pipeline.yaml"))
	if errors.Is(err, fs.ErrNotExist) && a.dir == "" {
		cfg, err = config.Load("pipeline.yaml")
	}
	if errors.Is(err, fs.ErrNotExist) {
		cfg, err = config.Default(), nil
	}
	if err == nil {
		p.Store, err = a.store(dir, cfg, commandPatience)
	}
	return p, err
}

// store prepares the store of cfg, nil where the table is kept in dir alone. A folder that is the copy of another one is
// refused: what is committed would be in two tables.
func (a *App) store(dir string, cfg config.Config, patience time.Duration) (objects.Store, error) {
	bound, err := shards.Bound(dir)
	if err != nil {
		return nil, err
	}
	if cfg.Store == "" {
		if bound != "" {
			return nil, &Error{Exit: Usage, Err: fmt.Errorf("%s is a copy of %s, and the configuration names no store", dir, bound),
				Means: "nothing was started", Try: "store: " + bound + " in pipeline.yaml"}
		}
		return nil, nil
	}
	s, err := a.reach(cfg, cfg.Store, patience)
	if err != nil {
		return nil, err
	}
	if bound != "" && bound != s.String() {
		return nil, &Error{Exit: Usage, Err: fmt.Errorf("%s is a copy of %s, and the configuration names %s", dir, bound, s), Means: "nothing was started",
			Try: "another dir: for another corpus; if the objects were moved there, delete " + filepath.Join(dir, "store")}
	}
	return s, nil
}

// storeError gives an error of the store its exit code and hint; nil for another one.
func storeError(err error) *Error {
	switch {
	case errors.Is(err, objects.ErrUnconditional):
		return &Error{Exit: Usage, Err: err, Means: "nothing was started: of two who commit at once, both would believe that they have",
			Try: "a store that honours If-None-Match: * on PUT, as Amazon S3 does"}
	case errors.Is(err, shards.ErrStore):
		return &Error{Exit: Integrity, Err: err, Means: "nothing was written; the corpus is what the store has",
			Try: "if the store is right: delete data/ and rejects/ in the folder, which are fetched again. A corpus that is to move into a store is copied there first: data/*.parquet, rejects/, and data/_delta_log/ last"}
	}
	return nil
}
