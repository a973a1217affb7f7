package cli

import "github.com/spf13/cobra"

// commands are the verbs of the first help screen, in the order of a corpus's life.
func (a *App) commands() []*cobra.Command {
	return []*cobra.Command{
		a.demoCommand(), a.initCommand(), a.planCommand(), a.runCommand(), a.trainCommand(), a.statusCommand(),
		a.whyCommand(), a.sampleCommand(), a.explainCommand(), a.checkCommand(), a.replayCommand(), a.flushCommand(),
		a.doctorCommand(), a.versionCommand(), a.robotsCommand(), a.consentCommand(), a.warcCommand(),
		a.topicsCommand(), a.exportCommand(), a.cleanCommand(),
	}
}
