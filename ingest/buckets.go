package ingest

import (
	"context"
	"errors"
	"fmt"
	"path"
	"strings"
	"unicode/utf8"
)

// Buckets are those of an object store that files are read from.
type Buckets interface {
	// List hands over the objects whose keys begin with prefix, in the order of their keys.
	List(ctx context.Context, bucket, prefix string, yield func(Object) error) error
	// Sign gives a URL by which one object can be fetched, for some minutes.
	Sign(ctx context.Context, bucket, key string) (string, error)
}

// Object is one of a bucket.
type Object struct {
	Key  string
	Size int64
	ETag string // without quotes
}

const objectScheme = "s3://"

func isObject(s string) bool { return strings.HasPrefix(s, objectScheme) }

var (
	errNoBuckets   = errors.New("nothing here reads s3://")
	errManyObjects = fmt.Errorf("more than %d objects", maxURLs)
	errFirst       = errors.New("one is enough")
)

// findObjects lists what s3://BUCKET/KEY names: an object, else what lies below that name as below a folder; with a
// slash at its end, or without a key, the same; with wildcards, the keys that match.
func findObjects(ctx context.Context, in Input, name string) (all []listed, err error) {
	bucket, key, _ := strings.Cut(strings.TrimPrefix(name, objectScheme), "/")
	switch {
	case in.Buckets == nil:
		return nil, errNoBuckets
	case bucket == "" || strings.ContainsAny(bucket, "@:?#*"):
		return nil, fmt.Errorf("%q is not s3://BUCKET/KEY", name)
	}
	named := false
	add := func(base string) func(Object) error {
		return func(o Object) error {
			id := strings.TrimPrefix(o.Key, base)
			if strings.HasSuffix(o.Key, "/") || !named && hidden(id) {
				return nil
			}
			if !utf8.ValidString(o.Key) || strings.ContainsAny(o.Key, "\x00\r\n") {
				return fmt.Errorf("the key %q could stand in no row; rename the object", o.Key)
			}
			if o.ETag == "" {
				return fmt.Errorf("%s%s/%s has no ETag, so that a change could not be seen", objectScheme, bucket, o.Key)
			}
			all = append(all, listed{Input: in.Name, URL: objectScheme + bucket + "/" + o.Key, ID: id, Size: o.Size, ETag: o.ETag})
			if len(all) > maxURLs {
				return errManyObjects
			}
			return nil
		}
	}
	if i := strings.IndexAny(key, `*?[\`); i >= 0 {
		err := in.Buckets.List(ctx, bucket, key[:i], func(o Object) error {
			ok, err := path.Match(key, o.Key)
			if err != nil || !ok {
				return err
			}
			return add(key[:strings.LastIndexByte(key[:i], '/')+1])(o)
		})
		return all, err
	}
	if key != "" && !strings.HasSuffix(key, "/") {
		err := in.Buckets.List(ctx, bucket, key, func(o Object) error { // the object itself comes first
			if named = o.Key == key; named {
				if err := add(key[:strings.LastIndexByte(key, '/')+1])(o); err != nil {
					return err
				}
			}
			return errFirst
		})
		if len(all) > 0 || err != nil && !errors.Is(err, errFirst) {
			return all, ignoreFirst(err)
		}
		key += "/"
	}
	err = in.Buckets.List(ctx, bucket, key, add(key))
	return all, err
}

func ignoreFirst(err error) error {
	if errors.Is(err, errFirst) {
		return nil
	}
	return err
}

// sign gives the URL for an object.
func sign(ctx context.Context, from Buckets, name string) (string, error) {
	if from == nil {
		return "", errNoBuckets
	}
	bucket, key, _ := strings.Cut(strings.TrimPrefix(name, objectScheme), "/")
	return from.Sign(ctx, bucket, key)
}
