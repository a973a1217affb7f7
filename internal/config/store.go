package config

import (
	"cmp"

	"millrace/internal/objects"
)

// S3 says how the object store is reached that Config.Store names. The secret stands in an environment variable and
// never in the file, which is copied into the corpus.
type S3 struct {
	Endpoint     string `yaml:"endpoint"` // http://HOST:PORT or https://HOST; empty: Amazon's
	Region       string `yaml:"region"`   // empty: us-east-1
	PathStyle    bool   `yaml:"path_style"`
	AccessKeyEnv string `yaml:"access_key_env"` // the names of the variables; empty: AWS_ACCESS_KEY_ID, AWS_SECRET_ACCESS_KEY
	SecretKeyEnv string `yaml:"secret_key_env"`
}

// Variables are the names of the environment variables with the access key and the secret.
func (s *S3) Variables() (access, secret string) {
	return cmp.Or(s.AccessKeyEnv, "AWS_ACCESS_KEY_ID"), cmp.Or(s.SecretKeyEnv, "AWS_SECRET_ACCESS_KEY")
}

// check finds the first value that cannot be meant, as Config.check does. inputs says that some may be objects.
func (s *S3) check(store string, inputs bool) (path, msg string) {
	switch {
	case store == "" && *s == (S3{}):
		return "", ""
	case store == "" && !inputs:
		return "$.s3", "s3 says how store: s3://BUCKET/PREFIX is reached, and there is no store"
	}
	if _, _, err := objects.Split(store); err != nil && store != "" {
		return "$.store", "store is s3://BUCKET/PREFIX"
	}
	if _, err := objects.CheckEndpoint(s.Endpoint); err != nil && s.Endpoint != "" {
		return "$.s3.endpoint", "endpoint is http://HOST:PORT or https://HOST"
	}
	access, secret := s.Variables()
	switch { // the lines are not shown
	case !variable(access):
		return "", "s3.access_key_env is the name of an environment variable, not the key itself"
	case !variable(secret):
		return "", "s3.secret_key_env is the name of an environment variable, not the secret itself"
	}
	return "", ""
}
