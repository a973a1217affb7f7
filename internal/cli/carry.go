package cli

import (
	"context"
	"fmt"
	"os"
	"time"

	"millrace/ingest"
	"millrace/internal/config"
	"millrace/internal/objects"
)

// What belts on several machines need of each other besides the topics: the bytes of a page, and the archive.

// carrier lets bytes travel with their documents, where the belts of a line may have a folder each; nil where they share
// one.
func (l *line) carrier() *ingest.Carrier {
	if l.c.at.Store == nil {
		return nil
	}
	return &ingest.Carrier{Loader: l.loader(), Store: l.c.at.Store, Disk: l.c.disk, Log: l.a.log}
}

// loader reads bytes on this machine, else from the store.
func (l *line) loader() *ingest.Loader {
	d := &ingest.Loader{Dir: l.archiveDir(), Inputs: l.c.inputs(), Rows: openRows}
	if l.c.at.Store != nil && l.o.archive == "" {
		d.Store = l.c.at.Store
	}
	return d
}

// buckets are what inputs are read from: those that the key to the store, or the one in the environment, opens.
type buckets struct {
	open func(bucket string) (*objects.S3, error)
}

func (b buckets) List(ctx context.Context, bucket, prefix string, yield func(ingest.Object) error) error {
	s, err := b.open(bucket)
	if err != nil {
		return err
	}
	return s.List(ctx, prefix, func(o objects.Object) error { return yield(ingest.Object{Key: o.Name, Size: o.Size, ETag: o.ETag}) })
}

func (b buckets) Sign(ctx context.Context, bucket, key string) (string, error) {
	s, err := b.open(bucket)
	if err != nil {
		return "", err
	}
	return s.Sign(ctx, key)
}

// reach prepares a place on the configured object store.
func (a *App) reach(cfg config.Config, place string, patience time.Duration) (*objects.S3, error) {
	access, secret := cfg.S3.Variables()
	for _, name := range []string{access, secret} {
		if os.Getenv(name) == "" {
			return nil, &Error{Exit: Usage, Err: fmt.Errorf("the environment variable %s is empty: the key to %s", name, place),
				Means: "nothing was started", Try: "export " + name + "=..., then the same command again; s3: {access_key_env, secret_key_env} name other variables"}
		}
	}
	s, err := objects.NewS3(objects.Options{Place: place, Endpoint: cfg.S3.Endpoint, Region: cfg.S3.Region, PathStyle: cfg.S3.PathStyle,
		AccessKey: os.Getenv(access), SecretKey: os.Getenv(secret), Patience: patience, Log: a.log})
	if err != nil {
		return nil, &Error{Exit: Usage, Err: err, Means: "nothing was started", Try: "mend store: and s3: in the configuration"}
	}
	return s, nil
}

// readBuckets lets the inputs of the corpus be objects.
func (a *App) readBuckets(c *corpus) {
	c.buckets = buckets{func(bucket string) (*objects.S3, error) { return a.reach(c.cfg, "s3://"+bucket, runPatience) }}
}
