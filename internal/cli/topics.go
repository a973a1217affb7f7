package cli

import "github.com/spf13/cobra"

// topicsCommand is the group of what looks at, or serves, the log between the belts.
func (a *App) topicsCommand() *cobra.Command {
	group := &cobra.Command{Use: "topics", Short: "The log between the belts", Args: cobra.NoArgs, RunE: func(c *cobra.Command, _ []string) error { return c.Help() }}
	group.AddCommand(
		a.topicsServeCommand(),
	)
	return group
}
