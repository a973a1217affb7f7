package cli

import (
	"fmt"
	"runtime"
	"runtime/debug"

	"github.com/spf13/cobra"

	"millrace/shards"
)

// Version is the release that this is on the way to; development builds carry their commit beside it.
const Version = "0.1.0-dev"

// release is what `git describe` said where `make release` built this; the linker sets it.
var release string

// codeVersion names the code in every commit: release and source revision.
func codeVersion() string {
	if release != "" {
		return release
	}
	info, ok := debug.ReadBuildInfo()
	if !ok {
		return Version
	}
	rev := ""
	for _, s := range info.Settings {
		if s.Key == "vcs.revision" && len(s.Value) >= 12 {
			rev = "+" + s.Value[:12]
		}
	}
	return Version + rev
}

func (a *App) versionCommand() *cobra.Command {
	return &cobra.Command{
		Use: "version", Short: "Say which millrace this is", Args: noArgs,
		RunE: func(*cobra.Command, []string) error {
			if a.json {
				a.emit(map[string]any{"type": "version", "version": codeVersion(), "go": runtime.Version(), "os": runtime.GOOS, "arch": runtime.GOARCH, "format": shards.Format})
				return nil
			}
			fmt.Fprintf(a.Stdout, "millrace %s (%s, %s/%s, corpus format %d)\n", codeVersion(), runtime.Version(), runtime.GOOS, runtime.GOARCH, shards.Format)
			return nil
		},
	}
}
