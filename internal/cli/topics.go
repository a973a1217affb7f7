package cli

import "github.com/spf13/cobra"

// topicsCommand is the group of what looks at, or serves, the log between the belts.
func (a *App) topicsCommand() *cobra.Command {
	group := &cobra.Command{
		Use: "topics", Short: "The log between the belts: ends, lag, and who reads", Args: noArgs,
		Long: `List the topics of a line that runs: each partition with its ends, what of it no commit covers yet, and the
process that reads it. One that waits for more than a minute while nobody reads it is shown in red.` + exitHelp,
		RunE: func(c *cobra.Command, _ []string) error { return a.runTopics(c.Context()) },
	}
	group.AddCommand(
		a.topicsServeCommand(), a.topicsTailCommand(), a.topicsResizeCommand(),
	)
	return group
}
