package config

// Kafka says how an Apache Kafka is reached that is not open to everybody. The password stands in an environment
// variable and never in the file, which is copied into the corpus.
type Kafka struct {
	TLS         bool   `yaml:"tls"`
	CA          string `yaml:"ca"`   // a file with the certificates to trust, in PEM; empty: the system's
	Cert        string `yaml:"cert"` // a file with this client's own certificate, in PEM
	Key         string `yaml:"key"`  // and with its key
	SASL        string `yaml:"sasl"` // plain, scram-sha-256 or scram-sha-512; empty: no login
	User        string `yaml:"user"`
	PasswordEnv string `yaml:"password_env"` // the name of the variable
}

// check finds the first value that cannot be meant, as Config.check does.
func (k *Kafka) check(used bool) (path, msg string) {
	if *k != (Kafka{}) && !used {
		return "$.kafka", "kafka says how a log kafka://HOST:PORT is reached, and log is embedded"
	}
	switch k.SASL {
	case "", "plain", "scram-sha-256", "scram-sha-512":
	default:
		return "$.kafka.sasl", "sasl is plain, scram-sha-256 or scram-sha-512"
	}
	switch {
	case !k.TLS && k.CA != "":
		return "$.kafka.ca", "ca is of no use without tls: true"
	case !k.TLS && k.Cert != "":
		return "$.kafka.cert", "cert is of no use without tls: true"
	case !k.TLS && k.Key != "":
		return "$.kafka.key", "key is of no use without tls: true"
	case k.Cert == "" && k.Key != "":
		return "$.kafka.key", "a key needs the certificate that it belongs to: cert"
	case k.Cert != "" && k.Key == "":
		return "$.kafka.cert", "a certificate needs its key: key"
	case k.SASL == "" && k.User != "":
		return "$.kafka.user", "a user needs sasl: plain, scram-sha-256 or scram-sha-512"
	case k.SASL == "" && k.PasswordEnv != "":
		return "$.kafka.password_env", "a password needs sasl: plain, scram-sha-256 or scram-sha-512"
	case k.SASL != "" && k.User == "":
		return "$.kafka.sasl", "a login needs a user"
	case k.SASL != "" && !variable(k.PasswordEnv):
		if k.PasswordEnv == "" {
			return "$.kafka.sasl", "a login needs password_env, the name of the environment variable with the password"
		}
		return "", "kafka.password_env is the name of an environment variable, not the password itself" // the line is not shown
	}
	return "", ""
}

// variable reports whether s can be the name of an environment variable. A password that was put in its place
// hardly ever can, and is shown by nobody then.
func variable(s string) bool {
	for i, r := range s {
		if !(r >= 'A' && r <= 'Z' || r >= 'a' && r <= 'z' || r == '_' || i > 0 && r >= '0' && r <= '9') {
			return false
		}
	}
	return s != ""
}
