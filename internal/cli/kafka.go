package cli

import (
	"fmt"
	"os"

	"millrace/ingest"
)

// access says how the configured Kafka is reached; nil where it is open, or the log is embedded.
func (c *corpus) access(a *App) (*ingest.Access, error) {
	k := c.cfg.Kafka
	if !k.TLS && k.SASL == "" {
		return nil, nil
	}
	password := ""
	if k.SASL != "" {
		if password = os.Getenv(k.PasswordEnv); password == "" {
			return nil, &Error{Exit: Usage, Err: fmt.Errorf("the environment variable %s, which kafka.password_env names, is empty", k.PasswordEnv),
				Means: "nothing was started", Try: "export " + k.PasswordEnv + "=..., then the same command again"}
		}
	}
	if k.SASL == "plain" && !k.TLS {
		a.log.Warn("kafka.sasl is plain and kafka.tls is not set: whoever can read the network reads the password")
	}
	access, err := ingest.NewAccess(ingest.AccessOptions{TLS: k.TLS, CA: k.CA, Cert: k.Cert, Key: k.Key, SASL: k.SASL, User: k.User}, password)
	if err != nil {
		return nil, &Error{Exit: Usage, Err: err, Means: "nothing was started", Try: "mend kafka: in the configuration"}
	}
	return access, nil
}
