package cli

import (
	"context"
	"errors"
	"io"
	"time"

	"millrace/ingest"
	"millrace/shards"
)

// watchEvery is the pause between two looks for new files.
const watchEvery = time.Second

// openFiles opens the ingest entries; with --follow their files may still come.
func (l *line) openFiles(ctx context.Context) (files *ingest.FileSource, err error) {
	if l.o.follow {
		files, err = parquetToo(ingest.Watch(ctx, l.c.disk, l.c.dir, l.c.inputs(), watchEvery))
	} else {
		files, err = parquetToo(ingest.Files(ctx, l.c.disk, l.c.dir, l.c.inputs()))
	}
	if errors.Is(err, ingest.ErrInputChanged) {
		return nil, inputChanged(err)
	}
	if err != nil {
		return nil, &Error{Exit: Usage, Err: err, Means: "nothing was started", Try: "mend ingest: in the configuration"}
	}
	files.URLKey = urlKey
	l.files = files
	return files, nil
}

// parquetToo lets a source of files read Parquet.
func parquetToo(s *ingest.FileSource, err error) (*ingest.FileSource, error) {
	if err == nil {
		s.Rows = openRows
	}
	return s, err
}

// openRows lets ingest read Parquet, which belongs to shards.
func openRows(in io.ReaderAt, size, from int64) (ingest.Rows, error) {
	f, err := shards.OpenForeign(in, size, from)
	if err != nil {
		return nil, err
	}
	return f, nil
}
